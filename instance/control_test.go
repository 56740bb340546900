package instance

import (
	"image"
	"reflect"
	"testing"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/instance/maskrcnn"
	"oscar/result"
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

// A box that lies between the middles of pixels has none, and so no control.
func TestBoxWithoutAPixel(t *testing.T) {
	p := picture{Image: image.NewRGBA(image.Rect(0, 0, 4, 4))}
	sum := result.HeatSum{}
	for _, box := range []mask.Box{{0.6, 0.6, 0.8, 0.8}, {0, 0, 2, 2}} {
		h := controlOf(0, []object{{result: coco.Result{Box: box}, pixels: make([]uint8, 16)}}, p)
		if (h == nil) != (box[0] > 0) {
			t.Errorf("box %v: %+v", box, h)
		}
		sum.Add(h)
	}
	if mean := sum.Mean(); mean.Maps != 1 || mean.Box != 1 {
		t.Errorf("%+v, want 1 in the one box with pixels", mean)
	}
}
