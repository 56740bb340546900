package gradcam

import (
	"fmt"
	"strings"

	"oscar/explain"
)

// A Method makes a signed, unscaled map [H,W] of one image from a layer's
// activations and the gradients of a class score with respect to them, both
// [H,W,C].
type Method func(activations, gradients explain.Volume) explain.Grid

// An Entry is a line in the table of methods.
type Entry struct {
	Name   string // as in explain.Attribution.Method
	Method Method
	Paper  string // where the equation is
}

// Methods is the table of methods, in the order of their help text. It is not
// to be changed at run time.
var Methods = []Entry{
	{"gradcam", GradCAM, "Selvaraju et al. 2017, arXiv:1610.02391, eq. 1-2"},
}

// Lookup finds a method by name, or says which there are.
func Lookup(name string) (Entry, error) {
	names := make([]string, len(Methods))
	for i, entry := range Methods {
		if entry.Name == name {
			return entry, nil
		}
		names[i] = entry.Name
	}
	return Entry{}, fmt.Errorf("no CAM method %q; have %s", name, strings.Join(names, ", "))
}
