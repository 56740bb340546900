package instance_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/instance"
	"oscar/internal/checksum"
	"oscar/internal/testkit"
	"oscar/result"
)

// twoRuns trains two small detectors on the same scenes: the second has one epoch only.
func twoRuns(t *testing.T) (data string, runs [2]string) {
	t.Helper()
	data = scenes(t)
	for i, epochs := range []int{3, 1} {
		e := small(t)
		e.Training.Epochs, e.Seed, e.Training.LearningRate = epochs, uint64(i+1), 5e-3
		runs[i] = filepath.Join(t.TempDir(), "run")
		if _, err := instance.Train(t.Context(), instance.TrainOptions{Data: data, Out: runs[i], Experiment: e, Machine: oneThread}); err != nil {
			t.Fatal(err)
		}
	}
	return data, runs
}

// A comparison has the figures and the answers of Evaluate for each model. A model differs in
// nothing from its own export.
func TestCompare(t *testing.T) {
	data, runs := twoRuns(t)
	out := filepath.Join(t.TempDir(), "comparison")
	o := instance.CompareOptions{Models: runs, Part: "train", Out: out, Machine: oneThread, Limits: map[string]float64{"ap_drop": -1, "changed": 1}}
	c, err := instance.Compare(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, dir := range runs {
		e, err := instance.Evaluate(t.Context(), instance.EvaluateOptions{Run: dir, Part: "train", Machine: oneThread})
		if err != nil {
			t.Fatal(err)
		}
		m := c.Models[i]
		if !reflect.DeepEqual(m.Masks, e.Masks) || !reflect.DeepEqual(m.Boxes, e.Boxes) || m.Detections != e.Detections || m.NoObject != e.Outcomes.NoObject || m.Epoch != e.Epoch {
			t.Errorf("model %d: %+v, evaluated %+v", i, m, e)
		}
		if c.Images != e.Images || c.Objects != e.Objects || len(c.ByObject) != e.Objects {
			t.Errorf("%d images, %d objects, %d lines; evaluated %d and %d", c.Images, c.Objects, len(c.ByObject), e.Images, e.Objects)
		}
		var counts [3]int // the row sums, or the column sums
		for a := range 3 {
			for b := range 3 {
				counts[[]int{a, b}[i]] += c.Answers[a][b]
			}
		}
		if o := e.Outcomes; counts != [3]int{o.Right, o.WrongClass, o.Missed} {
			t.Errorf("model %d: answers %v, evaluated %+v", i, counts, o)
		}
		want := []float64{e.Masks.AP, e.Boxes.AP, float64(e.Outcomes.Right) / float64(e.Objects), float64(e.Outcomes.NoObject) / float64(e.Images)}
		for k, f := range c.Figures {
			if math.Abs(float64(f.Values[i])-want[k]) > 1e-12 {
				t.Errorf("%s of model %d is %v, want %v", f.Name, i, f.Values[i], want[k])
			}
		}
		for k, s := range e.Strata {
			if got := c.Strata[k]; got.Name != s.Name || got.Objects != s.Objects || s.AP >= 0 && float64(got.Values[i]) != s.AP {
				t.Errorf("stratum %+v, evaluated %+v", got, s)
			}
		}
	}
	for _, f := range c.Figures {
		if !(f.Low <= f.Difference && f.Difference <= f.High) {
			t.Errorf("%+v", f)
		}
	}
	only := c.Only()
	if len(c.Shown) != min(only[0], 8)+min(only[1], 8) {
		t.Errorf("%d objects shown of %v", len(c.Shown), only)
	}
	for _, s := range c.Shown {
		for _, name := range s.Pictures {
			if _, err := os.Stat(filepath.Join(out, name)); err != nil {
				t.Error(err)
			}
		}
	}
	if len(c.Notes) != 2 || !strings.Contains(c.Notes[0], "was trained with these scenes") {
		t.Errorf("notes %q", c.Notes)
	}
	if exceeded := result.Exceeded(c.Limits); len(c.Limits) != 2 || len(exceeded) != 1 || exceeded[0].Name != "ap_drop" {
		t.Errorf("limits %+v", c.Limits)
	}
	if err := checksum.CheckAll(out); err != nil {
		t.Error(err)
	}
	again, err := instance.Compare(t.Context(), o) // reads it
	if err != nil || !reflect.DeepEqual(fmt.Sprint(again.Figures), fmt.Sprint(c.Figures)) || len(again.ByObject) != len(c.ByObject) {
		t.Errorf("%+v, %v", again, err)
	}
	exported := filepath.Join(t.TempDir(), "model")
	if err := instance.Export(t.Context(), runs[0], exported, oneThread); err != nil {
		t.Fatal(err)
	}
	same, err := instance.Compare(t.Context(), instance.CompareOptions{Models: [2]string{runs[0], exported}, Machine: oneThread})
	if err != nil || same.Changed != 0 || same.Only() != [2]int{} || same.Models[1].Epoch != 0 {
		t.Fatalf("%+v, %v", same, err)
	}
	for _, f := range same.Figures {
		if f.Difference != 0 || f.Low != 0 || f.High != 0 {
			t.Errorf("%+v", f)
		}
	}
	for want, change := range map[string]func(*instance.CompareOptions){
		"holds another comparison":                  func(o *instance.CompareOptions) { o.Part = "test" },
		"is an exported detector, which":            func(o *instance.CompareOptions) { o.Models[0], o.Out = exported, "" },
		"the limit of changed is NaN, want 0 to 1":  func(o *instance.CompareOptions) { o.Limits = map[string]float64{"changed": math.NaN()} },
		`no part "all"`:                             func(o *instance.CompareOptions) { o.Part = "all" },
		"is not the run of a detector":              func(o *instance.CompareOptions) { o.Models[1] = data },
		"is not empty":                              func(o *instance.CompareOptions) { o.Out = runs[0] + "/checkpoints" },
		"it has no annotations/instances_test.json": func(o *instance.CompareOptions) { o.Data, o.Part = runs[0], "test" },
	} {
		wrong := o
		change(&wrong)
		if _, err := instance.Compare(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Inspect has the parameters of a run by part, and what its export takes and returns.
func TestInspect(t *testing.T) {
	_, runs := twoRuns(t)
	i, err := instance.Inspect(runs[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	a := small(t).Detector
	a.Classes = 6
	want, err := a.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	// By hand: three 3x3 convolutions to 8 filters without bias, each with four values of batch
	// normalization; two levels with 1x1 and 3x3 convolutions of 8 filters.
	backbone, pyramid := 3*3*3*8+2*3*3*8*8+3*4*8, 2*(8*8+8+3*3*8*8+8)
	if i.Parameters != want || len(i.Parts) != 5 || i.Parts[0].Parameters != backbone || i.Parts[1].Parameters != pyramid || i.Epoch == 0 || i.Batch != 4 || i.Signatures != nil {
		t.Errorf("%+v, want %d parameters, %d of the backbone, %d of the pyramid", i, want, backbone, pyramid)
	}
	if len(i.Levels) != 2 || i.Levels[0].Stride != 4 || i.Levels[1].Stride != 8 || i.Levels[0].Number != 16*16*3 || i.Levels[1].Anchor != 24 {
		t.Errorf("levels %+v", i.Levels)
	}
	if n := len(i.Layers); n != 10 || !i.Layers[n-1].Explainable || i.Layers[n-1].Name != "relu_conv3" {
		t.Errorf("layers %+v", i.Layers)
	}
	exported := filepath.Join(t.TempDir(), "model")
	if err := instance.Export(t.Context(), runs[0], exported, oneThread); err != nil {
		t.Fatal(err)
	}
	e, err := instance.Inspect(exported, 2)
	if err != nil || e.Parameters != i.Parameters || e.Batch != 2 || e.Memory >= i.Memory || len(e.Versions) == 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	if len(e.Signatures) != 2 || e.Signatures[0].Name != "explain" || e.Signatures[1].Name != "serving_default" {
		t.Fatalf("%+v", e.Signatures)
	}
	x := e.Signatures[0]
	if fmt.Sprint(x.Inputs) != "[{box [-1 4]} {class [-1]} {image [-1 64 64 3]}]" || fmt.Sprint(x.Outputs) != "[{logit [-1]} {map [-1 16 16]} {probability [-1]}]" {
		t.Errorf("%+v", x)
	}
}

// Drawing again with the same settings gives the same files, with others other overlays; the
// maps stay. Every file has its checksum.
func TestDraw(t *testing.T) {
	data, runs := twoRuns(t)
	out := filepath.Join(t.TempDir(), "explained")
	if _, err := instance.Explain(t.Context(), instance.ExplainOptions{
		Run: runs[0], Paths: []string{data}, Part: "test", Out: out, Method: "hirescam,gradient-x-input", Least: 0.01, Machine: oneThread,
	}); err != nil {
		t.Fatal(err)
	}
	list := func(folders ...string) map[string]string {
		out := map[string]string{}
		for _, dir := range folders {
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(files) == 0 {
				t.Fatal(dir, err)
			}
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				out[file] = string(b)
			}
		}
		return out
	}
	drawn, folder := []string{filepath.Join(out, "overlays"), filepath.Join(out, "sheets"), filepath.Join(out, "pictures")}, filepath.Join(out, "maps")
	before, raw := list(drawn...), list(folder)
	s, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: out, Machine: oneThread})
	if err != nil || s.Maps != len(raw) || s.Pictures != len(list(drawn[1])) {
		t.Fatalf("%+v, %v", s, err)
	}
	if after := list(drawn...); !reflect.DeepEqual(after, before) {
		t.Error("the same settings draw other pictures")
	}
	last := before
	for _, d := range []instance.Drawing{{ColorMap: "viridis"}, {Alpha: 0.9}, {Scale: "shared"}, {SignedColorMap: "rdbu_r"}} {
		if _, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: out, Drawing: d, Machine: oneThread}); err != nil {
			t.Fatal(err)
		}
		now := list(drawn...)
		if reflect.DeepEqual(now, last) || !slices.Equal(slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(last))) {
			t.Errorf("%+v changes nothing, or other files", d)
		}
		last = now
	}
	settings, err := result.ReadObjectSettings(out)
	if want := (instance.Drawing{ColorMap: "viridis", Alpha: 0.9, SignedColorMap: "rdbu_r", Scale: "shared"}); err != nil || settings.Drawing != want {
		t.Errorf("%+v, want %+v: %v", settings.Drawing, want, err)
	}
	if !reflect.DeepEqual(list(folder), raw) {
		t.Error("the maps changed")
	}
	if err := checksum.CheckAll(out); err != nil {
		t.Error(err)
	}
	if _, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: out, Drawing: instance.Drawing{ColorMap: "vividis"}}); err == nil || !strings.Contains(err.Error(), "viridis") {
		t.Error(err)
	}
	outside, link := t.TempDir(), filepath.Join(out, "overlays")
	aside := out + "-overlays"
	if err := errors.Join(os.Rename(link, aside), os.Symlink(outside, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: out, Machine: oneThread}); err == nil || !strings.HasSuffix(err.Error(), "the link "+link+" leads out of the folder; remove the link") {
		t.Error(err)
	}
	if files, err := os.ReadDir(outside); err != nil || len(files) != 0 {
		t.Errorf("drawings in the folder elsewhere: %v, %v", files, err)
	}
	if err := errors.Join(os.Remove(link), os.Rename(aside, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: out, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(data, data+"-moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: out}); err == nil || !strings.Contains(err.Error(), "is not where it was") {
		t.Error(err)
	}
	if err := checksum.CheckAll(out); err != nil {
		t.Error("a refused call changed the folder:", err)
	}
	old := t.TempDir()
	testkit.Write(t, filepath.Join(old, "explain.json"), `{"format": 1, "task": "instances"}`)
	if _, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: old}); err == nil || !strings.Contains(err.Error(), "are not finished") {
		t.Error(err)
	}
	testkit.Write(t, filepath.Join(old, "manifest.jsonl"), "")
	if _, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: old}); err == nil || !strings.Contains(err.Error(), "an older oscar made") {
		t.Error(err)
	}
}
