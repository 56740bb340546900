package instance

import (
	"testing"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/result"
)

// square is a square of 20 pixels of a picture of 100 x 100.
func square(x, y int) coco.Segmentation {
	pixels := make([]uint8, 100*100)
	for i := range 20 {
		for k := range 20 {
			pixels[(y+i)*100+x+k] = 1
		}
	}
	return coco.Of(mask.Encode(100, 100, pixels))
}

// Of four cans in a picture one is found, one is taken for a cup, one is missed, and one lies in
// a crowd. Two detections have no object: one on nothing, one a second on the found can.
func TestOutcomes(t *testing.T) {
	truth := &coco.File{
		Images:     []coco.Image{{ID: 7, FileName: "a.png", Width: 100, Height: 100}},
		Categories: []coco.Category{{ID: 1, Name: "can"}, {ID: 2, Name: "cup"}},
		Annotations: []coco.Annotation{
			{ID: 1, ImageID: 7, CategoryID: 1, Segmentation: square(0, 0), Area: 400},
			{ID: 2, ImageID: 7, CategoryID: 1, Segmentation: square(40, 0), Area: 400},
			{ID: 3, ImageID: 7, CategoryID: 1, Segmentation: square(0, 40), Area: 400},
			{ID: 4, ImageID: 7, CategoryID: 1, Segmentation: square(70, 70), Area: 400, Crowd: true},
		},
	}
	found := func(class int64, score float64, x, y int) coco.Result {
		return coco.Result{ImageID: 7, CategoryID: class, Score: score, Segmentation: square(x, y)}
	}
	o, err := outcomes(truth, []coco.Result{
		found(1, 0.6, 4, 0), // after the next, which takes the object
		found(1, 0.9, 1, 0), found(2, 0.8, 42, 0), found(1, 0.7, 40, 40), found(1, 0.9, 70, 70),
		found(1, 0.4, 0, 40), // too low a score
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.Right != 1 || o.WrongClass != 1 || o.Missed != 1 || o.NoObject != 2 {
		t.Errorf("%+v", o)
	}
	want := []result.Failure{
		{Kind: result.WrongClass, Truth: "can", Class: "cup", Score: 0.8, IoU: 18. / 22},
		{Kind: result.NoObject, Class: "can", Score: 0.7},
		{Kind: result.NoObject, Class: "can", Score: 0.6, IoU: 16. / 24},
		{Kind: result.Missed, Truth: "can"},
	}
	if len(o.Failures) != len(want) {
		t.Fatalf("%+v", o.Failures)
	}
	for i, w := range want {
		got := o.Failures[i]
		if got.ImageID != 7 || got.Image != "a.png" || (got.Object == nil) != (w.Truth == "") || (got.Found == nil) != (w.Class == "") {
			t.Errorf("failure %d: %+v", i, got)
		}
		got.Object, got.Found, got.Image, got.ImageID = nil, nil, "", 0
		if got != w {
			t.Errorf("failure %d is %+v, want %+v", i, got, w)
		}
	}
}
