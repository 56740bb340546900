package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/global"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/internal/testkit"
)

// globalOptions explain the undisturbed run's model by its 48 images, with bounds
// that so few can meet.
func globalOptions(t *testing.T) GlobalOptions {
	t.Helper()
	o := GlobalOptions{
		Model: trained(t).Dir, Data: shapes(t), Part: "all", Out: filepath.Join(t.TempDir(), "global"),
		Settings: DefaultSettings(), Global: global.DefaultSettings(), Machine: oneThread,
	}
	o.Settings.Method, o.Settings.Class = "", TargetAll
	o.Global.Neighbors, o.Global.MinLeaf, o.Global.Experiments = 2, 2, 3
	return o
}

func explainGlobal(t *testing.T, o GlobalOptions) *Global {
	t.Helper()
	result, err := ExplainGlobal(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	noLeftovers(t, o.Out)
	return result
}

// concepts is a folder of three: twelve reddish images, twelve of noise, three.
func concepts(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "concepts")
	r := rand.New(rand.NewPCG(5, 5))
	for name, n := range map[string]int{"red": 12, "grain": 12, "rare": 3} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			img := image.NewRGBA(image.Rect(0, 0, 40, 40))
			for k := 0; k < len(img.Pix); k += 4 {
				v := uint8(60 + r.IntN(120))
				img.Pix[k], img.Pix[k+1], img.Pix[k+2], img.Pix[k+3] = v, v, v, 255
				if name == "red" {
					img.Pix[k] = 255
				}
			}
			testkit.WritePNG(t, filepath.Join(dir, name, fmt.Sprintf("%02d.png", i)), img)
		}
	}
	return dir
}

func TestExplainGlobal(t *testing.T) {
	o := globalOptions(t)
	o.Concepts = concepts(t)
	var said notes
	o.Listener = said.listener()
	result := explainGlobal(t, o)
	said.want(t, "concept rare: 3 images and 48 random ones, want at least 10 and 20")

	for _, name := range []string{"global.json", "averages.png", "tree.txt", "features.csv"} {
		if info, err := os.Stat(filepath.Join(o.Out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var read Global
	if err := atomicfile.ReadJSON(filepath.Join(o.Out, globalFile), &read); err != nil {
		t.Fatal(err)
	}
	if read.Images != 48 || read.Settings.Layer != "conv5" || len(read.Averages) != 6 || len(read.SpRAy) != 6 || len(read.TCAV.Concepts) != 3 {
		t.Errorf("%d images, %d averages, %d spectra, %d concepts", read.Images, len(read.Averages), len(read.SpRAy), len(read.TCAV.Concepts))
	}
	wantRecognized(t, o, result)
	wantClusters(t, o, result)
	s := result.Tree
	if s.Grown+s.Agreement.Images != 48 || s.Agreement.Images != 14 || s.ImageOnly.Images != 14 || s.Tree.Root.Samples != s.Grown {
		t.Errorf("the tree is grown on %d and measured on %d images", s.Grown, s.Agreement.Images)
	}
	if text := tree(t, o.Out)["features.csv"]; strings.Count(text, "\n") != 49 || strings.Count(text, ",held out,") != 14 || !strings.HasPrefix(text, "image,part,predicted,brightness,") {
		t.Errorf("features.csv begins with %.80q", text)
	}
	c := result.TCAV
	if c.Random != 48 || c.RandomFrom != "data" || c.Comparisons != 0 /* each class has 8 images */ || c.Activations != "flat" {
		t.Errorf("TCAV: %+v", c)
	}
	for _, concept := range c.Concepts {
		for _, s := range concept.Classes {
			// Eight images a class are too few to say anything.
			if s.Verdict != global.TooFewImages || s.Images != 8 || concept.Concept != "rare" && len(s.Scores) != 3 {
				t.Errorf("%s, %s: %+v", concept.Concept, s.Class, s)
			}
		}
	}
}

// wantRecognized holds the counts against Evaluate, and the averages against
// those of explained maps.
func wantRecognized(t *testing.T, o GlobalOptions, result *Global) {
	t.Helper()
	e, err := Evaluate(t.Context(), EvaluateOptions{Model: o.Model, Data: o.Data, Part: "all", Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	explained := filepath.Join(t.TempDir(), "explained")
	if _, err := Explain(t.Context(), ExplainOptions{Model: o.Model, Paths: []string{o.Data}, Out: explained, Settings: DefaultSettings(), Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	manifest, err := ReadManifest(explained)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range result.Averages {
		if a.Recognized != e.Confusion.Counts[i][i] || a.Images != 8 || result.SpRAy[i].Recognized != a.Recognized {
			t.Errorf("%s: %d of %d recognized, by evaluation %d", a.Class, a.Recognized, a.Images, e.Confusion.Counts[i][i])
		}
		var want explain.Averager
		for _, r := range manifest {
			if r.Predicted != a.Class || filepath.Base(filepath.Dir(r.Image)) != a.Class {
				continue
			}
			shape, values, err := npy.Read(filepath.Join(explained, r.Map))
			if err != nil {
				t.Fatal(err)
			}
			if err := want.Add(explain.Grid{Height: shape[0], Width: shape[1], Values: values}); err != nil {
				t.Fatal(err)
			}
		}
		if a.N != want.N || a.N == 0 && a.Map != "" {
			t.Errorf("%s: the mean of %d maps, want %d", a.Class, a.N, want.N)
		}
		if a.N == 0 {
			continue
		}
		_, got, err := npy.Read(filepath.Join(o.Out, a.Map))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range want.Mean().Values {
			if math.Abs(float64(got[k]-v)) > 1e-6 {
				t.Fatalf("%s: the mean at %d is %v, of explained maps %v", a.Class, k, got[k], v)
			}
		}
	}
}

// wantClusters wants each recognized image in one cluster, and each cluster's
// files.
func wantClusters(t *testing.T, o GlobalOptions, result *Global) {
	t.Helper()
	for _, class := range result.SpRAy {
		var images []string
		for _, c := range class.Clusters {
			images = append(images, c.Images...)
			if len(c.Examples) != min(len(c.Images), 5) || slices.ContainsFunc(c.Examples, func(name string) bool { return !paths.Exists(filepath.Join(o.Out, name)) }) {
				t.Errorf("%s: examples %q of %d images", class.Class, c.Examples, len(c.Images))
			}
			if shape, _, err := npy.Read(filepath.Join(o.Out, c.Map)); err != nil || shape[0] != 16 {
				t.Errorf("%s: a mean map of %v, %v", class.Class, shape, err)
			}
		}
		slices.Sort(images)
		if len(slices.Compact(images)) != class.N || class.N+class.Dropped != class.Recognized || class.Reason == "" {
			t.Errorf("%s: %d images in clusters, %d maps, %d recognized", class.Class, len(images), class.N, class.Recognized)
		}
		for _, path := range images {
			if !strings.HasPrefix(path, class.Class+"/") {
				t.Errorf("%s is among the images of %s", path, class.Class)
			}
		}
		if class.N > 0 != paths.Exists(filepath.Join(o.Out, "spray", class.Class+".png")) {
			t.Errorf("%s: %d maps, a sheet: %v", class.Class, class.N, class.N == 0)
		}
	}
}

// The same bits again, whatever the workers.
func TestExplainGlobalIsRepeatable(t *testing.T) {
	o := globalOptions(t)
	o.Concepts = concepts(t)
	explainGlobal(t, o)
	want := tree(t, o.Out)
	o.Out = filepath.Join(t.TempDir(), "again")
	o.Machine.Workers = 5
	explainGlobal(t, o)
	got := tree(t, o.Out)
	if len(got) != len(want) {
		t.Errorf("%d files, then %d", len(want), len(got))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
}

// One class, one part, another method, a part of the split.
func TestExplainGlobalParts(t *testing.T) {
	o := globalOptions(t)
	o.Global.What, o.Settings.Class = []string{global.MethodSpRAy}, "can"
	result := explainGlobal(t, o)
	if result.Images != 8 || len(result.SpRAy) != 1 || result.Averages != nil || result.Tree != nil || paths.Exists(filepath.Join(o.Out, "averages.png")) {
		t.Errorf("SpRAy of one class: %+v", result)
	}
	o = globalOptions(t)
	o.Global.What, o.Settings.Class, o.Settings.Method = []string{global.MethodTree, global.MethodAverages}, "can", "saliency"
	result = explainGlobal(t, o)
	if result.Images != 48 || len(result.Averages) != 1 || result.Tree.Grown == 0 {
		t.Errorf("averages of one class and a tree: %d images, %+v", result.Images, result.Averages)
	}
	if shape, _, err := npy.Read(filepath.Join(o.Out, "averages", "can.npy")); result.Averages[0].N > 0 && (err != nil || shape[0] != 32) {
		t.Errorf("the average of saliency maps is %v, %v", shape, err)
	}
	o = globalOptions(t)
	o.Part, o.Data = "test", ""
	result = explainGlobal(t, o)
	if result.Images != 6 || result.Tree.Tree != nil || result.Tree.Reason != "6 images, want at least 8" || paths.Exists(filepath.Join(o.Out, "tree.txt")) {
		t.Errorf("the test part: %d images, %+v", result.Images, result.Tree)
	}
}

// Files that cannot be read are counted and noted.
func TestExplainGlobalUnreadable(t *testing.T) {
	o := globalOptions(t)
	o.Data = copyDir(t, o.Data)
	write(t, filepath.Join(o.Data, "can", "note.txt"), "no image")
	good, err := os.ReadFile(filepath.Join(o.Data, "can", "0000.png"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(o.Data, "can", "half.png"), string(good[:len(good)/2])) // its header is fine
	var said notes
	o.Listener = said.listener()
	result := explainGlobal(t, o)
	if result.Images != 48 || result.Unreadable != 2 {
		t.Errorf("%d images, %d unreadable", result.Images, result.Unreadable)
	}
	said.want(t, "left out: can/note.txt: ")
	said.want(t, "left out: can/half.png: ")
}

// Stopped at any stage nothing is there; what was there is.
func TestExplainGlobalInterrupted(t *testing.T) {
	for _, stage := range []string{"learning concepts", "explaining", "clustering maps", "growing the tree", "drawing"} {
		o := globalOptions(t)
		o.Concepts = concepts(t)
		ctx, cancel := context.WithCancel(t.Context())
		o.Listener.OnStage = func(name string) {
			if name == stage {
				cancel()
			}
		}
		_, err := ExplainGlobal(ctx, o)
		if !errors.Is(err, ErrInterrupted) {
			t.Errorf("%s: %v", stage, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(o.Out)); err != nil || len(entries) > 0 {
			t.Errorf("%s: %v is left, %v", stage, entries, err)
		}
		cancel()
	}
}

// The folder is locked before any work is done, and results are not replaced.
// What a killed process left is.
func TestExplainGlobalFolder(t *testing.T) {
	o := globalOptions(t)
	o.Global.What = []string{global.MethodAverages}
	write(t, filepath.Join(o.Out, atomicfile.LockFile), "")
	write(t, filepath.Join(o.Out, atomicfile.Prefix+"1", "averages.png"), "half")
	write(t, filepath.Join(o.Out, "averages", "box.npy"), "of another call")
	write(t, filepath.Join(o.Out, "tree.txt"), "of another call")
	second := o
	asked := 0
	o.Listener.OnStage = func(string) {
		asked++
		_, err := ExplainGlobal(t.Context(), second)
		wantError(t, err, o.Out+" is in use by another oscar")
	}
	result := explainGlobal(t, o)
	files := tree(t, o.Out)
	if asked == 0 || files[globalFile] == "" || files["averages/box.npy"] == "of another call" || files["tree.txt"] != "" || files["averages.png"] == "half" {
		t.Errorf("asked %d times; the folder has %v", asked, slices.Sorted(maps.Keys(files)))
	}
	for _, a := range result.Averages {
		if (files["averages/"+a.Class+".npy"] == "") != (a.N == 0) {
			t.Errorf("the map of %s, a mean of %d: %d bytes", a.Class, a.N, len(files["averages/"+a.Class+".npy"]))
		}
	}
	_, err := ExplainGlobal(t.Context(), second)
	wantError(t, err, o.Out+" is not empty; name a new folder")
	if again := tree(t, o.Out); !maps.Equal(again, files) {
		t.Error("the refusal changed the folder")
	}
}

func TestExplainGlobalRefusals(t *testing.T) {
	empty, only := t.TempDir(), t.TempDir()
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	if err := os.Mkdir(filepath.Join(only, "random"), 0o777); err != nil {
		t.Fatal(err)
	}
	testkit.WritePNG(t, filepath.Join(only, "random", "a.png"), img)
	full := t.TempDir()
	write(t, filepath.Join(full, "x"), "y")
	for _, c := range []struct {
		change func(*GlobalOptions)
		want   string
	}{
		{func(o *GlobalOptions) { o.Global.What = []string{"trees"} }, `no part "trees" (tree?); have averages, spray, tree, tcav`},
		{func(o *GlobalOptions) { o.Global.What = []string{"tree", "tree"} }, "tree is named twice"},
		{func(o *GlobalOptions) { o.Global.What = []string{"tcav"} }, "tcav needs concepts: a folder with one sub-folder a concept"},
		{func(o *GlobalOptions) { o.Global.What, o.Concepts = []string{"tree"}, only }, "concepts are for tcav, which is not asked for"},
		{func(o *GlobalOptions) { o.Concepts = empty }, fmt.Sprintf("concepts: image folder %q is empty: one sub-folder per class is needed", empty)},
		{func(o *GlobalOptions) { o.Concepts = only }, "the concepts have no folder but random"},
		{func(o *GlobalOptions) { o.Global.Depth = 0 }, "depth is 0, want at least 1"},
		{func(o *GlobalOptions) { o.Global.Side = 1 }, "side is 1, want at least 2"},
		{func(o *GlobalOptions) { o.Global.Experiments = 1 }, "experiments is 1, want at least 2"},
		{func(o *GlobalOptions) { o.Settings.Method = "gradcam,lrp" }, `method is "gradcam,lrp", want one`},
		{func(o *GlobalOptions) {
			o.Concepts, o.Global.What, o.Settings.Layer = "", []string{"spray", "tree"}, "conv1"
		}, "layer is conv1, and lrp does not use it; name a method that does, as gradcam, or METHOD@LAYER, as lrp@conv1"},
		{func(o *GlobalOptions) { o.Settings.Class = "glass" }, `no class "glass"; have bottle, box, can, paper, roll, tray, or all`},
		{func(o *GlobalOptions) { o.Settings.Layer = "conv9" }, `no layer "conv9" (conv1?); have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *GlobalOptions) { o.Part = "all"; o.Data = empty }, fmt.Sprintf("no files in %q", empty)},
		{func(o *GlobalOptions) { o.Out = full }, full + " is not empty; name a new folder"},
		{func(o *GlobalOptions) { o.Machine.Workers = -1 }, "workers is -1, want 0 or more"},
	} {
		o := globalOptions(t)
		c.change(&o)
		_, err := ExplainGlobal(t.Context(), o)
		wantError(t, err, c.want)
		if o.Out != full && paths.Exists(o.Out) {
			t.Errorf("%s: %s was made", c.want, o.Out)
		}
	}
}
