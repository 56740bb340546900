package coco_test

import (
	"math/rand/v2"
	"testing"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/internal/seeded"
)

// crowdless is a data set of n pictures with boxes, a share of which is found.
func crowdless(n int) (*coco.File, []coco.Result) {
	r := rand.New(rand.NewPCG(1, 2))
	f := &coco.File{Categories: []coco.Category{{ID: 1, Name: "can"}, {ID: 2, Name: "cup"}}}
	var results []coco.Result
	for i := range n {
		f.Images = append(f.Images, coco.Image{ID: int64(i + 1), FileName: "a", Width: 100, Height: 100})
		for range 1 + r.IntN(3) {
			box := mask.Box{60 * r.Float64(), 60 * r.Float64(), 40, 40}
			class := int64(1 + r.IntN(2))
			f.Annotations = append(f.Annotations, coco.Annotation{ID: int64(len(f.Annotations) + 1), ImageID: int64(i + 1), CategoryID: class, Box: box, Area: 1600})
			box[0] += 12 * r.Float64()
			results = append(results, coco.Result{ImageID: int64(i + 1), CategoryID: class, Box: box, Score: r.Float64()})
		}
	}
	return f, results
}

// A draw has the AP of the data set that it makes, with copies of pictures as pictures of
// their own.
func TestIntervalIsOfRedrawnPictures(t *testing.T) {
	f, results := crowdless(30)
	low, high, err := coco.Interval(f, results, coco.Boxes, 1, 7)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewChaCha8(seeded.Digest(nil, 7, 0xb007)))
	again := &coco.File{Categories: f.Categories}
	var found []coco.Result
	for i := range f.Images {
		from, to := int64(r.IntN(30)+1), int64(i+1)
		again.Images = append(again.Images, coco.Image{ID: to, FileName: "a", Width: 100, Height: 100})
		for _, a := range f.Annotations {
			if a.ImageID == from {
				a.ImageID, a.ID = to, int64(len(again.Annotations)+1)
				again.Annotations = append(again.Annotations, a)
			}
		}
		for _, d := range results {
			if d.ImageID == from {
				d.ImageID = to
				found = append(found, d)
			}
		}
	}
	s, err := coco.Evaluate(again, found, coco.Boxes)
	if err != nil || low != s.AP || high != s.AP {
		t.Errorf("%g to %g, want %g: %v", low, high, s.AP, err)
	}
}

// The interval has the AP within, and is about half as wide for four times the pictures.
func TestIntervalNarrows(t *testing.T) {
	width := map[int]float64{}
	for _, n := range []int{50, 200} {
		f, results := crowdless(n)
		s, err := coco.Evaluate(f, results, coco.Boxes)
		if err != nil {
			t.Fatal(err)
		}
		low, high, err := coco.Interval(f, results, coco.Boxes, 200, 1)
		if err != nil || !(low < s.AP && s.AP < high) {
			t.Errorf("%g to %g, AP %g: %v", low, high, s.AP, err)
		}
		width[n] = high - low
	}
	if ratio := width[50] / width[200]; ratio < 1.3 || ratio > 3.1 {
		t.Errorf("widths %v", width)
	}
}
