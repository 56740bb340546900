package instance

import (
	"bytes"
	"image"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"oscar/heatmap"
	"oscar/instance/coco"
	"oscar/instance/scene"
	"oscar/result"
)

// The answers of two detectors by hand. In the first picture both find a can, A takes another for
// a cup and B finds it, both miss a third, and a crowd does not count. In the second picture A
// alone finds the cup. A has a detection without an object.
func TestAnswers(t *testing.T) {
	dir := t.TempDir()
	found := func(image, class int64, score float64, x, y int) coco.Result {
		return coco.Result{ImageID: image, CategoryID: class, Score: score, Segmentation: square(x, y)}
	}
	truth := &coco.File{
		Images:     []coco.Image{{ID: 7, FileName: "a.png", Width: 100, Height: 100}, {ID: 8, FileName: "b.png", Width: 100, Height: 100}},
		Categories: []coco.Category{{ID: 1, Name: "can"}, {ID: 2, Name: "cup"}},
		Annotations: []coco.Annotation{
			{ID: 1, ImageID: 7, CategoryID: 1, Segmentation: square(0, 0), Area: 400},
			{ID: 2, ImageID: 7, CategoryID: 1, Segmentation: square(40, 0), Area: 400},
			{ID: 3, ImageID: 7, CategoryID: 1, Segmentation: square(0, 40), Area: 400},
			{ID: 4, ImageID: 7, CategoryID: 1, Segmentation: square(70, 70), Area: 400, Crowd: true},
			{ID: 5, ImageID: 8, CategoryID: 2, Segmentation: square(50, 50), Area: 400},
		},
	}
	set := &scene.Set{Truth: truth}
	for _, m := range truth.Images {
		path := filepath.Join(dir, m.FileName)
		if err := heatmap.WritePNG(path, image.NewRGBA(image.Rect(0, 0, 100, 100))); err != nil {
			t.Fatal(err)
		}
		set.Scenes = append(set.Scenes, scene.Scene{Image: m, Path: path})
	}
	j := &comparing{set: set, result: &Comparison{Format: 1}, found: [2][]coco.Result{
		{found(7, 1, 0.9, 1, 0), found(7, 2, 0.8, 42, 0), found(7, 1, 0.7, 40, 60), found(7, 1, 0.9, 70, 70), found(8, 2, 0.6, 51, 50)},
		{found(7, 1, 0.9, 0, 0), found(7, 1, 0.8, 40, 0), found(7, 1, 0.4, 0, 40), found(8, 2, 0.49, 50, 50)}, // the last scores are too low
	}}
	if err := j.answers(); err != nil {
		t.Fatal(err)
	}
	c := j.result
	if want := [3][3]int{{1, 0, 1}, {1, 0, 0}, {0, 0, 1}}; c.Answers != want || c.Only() != [2]int{1, 1} || c.Changed != 0.5 {
		t.Errorf("answers %v, want %v; changed %v", c.Answers, want, c.Changed)
	}
	if len(c.ByObject) != 4 || c.ByObject[1].Answers != [2]result.Answer{{Answer: "wrong class", Class: "cup", Score: 0.8, IoU: 18. / 22}, {Answer: "right", Class: "can", Score: 0.8, IoU: 1}} {
		t.Errorf("%+v", c.ByObject)
	}
	want := map[string][2]result.Number{"found": {0.5, 0.5}, "no_object": {0.5, 0}}
	for _, f := range c.Figures {
		if f.Values != want[f.Name] || f.Difference != f.Values[1]-f.Values[0] || !(f.Low <= f.Difference && f.Difference <= f.High) {
			t.Errorf("%+v, want %v", f, want[f.Name])
		}
	}
	// Of two pictures a draw has both, or one twice: the differences of found are 0, 1/3 and -1.
	if f := c.Figures[0]; math.Abs(float64(f.Low)+1) > 1e-12 || math.Abs(float64(f.High)-1./3) > 1e-12 {
		t.Errorf("%+v", f)
	}
	if c.Models[0].NoObject != 1 || c.Models[1].NoObject != 0 {
		t.Errorf("%+v", c.Models)
	}
	if a, b := j.alone(0), j.alone(1); !reflect.DeepEqual(a, []int{3}) || !reflect.DeepEqual(b, []int{1}) {
		t.Errorf("alone %v and %v", a, b)
	}
	j.Out = t.TempDir()
	if err := j.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(c.Shown) != 2 || c.Shown[0].ID != 5 || c.Shown[1].ID != 2 {
		t.Fatalf("%+v", c.Shown)
	}
	for _, s := range c.Shown {
		var pictures [2][]byte
		for k, name := range s.Pictures {
			var err error
			if pictures[k], err = os.ReadFile(filepath.Join(j.Out, name)); err != nil {
				t.Fatal(err)
			}
		}
		if bytes.Equal(pictures[0], pictures[1]) {
			t.Errorf("object %d: the detection is in neither picture, or in both", s.ID)
		}
	}
	if read, err := result.ReadDetectorComparison(j.Out); err != nil || len(read.ByObject) != 4 {
		t.Error(read, err)
	}
}
