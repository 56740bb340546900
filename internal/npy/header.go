package npy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The header is a Python dictionary literal. NumPy sorts its three keys, but
// the format does not require it.
var (
	descrKey   = regexp.MustCompile(`'descr':\s*('[^']*'|\[[^\]]*\])`)
	fortranKey = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	shapeKey   = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// parseHeader returns the shape in a header text.
func parseHeader(header string) ([]int, error) {
	descr := descrKey.FindStringSubmatch(header)
	fortran := fortranKey.FindStringSubmatch(header)
	dims := shapeKey.FindStringSubmatch(header)
	if descr == nil || fortran == nil || dims == nil {
		return nil, fmt.Errorf("header %q lacks descr, fortran_order or shape", strings.TrimSpace(header))
	}
	if descr[1] != "'<f4'" {
		return nil, fmt.Errorf("values of type %s; want '<f4', little-endian float32", descr[1])
	}
	if fortran[1] != "False" {
		return nil, fmt.Errorf("values in Fortran order; want C order")
	}
	shape := []int{}
	for part := range strings.SplitSeq(dims[1], ",") {
		part = strings.TrimSpace(part)
		if part == "" { // after the last comma
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("shape (%s): dimension %q is not a number that fits", dims[1], part)
		}
		shape = append(shape, n)
	}
	return shape, nil
}
