package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"oscar/internal/agreement"
	"oscar/internal/machine"
	"oscar/internal/npy"
)

// tolerance is the largest difference of a contestant's numbers from oscar's, as a share of
// the largest of oscar's. Gradients at the image differ more, also between the
// others: see [agreement.Kinked].
const tolerance = 1e-3

// rounded is the tolerance in bfloat16, of the root of the mean square of the differences
// from oscar's numbers in float32: single pixels of a map may differ by more
// (docs/design/0014-precision.md).
const rounded = 0.02

// sampled is the tolerance of losses that are means over random draws of anchors and regions.
const sampled = 0.05

// bounds are the tolerances of single files in float32. Boxes may differ by 0.05 pixels. In a
// quarter of the pictures other boxes may be left: scores over plain ground are equal.
var bounds = map[string]float64{
	"ig.npy": agreement.Kinked, "losses.npy": sampled,
	"boxes.npy": 0.05 / detectorSide, "scores.npy": 1e-4, "alike.npy": 0.25, // six of eight
}

// disagreement compares a contestant's numbers in a precision with oscar's in float32. It
// returns the difference, or nil.
func disagreement(ours, theirs string, p machine.Precision) error {
	files, err := filepath.Glob(filepath.Join(theirs, "*.npy"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Base(file)
		_, got, err := npy.Read(file)
		if err != nil {
			return err
		}
		_, want, err := npy.Read(filepath.Join(ours, name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("proves %s, which oscar does not", name)
		} else if err != nil {
			return err
		}
		if len(got) != len(want) {
			return fmt.Errorf("does not compute the same: %s has %d values, oscar's %d", name, len(got), len(want))
		}
		bound, apart := tolerance, agreement.Apart[float32, float32]
		if b, ok := bounds[name]; ok {
			bound = b
		}
		if p == machine.BFloat16 {
			bound, apart = max(bound, rounded), apartInMean
		}
		if d := apart(got, want); !(d <= bound) {
			return fmt.Errorf("does not compute the same: %s differs by %.2g from oscar's", name, d)
		}
	}
	return nil
}

// apartInMean returns the root of the mean square of the differences, as a share of the
// largest wanted value. It is NaN if a value is not a number.
func apartInMean(got, want []float32) float64 {
	sum, largest := 0.0, 0.0
	for i, v := range want {
		d := float64(got[i]) - float64(v)
		sum += d * d
		largest = max(largest, math.Abs(float64(v)))
	}
	return math.Sqrt(sum/float64(len(want))) / largest
}
