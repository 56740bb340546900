package instance

import (
	"testing"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/result"
)

// drawn returns the mask of a picture of 8 columns that has an x.
func drawn(rows ...string) coco.Segmentation {
	pixels := make([]uint8, 0, 8*len(rows))
	for _, row := range rows {
		for _, c := range row {
			v := uint8(0)
			if c == 'x' {
				v = 1
			}
			pixels = append(pixels, v)
		}
	}
	return coco.Of(mask.Encode(len(rows), 8, pixels))
}

// Two objects of a class that touch become one piece, with the higher score; one of another
// class that has the pixels first stays, and cuts the next in two. Corners do not connect.
func TestPieces(t *testing.T) {
	truth := &coco.File{Images: []coco.Image{{ID: 4, Width: 8, Height: 3}}}
	found := components(truth, merged([]coco.Result{
		{ImageID: 4, CategoryID: 1, Score: 0.6, Segmentation: drawn("xx......", "xx......", "........")},
		{ImageID: 4, CategoryID: 1, Score: 0.9, Segmentation: drawn("..x.....", "..x.....", "...x....")},
		{ImageID: 4, CategoryID: 2, Score: 0.8, Segmentation: drawn(".....x..", ".....x..", ".....x..")},
		{ImageID: 4, CategoryID: 1, Score: 0.7, Segmentation: drawn("........", "....xxx.", "........")},
		{ImageID: 4, CategoryID: 1, Score: 0.4, Segmentation: drawn("xxxxxxxx", "xxxxxxxx", "xxxxxxxx")},
	}))
	want := []struct {
		class int64
		score float64
		mask  coco.Segmentation
	}{
		{1, 0.9, drawn("xxx.....", "xxx.....", "........")},
		{2, 0.8, drawn(".....x..", ".....x..", ".....x..")},
		{1, 0.7, drawn("........", "....x...", "........")},
		{1, 0.7, drawn("........", "......x.", "........")},
		{1, 0.9, drawn("........", "........", "...x....")},
	}
	if len(found) != len(want) {
		t.Fatalf("%d pieces", len(found))
	}
	for i, w := range want {
		f := found[i]
		if f.CategoryID != w.class || f.Score != w.score || mask.IoU(*f.Segmentation.Runs, *w.mask.Runs, false) != 1 || f.Box != w.mask.Runs.Box() {
			t.Errorf("piece %d: class %d, score %g, box %v", i, f.CategoryID, f.Score, f.Box)
		}
	}
}

// True masks of objects apart are their own pieces: AP 1; of two objects of a class that
// touch, none is found.
func TestWays(t *testing.T) {
	truth := &coco.File{Categories: []coco.Category{{ID: 1, Name: "can"}, {ID: 2, Name: "cup"}}}
	add := func(image, class int64, s coco.Segmentation) {
		truth.Annotations = append(truth.Annotations, coco.Annotation{
			ID: int64(len(truth.Annotations) + 1), ImageID: image, CategoryID: class, Box: s.Runs.Box(), Area: float64(s.Runs.Area()), Segmentation: s})
	}
	for image := range int64(2) {
		truth.Images = append(truth.Images, coco.Image{ID: image, FileName: "a", Width: 8, Height: 3})
	}
	add(0, 1, drawn("xx......", "xx......", "xx......"))
	add(0, 2, drawn("......xx", "......xx", "......xx"))
	add(1, 2, drawn("xxx.....", "xxx.....", "xxx....."))
	add(1, 2, drawn("...xxx..", "...xxx..", "...xxx.."))
	none, err := coco.Evaluate(truth, nil, coco.Masks)
	if err != nil {
		t.Fatal(err)
	}
	ways, err := waysOf(truth, nil, none)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{detector, wholePicture, ownComponents, trueComponents}
	for i, w := range ways {
		if w.Name != names[i] {
			t.Errorf("way %q", w.Name)
		}
		if i < 3 && w.AP > 0.1 {
			t.Errorf("%s: AP %g", w.Name, w.AP)
		}
	}
	s := ways[3].Strata
	if s[0].Objects != 4 || ways[3].AP < 0.6 || ways[3].AP > 0.8 { // can 1; cup: 1 of 3 found, with a piece that is none
		t.Errorf("true pieces: %+v", ways[3])
	}
	if len(wholePictures(truth)) != 2 || wholePictures(truth)[0].CategoryID != 2 {
		t.Error("not the most frequent class")
	}
}

// The best detection of each picture; a picture without one counts as wrong with IoU 0.
func TestSingle(t *testing.T) {
	truth := &coco.File{}
	half, whole := drawn("xxxx....", "xxxx...."), drawn("xxxxxxxx", "xxxxxxxx")
	for image := range int64(3) {
		truth.Images = append(truth.Images, coco.Image{ID: image, Width: 8, Height: 2})
		truth.Annotations = append(truth.Annotations, coco.Annotation{ID: image, ImageID: image, CategoryID: 1, Segmentation: whole})
	}
	s, err := single(truth, []coco.Result{
		{ImageID: 0, CategoryID: 1, Score: 0.3, Segmentation: half}, {ImageID: 0, CategoryID: 2, Score: 0.9, Segmentation: whole},
		{ImageID: 2, CategoryID: 1, Score: 0.2, Segmentation: half},
	})
	if err != nil || *s != (result.Single{Images: 3, Found: 2, Class: 1. / 3, MedianIoU: 0.5}) {
		t.Errorf("%+v %v", s, err)
	}
	truth.Annotations = append(truth.Annotations, truth.Annotations[0])
	if s, err := single(truth, nil); s != nil || err != nil {
		t.Errorf("%+v %v", s, err)
	}
}
