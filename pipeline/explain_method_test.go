package pipeline

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/methods"
	"oscar/result"
)

// Several methods have a row each, and a folder each for their maps and
// overlays; a sheet shows them side by side.
func TestExplainMethods(t *testing.T) {
	dir := photos(t, 5, "can/none.png")
	s := settings()
	s.Method, s.Class = "layercam,gradcam,saliency", TargetAll
	out := filepath.Join(t.TempDir(), "out")
	sum, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
	if want := 5*3*6 + 1; len(rows) != want || sum.Images != 6 {
		t.Errorf("%d rows of %d images, want %d of 6", len(rows), sum.Images, want)
	}
	files, sheets := map[string]bool{}, map[string]int{}
	for _, r := range rows {
		if r.Status == result.Unreadable {
			continue
		}
		files[r.Map], files[r.Overlay] = true, true
		sheets[r.Sheet]++
		for _, name := range []string{r.Map, r.Overlay, r.Sheet} {
			if !paths.Exists(filepath.Join(out, name)) {
				t.Errorf("%s %s: there is no %s", r.Image, r.Method, name)
			}
		}
		if !strings.Contains(r.Map, "/"+r.Method+"/") || !strings.Contains(r.Map, r.Target) {
			t.Errorf("%s %s %s: %s", r.Image, r.Method, r.Target, r.Map)
		}
	}
	if len(files) != 2*5*3*6 || len(sheets) != 5*6 {
		t.Errorf("%d files and %d sheets", len(files), len(sheets))
	}

	// One of them alone gives the same maps.
	s.Method = "layercam"
	alone := filepath.Join(t.TempDir(), "alone")
	_, single := explained(t, ExplainOptions{Paths: []string{dir}, Out: alone, Settings: s})
	for _, r := range single {
		if r.Status == result.Unreadable {
			continue
		}
		if r.Sheet != "" {
			t.Errorf("%s: a sheet of one method", r.Image)
		}
		_, a, err := npy.Read(filepath.Join(alone, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		_, b, err := npy.Read(filepath.Join(out, mapsDir, "layercam", strings.TrimPrefix(r.Map, mapsDir)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a, b) {
			t.Errorf("%s: another map than among three methods", r.Map)
		}
	}

	// What a kill leaves is cleared, in all folders.
	s.Method = "layercam,gradcam,saliency"
	for _, name := range []string{"", partsDir, mapsDir + "/gradcam/can", overlaysDir + "/saliency/box", sheetsDir, sheetsDir + "/can"} {
		write(t, filepath.Join(out, name, ".partial-x-123"), "half")
	}
	explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
}

// Every method of the table gives every image a row with its files.
func TestExplainEveryMethod(t *testing.T) {
	dir := photos(t, 2)
	var names []string
	for _, m := range methods.Table {
		names = append(names, m.Name)
		if m.Paper == "" {
			t.Errorf("%s names no paper", m.Name)
		}
	}
	s := settings()
	s.Method, s.Samples = AllMethods, 8
	out := filepath.Join(t.TempDir(), "out")
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.Method]++
		shape, _, err := npy.Read(filepath.Join(out, r.Map))
		if err != nil || len(shape) != 2 || r.Status == string(explain.NonFinite) {
			t.Errorf("%s: status %s, map %v, %v", r.Method, r.Status, shape, err)
		}
	}
	for _, name := range names {
		if seen[name] != 2 {
			t.Errorf("%s: %d rows of 2 images", name, seen[name])
		}
	}
	if len(seen) != len(names) {
		t.Errorf("%d methods for %d names: %v", len(seen), len(names), seen)
	}
}

// The gradient of a probability is another one than that of a logit: by the
// chain rule through the softmax, it has all other classes in it.
func TestExplainScore(t *testing.T) {
	dir := photos(t, 4)
	s := settings()
	s.Score = explain.Probability
	probability := filepath.Join(t.TempDir(), "p")
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: probability, Settings: s})
	logit := filepath.Join(t.TempDir(), "l")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: logit})
	for _, r := range rows {
		if *r.Score != r.Probabilities[r.Predicted] {
			t.Errorf("%s: score %g, probability %g", r.Image, *r.Score, r.Probabilities[r.Predicted])
		}
		_, p, err := npy.Read(filepath.Join(probability, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		_, l, err := npy.Read(filepath.Join(logit, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(p, l) {
			t.Errorf("%s: the maps are the same", r.Image)
		}
	}
}

// How many images go through the model together changes nothing, nor whether
// their pixels are kept until the overlay is drawn.
func TestExplainBatches(t *testing.T) {
	dir := photos(t, 15)
	out := map[int]string{}
	var rows []Row
	for _, batch := range []int{1, 7} {
		s := settings()
		s.Batch = batch
		out[batch] = filepath.Join(t.TempDir(), "out")
		_, rows = explained(t, ExplainOptions{Paths: []string{dir}, Out: out[batch], Settings: s})
	}
	for _, r := range rows {
		_, a, err := npy.Read(filepath.Join(out[1], r.Map))
		if err != nil {
			t.Fatal(err)
		}
		_, b, err := npy.Read(filepath.Join(out[7], r.Map))
		if err != nil {
			t.Fatal(err)
		}
		scale := max(math.Abs(float64(*r.RawMin)), math.Abs(float64(*r.RawMax)))
		for i := range a {
			if math.Abs(float64(a[i]-b[i])) > 1e-5*scale {
				t.Errorf("%s: %g alone, %g among seven, in a map up to %g", r.Map, a[i], b[i], scale)
				break
			}
		}
	}

	keep := keepPixels
	defer func() { keepPixels = keep }()
	keepPixels = 2 * 40 * 30 // two images of a shard
	s := settings()
	s.Batch = 7
	again := filepath.Join(t.TempDir(), "out")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: again, Settings: s})
	sameFiles(t, again, out[7])
}
