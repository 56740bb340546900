package oscar_test

import (
	"image"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar"
	"oscar/dataset"
	"oscar/experiment"
	"oscar/pipeline"
	"oscar/tfmodel"
)

// A model that was just trained explains a picture: at its own layer, at a named
// one, and by a method with evidence against the class. The suffix of a path says
// what is saved.
func TestExplainAndSave(t *testing.T) {
	dir := t.TempDir()
	shapes, run := filepath.Join(dir, "shapes"), filepath.Join(dir, "run")
	if err := dataset.Synthesize(t.Context(), shapes, dataset.SyntheticOptions{PerClass: 5, Width: 48, Height: 48}); err != nil {
		t.Fatal(err)
	}
	e := experiment.Default()
	e.Architecture = tfmodel.Architecture{Name: "tiny"}
	e.Training.Epochs = 1
	if _, err := pipeline.Train(t.Context(), pipeline.TrainOptions{Data: filepath.Join(shapes, "images"), Out: run, Experiment: e}); err != nil {
		t.Fatal(err)
	}
	model := oscar.Must(oscar.Open(run))
	defer model.Close()
	photo := oscar.Must(oscar.LoadImage(filepath.Join(shapes, "images", "can", "0000.png")))
	for method, size := range map[string]int{"gradcam": 14, "gradcam@conv1": 14, "lrp": 32} {
		seen := oscar.Must(model.Explain(t.Context(), photo, method))
		if seen.Map.Height != size || seen.At().String() != method && method != "gradcam" || seen.Class != model.Classes()[seen.Target] {
			t.Errorf("%s: a map of height %d by %s, class %s", method, seen.Map.Height, seen.At(), seen.Class)
		}
		overlay := filepath.Join(dir, "overlay.png")
		for _, path := range []string{filepath.Join(dir, "map.npy"), filepath.Join(dir, "overlay.jpg"), overlay} {
			if err := seen.Save(path); err != nil {
				t.Error(err)
			}
		}
		if got, want := oscar.Must(oscar.LoadImage(overlay)).Bounds(), photo.Bounds(); got != want {
			t.Errorf("%s: an overlay of %v, want the image's size %v", method, got, want)
		}
		if err := seen.Save(filepath.Join(dir, "overlay.gif")); err == nil || !strings.Contains(err.Error(), "want a name that ends with .npy, .jpg or .png") {
			t.Errorf("a GIF: %v", err)
		}
	}
	if _, err := model.Explain(t.Context(), photo, "gradcam,lrp"); err == nil {
		t.Error("two methods: no error")
	}
	for _, none := range []*image.RGBA{nil, image.NewRGBA(image.Rectangle{}), image.NewRGBA(image.Rect(0, 0, 5, 0))} {
		if _, err := model.Explain(t.Context(), none, "gradcam"); err == nil || !strings.Contains(err.Error(), "no image to explain") {
			t.Errorf("no image: %v", err)
		}
	}
	names := model.Classes() // the caller's: a sorted list changes no name
	slices.Reverse(names)
	if seen := oscar.Must(model.Explain(t.Context(), photo, "gradcam")); names[0] == model.Classes()[0] || seen.Class != names[len(names)-1-seen.Target] {
		t.Errorf("after its list of classes was reversed the model explains %s", seen.Class)
	}
}
