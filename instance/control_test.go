package instance

import (
	"reflect"
	"testing"

	"oscar/instance/maskrcnn"
)

// The maps of the controls by hand: a box of 4 x 2 pixels, and a mask of 3 x 3 in a picture of 6 x 5.
func TestControlMaps(t *testing.T) {
	g := boxMap(maskrcnn.Box{1, 1, 5, 3}, 5, 6)
	if g.At(1, 2) != 0.5 || g.At(2, 3) != 0.5 || g.At(1, 1) != 0.25 || g.At(0, 2) >= 0 || g.At(4, 2) >= g.At(3, 2) {
		t.Errorf("%v", g.Values)
	}
	mask := make([]uint8, 5*6)
	for y := 1; y < 4; y++ {
		for x := 1; x < 4; x++ {
			mask[y*6+x] = 1
		}
	}
	want := []float32{
		-1, -1, -1, -1, -1, -2,
		-1, 1, 1, 1, -1, -2,
		-1, 1, 2, 1, -1, -2,
		-1, 1, 1, 1, -1, -2,
		-1, -1, -1, -1, -1, -2,
	}
	if got := maskMap(mask, 5, 6).Values; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
