package coco_test

import (
	"math"
	"math/rand/v2"
	"slices"
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

// redrawn is a data set of as many pictures drawn from another, and its detections.
func redrawn(f *coco.File, results []coco.Result, r *rand.Rand) (again *coco.File, found []coco.Result) {
	again = &coco.File{Categories: f.Categories}
	for i := range f.Images {
		from, to := int64(r.IntN(len(f.Images))+1), int64(i+1)
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
	return again, found
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
	again, found := redrawn(f, results, r)
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

// Two lists are compared by the AP of each, and by differences on the same draws of images: a
// list has no difference from itself, and the interval is that of the AP of redrawn data sets.
func TestCompare(t *testing.T) {
	f, results := crowdless(40)
	half := slices.Clone(results)
	for i := range half {
		half[i].Box[0] += float64(i % 5)
	}
	odd := func(a coco.Annotation) bool { return a.ID%2 == 1 }
	for _, count := range []func(coco.Annotation) bool{nil, odd} {
		list, err := coco.Compare(f, [2][]coco.Result{results, half}, coco.Boxes, count, 200, 3)
		if err != nil || len(list) != 3 || list[0].Class != "" || list[1].Class != "can" || list[2].Class != "cup" {
			t.Fatal(list, err)
		}
		if list[0].Objects != list[1].Objects+list[2].Objects || (count == nil) != (list[0].Objects == len(f.Annotations)) {
			t.Errorf("%d objects", list[0].Objects)
		}
		for k, found := range [][]coco.Result{results, half} {
			of := count
			if of == nil {
				of = func(coco.Annotation) bool { return true }
			}
			s, err := coco.EvaluateSome(f, found, coco.Boxes, of)
			if err != nil || s.AP != list[0].AP[k] || s.ByClass[0].AP != list[1].AP[k] || s.ByClass[1].AP != list[2].AP[k] {
				t.Errorf("list %d: %+v, evaluated %+v, %v", k, list, s, err)
			}
		}
		for _, p := range list {
			if !(p.Interval[0] < p.AP[1]-p.AP[0] && p.AP[1]-p.AP[0] < p.Interval[1]) {
				t.Errorf("%+v", p)
			}
		}
		same, err := coco.Compare(f, [2][]coco.Result{half, half}, coco.Boxes, count, 20, 3)
		if err != nil || same[0].Interval != [2]float64{} || same[2].Interval != [2]float64{} {
			t.Errorf("%+v, %v", same, err)
		}
	}
	none, err := coco.Compare(f, [2][]coco.Result{results, half}, coco.Boxes, func(coco.Annotation) bool { return false }, 5, 1)
	if err != nil || none[0].AP != [2]float64{-1, -1} || !math.IsNaN(none[0].Interval[0]) {
		t.Errorf("%+v, %v", none, err)
	}
	// The differences of the draws, each computed from its own data set.
	one, err := coco.Compare(f, [2][]coco.Result{results, half}, coco.Boxes, nil, 1, 7)
	if err != nil {
		t.Fatal(err)
	}
	var ap [2]float64
	for k, found := range [][]coco.Result{results, half} {
		if ap[k], _, err = coco.Interval(f, found, coco.Boxes, 1, 7); err != nil {
			t.Fatal(err)
		}
	}
	if want := ap[1] - ap[0]; one[0].Interval != [2]float64{want, want} {
		t.Errorf("%v, want %g", one[0].Interval, want)
	}
}

// Draws without an object do not count, however many there are. Without any other the interval has
// no value.
func TestIntervalOfDrawsWithoutObjects(t *testing.T) {
	const draws = 200
	for _, with := range []int{0, 1, 2, 4} { // of 4 pictures: all draws, a third, a sixteenth and none have no object
		f, results := crowdless(4)
		f.Annotations = slices.DeleteFunc(f.Annotations, func(a coco.Annotation) bool { return a.ImageID > int64(with) })
		low, high, err := coco.Interval(f, results, coco.Boxes, draws, 1)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewChaCha8(seeded.Digest(nil, 1, 0xb007)))
		var counted []float64
		for range draws {
			again, found := redrawn(f, results, r)
			s, err := coco.Evaluate(again, found, coco.Boxes)
			if err != nil {
				t.Fatal(err)
			}
			if s.AP >= 0 {
				counted = append(counted, s.AP)
			}
		}
		if with == 0 {
			if len(counted) > 0 || low != -1 || high != -1 {
				t.Errorf("no object: %g to %g", low, high)
			}
			continue
		}
		slices.Sort(counted)
		n := float64(len(counted))
		if low != counted[int(0.025*n)] || high != counted[int(0.975*n)] || (with < 3) != (len(counted) < draws) {
			t.Errorf("%d pictures with objects: %g to %g, want those of %d draws, %g to %g", with, low, high, len(counted), counted[int(0.025*n)], counted[int(0.975*n)])
		}
	}
}

// Every class has a row, with -1 where there is no object to find, and the means are over the others.
func TestClassesWithoutObjectsHaveARow(t *testing.T) {
	image := coco.Image{ID: 1, FileName: "a.png", Width: 40, Height: 40}
	one := func(id, class int64) coco.Annotation {
		return coco.Annotation{ID: id, ImageID: 1, CategoryID: class, Box: [4]float64{1, 1, 20, 20}, Area: 400}
	}
	for present := range 1 << 3 {
		f := &coco.File{Images: []coco.Image{image}, Categories: []coco.Category{{ID: 1, Name: "can"}, {ID: 2, Name: "cup"}, {ID: 3, Name: "jar"}}}
		var results []coco.Result
		for class := range int64(3) {
			if present&(1<<class) != 0 {
				f.Annotations = append(f.Annotations, one(class+1, class+1))
			}
			results = append(results, coco.Result{ImageID: 1, CategoryID: class + 1, Box: [4]float64{1, 1, 20, 20}, Score: 0.9})
		}
		s, err := coco.Evaluate(f, results, coco.Boxes)
		if err != nil || len(s.ByClass) != 3 {
			t.Fatalf("%03b: %+v, %v", present, s, err)
		}
		for i, c := range s.ByClass {
			want := -1.0
			if present&(1<<i) != 0 {
				want = 1
			}
			if c.Class != f.Categories[i].Name || math.Abs(c.AP-want) > 1e-9 || math.Abs(c.AP50-want) > 1e-9 {
				t.Errorf("%03b: %+v, want AP %g", present, c, want)
			}
		}
		if want := map[bool]float64{true: 1, false: -1}[present > 0]; math.Abs(s.AP-want) > 1e-9 {
			t.Errorf("%03b: AP %g, want %g", present, s.AP, want)
		}
	}
}
