package instance

import (
	"testing"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/result"
)

// Three pairs of squares: apart, overlapping with another class, and with the same. The detector finds the
// first two pairs, and takes the last for one object.
func TestStrata(t *testing.T) {
	truth := &coco.File{Categories: []coco.Category{{ID: 1, Name: "can"}, {ID: 2, Name: "cup"}}}
	var results []coco.Result
	strip := func(image int64, class int64, x int, width int) (coco.Annotation, coco.Result) {
		pixels := make([]uint8, 100*100)
		for y := 10; y < 30; y++ {
			for i := x; i < x+width; i++ {
				pixels[y*100+i] = 1
			}
		}
		m := mask.Encode(100, 100, pixels)
		a := coco.Annotation{ID: int64(len(truth.Annotations) + 1), ImageID: image, CategoryID: class, Box: m.Box(), Area: float64(m.Area()), Segmentation: coco.Of(m)}
		return a, coco.Result{ImageID: image, CategoryID: class, Box: m.Box(), Score: 0.9, Segmentation: coco.Of(m)}
	}
	for image, second := range []struct {
		class int64
		x     int
	}{{1, 60}, {2, 25}, {1, 25}} {
		id := int64(image + 1)
		truth.Images = append(truth.Images, coco.Image{ID: id, FileName: "a", Width: 100, Height: 100})
		a, found := strip(id, 1, 10, 20)
		truth.Annotations = append(truth.Annotations, a)
		b, foundB := strip(id, second.class, second.x, 20)
		truth.Annotations = append(truth.Annotations, b)
		if image == 2 {
			_, found = strip(id, 1, 10, 35)
			results = append(results, found)
		} else {
			results = append(results, found, foundB)
		}
	}
	got, err := strata(truth, results)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []result.Stratum{{Name: apart, Objects: 2, AP: 1}, {Name: otherClass, Objects: 2, AP: 1}, {Name: sameClass, Objects: 2}} {
		g := got[i]
		if g.Name != want.Name || g.Objects != want.Objects || want.AP == 1 && g.AP < 0.99 || want.AP == 0 && g.AP > 0.4 {
			t.Errorf("%+v, want %+v", g, want)
		}
	}
}
