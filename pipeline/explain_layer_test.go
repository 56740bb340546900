package pipeline

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/gradcam"
	"oscar/internal/npy"
	"oscar/methods"
	"oscar/result"
)

func asked(method, layer string) Settings {
	s := settings()
	s.Method, s.Layer = method, layer
	return s
}

// What is asked for, and the folders it goes to. The CAMs of a layer are one
// explainer, that is one run of the model.
func TestMethodsAt(t *testing.T) {
	bundle, err := Open(trained(t).Dir, oneThread.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	for _, test := range []struct{ method, layer, maps, folders, groups string }{
		{"gradcam", "", "gradcam@conv5", "", "1"},
		{"lrp", "conv1", "lrp", "", "1"},
		{"lrp@conv1", "", "lrp@conv1", "", "1"},
		{"saliency@image", "", "saliency", "", "1"},
		{"gradcam", "conv1,conv5", "gradcam@conv1 gradcam@conv5", "gradcam@conv1 gradcam@conv5", "1 1"},
		{"gradcam@conv1,gradcam@conv5", "", "gradcam@conv1 gradcam@conv5", "gradcam@conv1 gradcam@conv5", "1 1"},
		{"gradcam@conv1,layercam", "", "gradcam@conv1 layercam@conv5", "gradcam layercam", "1 1"},
		{"lrp,lrp@conv5", "", "lrp lrp@conv5", "lrp@image lrp@conv5", "1 1"},
		{"guidedgradcam,guidedbackprop", "conv1,conv5", "guidedgradcam@conv1 guidedgradcam@conv5 guidedbackprop",
			"guidedgradcam@conv1 guidedgradcam@conv5 guidedbackprop", "1 1 1"},
		{"layercam,saliency,gradcam", "conv1,conv5", "layercam@conv1 layercam@conv5 saliency gradcam@conv1 gradcam@conv5",
			"layercam@conv1 layercam@conv5 saliency gradcam@conv1 gradcam@conv5", "2 2 1"},
		// conv1 and relu1 are looked at by one tensor.
		{"gradcam", "all", "gradcam@conv1 gradcam@bn1 gradcam@conv5 gradcam@pool5", "gradcam@conv1 gradcam@bn1 gradcam@conv5 gradcam@pool5", "1 1 1 1"},
		{"lrp@all", "", "lrp@conv1 lrp@bn1 lrp@conv5 lrp@pool5", "lrp@conv1 lrp@bn1 lrp@conv5 lrp@pool5", "1 1 1 1"},
	} {
		s := asked(test.method, test.layer)
		list, err := methods.Of(s, bundle)
		if err != nil {
			t.Errorf("%s, %s: %v", test.method, test.layer, err)
			continue
		}
		var names, dirs, groups []string
		named := methods.Folders(list)
		for _, at := range list {
			names, dirs = append(names, at.String()), append(dirs, named[at])
		}
		explainers, err := newExplainers(s, bundle, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range explainers {
			n := 1
			if cams, ok := e.(gradcam.Explainer); ok {
				n = len(cams.Methods)
			}
			groups = append(groups, string(rune('0'+n)))
		}
		for _, pair := range [][2]string{{strings.Join(names, " "), test.maps}, {strings.Join(dirs, " "), test.folders}, {strings.Join(groups, " "), test.groups}} {
			if pair[0] != pair[1] {
				t.Errorf("%s, %s: got %q, want %q", test.method, test.layer, pair[0], pair[1])
			}
		}
	}
	for _, test := range []struct{ method, layer, want string }{
		{"saliency@conv1", "", `saliency explains the image; it has no layer "conv1"`},
		{"gradcam@", "", `method "gradcam@" names no layer after its @`},
		{"gradcam@image", "", `no layer "image"; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{"lrp@conv9", "", `no layer "conv9" (conv1?); have conv1, relu1, bn1, conv5, relu5, pool5`},
		{"saliency", "conv1,conv9", `no layer "conv9" (conv1?); have conv1, relu1, bn1, conv5, relu5, pool5`},
		{"gradcam", "conv1,conv1", "layer conv1 is named twice"},
		{"gradcam@conv1,lime,gradcam@conv1", "", "method gradcam@conv1 is named twice"},
		{"gradcam@conv1,gradcam", "conv5,conv1", "method gradcam@conv1 is named twice"},
		{"lrp,lrp@image", "", "method lrp is named twice"},
	} {
		_, err := methods.Of(asked(test.method, test.layer), bundle)
		wantError(t, err, test.want)
	}
	if _, err := methodNames(asked("gradcam,lrp@conv1", "")); err == nil {
		t.Error("methodNames takes one with a layer")
	}
}

// Every method at every layer has a row and files of its own, with the map that
// it has when it is asked for alone.
func TestExplainLayers(t *testing.T) {
	dir := photos(t, 5, "can/none.png")
	out := filepath.Join(t.TempDir(), "out")
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: asked("gradcam,layercam,lrp,lrp@conv1,saliency", "conv1,conv5")})
	seen, sheets, files := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		if r.Status == result.Unreadable {
			if r.Layer != "conv1,conv5" || r.Method != "gradcam,layercam,lrp,lrp@conv1,saliency" {
				t.Errorf("%+v", r)
			}
			continue
		}
		seen[r.Method+"@"+r.Layer]++
		sheets[r.Sheet], files[r.Map], files[r.Overlay] = true, true, true
	}
	want := []string{"gradcam@conv1", "gradcam@conv5", "layercam@conv1", "layercam@conv5", "lrp@conv1", "lrp@image", "saliency@image"}
	for _, name := range want {
		if seen[name] != 5 {
			t.Errorf("%s has %d rows of 5 images", name, seen[name])
		}
	}
	if len(seen) != len(want) || len(sheets) != 5 || len(files) != 2*5*len(want) {
		t.Errorf("%d looks, %d sheets, %d files: %v", len(seen), len(sheets), len(files), seen)
	}
	for _, test := range []struct{ method, layer, folder string }{
		{"layercam", "conv1", "layercam@conv1"}, {"lrp@conv1", "", "lrp@conv1"}, {"lrp", "", "lrp@image"}, {"saliency", "", "saliency"},
	} {
		alone := filepath.Join(t.TempDir(), "alone")
		_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: alone, Settings: asked(test.method, test.layer)})
		for _, r := range rows {
			if r.Status == result.Unreadable {
				continue
			}
			_, a, err := npy.Read(filepath.Join(alone, r.Map))
			if err != nil {
				t.Fatal(err)
			}
			_, b, err := npy.Read(filepath.Join(out, mapsDir, test.folder, strings.TrimPrefix(r.Map, mapsDir)))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a, b) {
				t.Errorf("%s of %s: another map than beside others", test.folder, r.Image)
			}
		}
	}
}

// What a method tells of its work is in the row, and is true.
func TestExplainFacts(t *testing.T) {
	dir := photos(t, 3)
	out := filepath.Join(t.TempDir(), "out")
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: asked("lrp,lrp@conv1,integrated-gradients,gradcam", "")})
	for _, r := range rows {
		_, values, err := npy.Read(filepath.Join(out, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		sum, mass := 0.0, 0.0
		for _, v := range values {
			sum += float64(v)
			mass += math.Abs(float64(v))
		}
		near := func(name string, want float64) {
			t.Helper()
			if got, ok := r.Facts[name]; !ok || math.Abs(got-want) > 1e-5*(mass+math.Abs(float64(*r.Score))) {
				t.Errorf("%s %s of %s: %s is %g (%v), want %g", r.Method, r.Layer, r.Image, name, got, ok, want)
			}
		}
		switch r.Method {
		case "lrp":
			near("relevance", sum)
			near("conserved", sum/float64(*r.Score))
		case "integrated-gradients":
			near("gap", sum-(float64(*r.Score)-r.Facts["baseline_score"]))
		default:
			if r.Facts != nil {
				t.Errorf("%s tells %v", r.Method, r.Facts)
			}
		}
	}
}
