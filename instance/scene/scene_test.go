package scene_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/instance/mask"
	"oscar/instance/scene"
	"oscar/internal/testkit"
)

func synthesize(t *testing.T, o scene.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "scenes")
	if err := scene.Synthesize(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Visible masks exclude each other and lie within the whole ones; what is read is what was
// drawn.
func TestSynthesize(t *testing.T) {
	o := scene.Options{Scenes: 20, Width: 64, Height: 48, Seed: 4}
	dir := synthesize(t, o)
	objects, hidden := 0, 0
	for part, scenes := range map[string]int{scene.Train: 16, scene.Validation: 2, scene.Test: 2} {
		s, err := scene.Open(t.Context(), dir, part)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Missing(); err != nil {
			t.Fatal(err)
		}
		if len(s.Scenes) != scenes || !slices.Equal(s.Classes, dataset.SyntheticClasses) {
			t.Errorf("part %s: %d scenes, classes %v", part, len(s.Scenes), s.Classes)
		}
		for _, a := range s.Truth.Annotations {
			whole, err := a.Whole.Mask(48, 64)
			if err != nil {
				t.Fatal(err)
			}
			visible, _ := a.Segmentation.Mask(48, 64)
			if mask.Minus(visible, whole).Area() != 0 {
				t.Errorf("part %s, annotation %d: what is seen is not part of the whole", part, a.ID)
			}
			if want := float64(visible.Area()) < 0.25*float64(whole.Area()); bool(a.Crowd) != want {
				t.Errorf("part %s, annotation %d: crowd is %v", part, a.ID, a.Crowd)
			}
			objects++
			if visible.Area() < whole.Area() {
				hidden++
			}
		}
		for _, scene := range s.Scenes {
			union, sum := mask.Encode(48, 64, make([]uint8, 48*64)), 0
			for _, o := range scene.Objects {
				union = mask.Union(union, o.Mask)
				sum += o.Mask.Area()
			}
			if union.Area() != sum {
				t.Errorf("%s: objects share pixels", scene.Path)
			}
		}
	}
	if objects < 50 || hidden < 10 {
		t.Errorf("%d objects, %d of them partly hidden", objects, hidden)
	}
	again := synthesize(t, o)
	for _, name := range []string{"images/train/000003.png", "annotations/instances_test.json"} {
		a, errA := os.ReadFile(filepath.Join(dir, name))
		b, errB := os.ReadFile(filepath.Join(again, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v %v", name, errA, errB)
		}
	}
}

// A scene is a function of its number and the seed.
func TestSceneDoesNotDependOnOthers(t *testing.T) {
	o := dataset.SyntheticOptions{PerClass: 1, Width: 32, Height: 32, Seed: 9}
	a, objects, err := dataset.SyntheticScene(5, o)
	if err != nil || len(objects) < 2 {
		t.Fatal(err, len(objects))
	}
	o.PerClass = 7
	b, _, err := dataset.SyntheticScene(5, o)
	if err != nil || !bytes.Equal(a.Pix, b.Pix) {
		t.Error("the scene is another", err)
	}
	c, _, err := dataset.SyntheticScene(6, o)
	if err != nil || bytes.Equal(a.Pix, c.Pix) {
		t.Error("two scenes are the same", err)
	}
}

func TestRefusals(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir  string
		o    scene.Options
		want string
	}{
		{full, scene.Options{Scenes: 10, Width: 32, Height: 32}, "is not empty"},
		{"x", scene.Options{Scenes: 9}, "9 scenes: want 10"},
		{"x", scene.Options{Scenes: 10, Width: 31}, "31x256 pixels"},
	} {
		if err := scene.Synthesize(t.Context(), c.dir, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(full, "mine.txt")); err != nil {
		t.Error(err)
	}
	dir := synthesize(t, scene.Options{Scenes: 10, Width: 32, Height: 32})
	if err := os.Remove(filepath.Join(dir, "images", "val", "000001.png")); err != nil {
		t.Fatal(err)
	}
	s, err := scene.Open(t.Context(), dir, scene.Validation)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Missing(); err == nil || !strings.Contains(err.Error(), "000001.png of part val") {
		t.Error(err)
	}
}

// Each object takes the memory of a picture: a file of a few megabytes could ask for all.
func TestTooManyObjects(t *testing.T) {
	dir := t.TempDir()
	var objects []string
	for i := range 1001 {
		objects = append(objects, fmt.Sprintf(`{"id":%d,"image_id":7,"category_id":1,"segmentation":[[0,0,4,0,4,4]]}`, i+1))
	}
	text := `{"images":[{"id":7,"file_name":"a.png","width":4,"height":4}],"categories":[{"id":1,"name":"can"}],"annotations":[` + strings.Join(objects, ",") + `]}`
	testkit.Write(t, filepath.Join(dir, "annotations", "instances_train.json"), text)
	if _, err := scene.Open(t.Context(), dir, scene.Train); err == nil || !strings.Contains(err.Error(), "image 7 has more than 1000 objects") {
		t.Error(err)
	}
}
