package study

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
)

// A study of four variants: two that are trained, one that is too large, one
// whose training fails. Run again it repeats nothing; one more variant joins.
func TestRun(t *testing.T) {
	o := options(t)
	o.Study.Variants = append(o.Study.Variants,
		Variant{Name: "large", Insert: []Insert{{After: "flatten", Layers: []Layer{{"name": "fc0", "kind": "dense", "units": 200000}}}}},
		Variant{Name: "diverges", Training: keys{"learning_rate": 1e30}})
	o.Memory = 1 << 30
	var ran []Ran
	o.Listener.Run = func(r Ran) { ran = append(ran, r) }
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := result.Read(o.Out); err != nil || len(again.Variants) != 4 {
		t.Fatalf("study.json: %v", err)
	}
	checkTrained(t, o, res)

	large := res.Variant("large")
	if large.Status != result.TooLarge || len(large.Figures) != 0 || paths.Exists(filepath.Join(o.Out, "runs", "large-1")) {
		t.Errorf("large: %s, %v", large.Status, large.Figures)
	}
	// 432 x 200,000 weights and 200,000 x 16, as gradients and twice as moments too.
	const begins, ends = "(weights 0.3 GiB, gradients 0.3 GiB, optimizer 0.7 GiB, activations 0.", "and nine tenths of this machine's 1.0 GiB are 0.9 GiB; fc0 has 86 million weights"
	if !strings.Contains(large.Reason, begins) || !strings.HasSuffix(large.Reason, ends) || large.Memory.Training < 1<<30 {
		t.Errorf("reason %q, want %s ... %s", large.Reason, begins, ends)
	}
	bad := res.Variant("diverges")
	if bad.Status != result.Failed || !strings.HasPrefix(bad.Reason, "seed 1: the loss is ") || bad.Runs[0].Status != result.Failed {
		t.Errorf("diverges: %s, %s", bad.Status, bad.Reason)
	}
	if len(ran) != 6 || ran[0].Variant != "baseline" || ran[3].Seed != 2 {
		t.Errorf("ran %+v", ran)
	}

	ran = nil
	before := contents(t, o.Out, "baseline-")
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, r := range ran {
		if r.Earlier != (r.Failed == "") {
			t.Errorf("again: %+v", r)
		}
	}
	same(t, before, contents(t, o.Out, "baseline-"))
	withoutClassifications(t, o, res)
	addVariant(t, o)
}

func checkTrained(t *testing.T, o Options, res *result.Study) {
	t.Helper()
	base, other := res.Variant("baseline"), res.Variant("no-norm")
	if base.Status != result.Done || other.Status != result.Done || base.Parameters != 8546 || other.Parameters != 8546-32 {
		t.Errorf("baseline %s with %d parameters, no-norm %s with %d", base.Status, base.Parameters, other.Status, other.Parameters)
	}
	if base.McNemar != nil || other.McNemar == nil || len(other.McNemar.Tests) != 2 || other.McNemar.Tests[0].Images != res.Data.Test {
		t.Errorf("McNemar %+v, %+v", base.McNemar, other.McNemar)
	}
	for _, v := range []*result.Variant{base, other} {
		for i, r := range v.Runs {
			e, err := mustOpen(t, filepath.Join(o.Out, r.Dir)).Evaluation()
			if err != nil || r.Values["test_accuracy"] != e.Accuracy || math.Abs(float64(r.Values["test_loss"]-e.Loss)) > 1e-6 {
				t.Errorf("%s: test accuracy and loss %v, %v are not the run's, %v", r.Dir, r.Values["test_accuracy"], r.Values["test_loss"], e)
			}
			got, kind := v.Figures["test_accuracy"], result.Range
			inside := got.Low <= r.Values["test_accuracy"] && r.Values["test_accuracy"] <= got.High
			if v.Runs[0].Values["test_accuracy"] == v.Runs[1].Values["test_accuracy"] { // equal seeds have no interval
				kind, inside = "", got.Mean == r.Values["test_accuracy"]
			}
			if got.Interval != kind || got.N != 2 || !inside {
				t.Errorf("%s: seed %d is outside %+v", v.Name, i, got)
			}
			if len(r.Epochs) != 3 || r.Kept < 1 {
				t.Errorf("%s: %d epochs, kept %d", r.Dir, len(r.Epochs), r.Kept)
			}
			if left, err := filepath.Glob(filepath.Join(o.Out, r.Dir, "checkpoints", "step-*")); err != nil || len(left) > 0 {
				t.Errorf("checkpoints are left: %v", left)
			}
		}
	}
	one, two := mustOpen(t, filepath.Join(o.Out, "runs", "baseline-1")), mustOpen(t, filepath.Join(o.Out, "runs", "no-norm-2"))
	if one.Split.Hash != two.Split.Hash || one.Split.Hash != res.Data.SplitHash || one.Experiment.Seed != 1 || two.Experiment.Seed != 2 {
		t.Error("the runs have not one split, or not their seeds")
	}
	checkExplained(t, o, res)
	for _, m := range []string{"train_accuracy", "fitted_accuracy", "val_accuracy", "test_f1", "peak_memory", "focus", "energy", "intensity", "sparsity", "likeness_rank", "likeness_ssim"} {
		if res.Measure(m) == nil || other.Figures[m].N == 0 {
			t.Errorf("no %s", m)
		}
	}
	if n := base.Figures["likeness_rank"].N; n != 1 {
		t.Errorf("the base's two seeds make %d pairs, want 1", n)
	}
	table, err := os.ReadFile(filepath.Join(o.Out, "study.csv"))
	if err != nil || strings.Count(string(table), "\n") != 1+8 {
		t.Errorf("study.csv: %v\n%s", err, table)
	}
	lines, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, class := range res.Classes {
		at := slices.Index(lines[0], "f1_"+class)
		if at < 0 {
			t.Fatalf("study.csv has no F1 of %s: %q", class, lines[0])
		}
		mean, n := 0.0, 0
		for _, line := range lines[1:] {
			if v, err := strconv.ParseFloat(line[at], 64); line[0] == base.Name && err == nil {
				mean, n = mean+v, n+1
			}
		}
		if want := float64(base.PerClass[i].F1.Mean); n == 0 || math.Abs(mean/float64(n)-want) > 1e-12 {
			t.Errorf("study.csv: F1 of %s is %g in %d runs, want %g", class, mean/float64(n), n, want)
		}
	}
}

// The same images everywhere, under one scale.
func checkExplained(t *testing.T, o Options, res *result.Study) {
	t.Helper()
	if len(res.Walls) != 1 || len(res.Walls[0].Rows) != 6 {
		t.Fatalf("walls %+v", res.Walls)
	}
	w := res.Walls[0]
	for _, row := range w.Rows {
		if len(row.Cells) != 2 || !paths.Exists(filepath.Join(o.Out, row.Picture)) || !paths.Exists(filepath.Join(res.Data.Root, row.Image)) {
			t.Errorf("row %+v", row)
		}
		for _, c := range row.Cells {
			if !paths.Exists(filepath.Join(o.Out, c.Map)) || !paths.Exists(filepath.Join(o.Out, c.Overlay)) {
				t.Errorf("cell %+v", c)
			}
			if c.RawMax > row.Scale || row.Scale > w.Scale {
				t.Errorf("%s: scale %v of a row with %v, of the wall %v", row.Class, row.Scale, c.RawMax, w.Scale)
			}
		}
	}
	images := func(run string) (list []string) {
		rows, err := pipeline.ReadManifest(filepath.Join(o.Out, "explanations", run))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Target != filepath.Base(filepath.Dir(r.Image)) {
				t.Errorf("%s is explained for %s", r.Image, r.Target)
			}
			list = append(list, r.Image)
		}
		return list
	}
	if first := images("baseline-1"); len(first) != 12 || !slices.Equal(first, images("no-norm-2")) {
		t.Errorf("not the same images: %v", first)
	}
}

// addVariant puts one more variant into the finished study.
func addVariant(t *testing.T, o Options) {
	t.Helper()
	before := contents(t, o.Out, "no-norm-")
	a := Addition{
		Variant: Variant{Name: "no-relu", Without: []string{"relu"}},
		Claims:  []Claim{{Text: "ReLU helps", Variant: "no-relu", Measure: "test_accuracy", Direction: lower}},
	}
	call := AddOptions{Dir: o.Out, Addition: a, Memory: o.Memory, Machine: o.Machine}
	res, err := Add(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Variants) != 5 || res.Variants[4].Name != "no-relu" || res.Variants[4].Status != result.Done || len(res.Claims) != 3 {
		t.Errorf("%d variants, %d claims", len(res.Variants), len(res.Claims))
	}
	same(t, before, contents(t, o.Out, "no-norm-"))
	if _, err := Add(t.Context(), call); err != nil { // goes on where one was stopped
		t.Error(err)
	}
	call.Addition.Without = []string{"relu5"}
	_, err = Add(t.Context(), call)
	wantError(t, err, o.Out+" has a variant no-relu.without.1 relu, not relu5; give the new variant another name")
	if _, err := Run(t.Context(), o); err != nil { // the study that was asked for first
		t.Error(err)
	}
}

// Killed in the middle and started again, a study ends with the bits of one
// that was not.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("a process of its own")
	}
	o := options(t)
	o.Study.Base["training"].(keys)["epochs"] = 12
	o.Study.Seeds = []uint64{5}
	whole := o
	whole.Out += "-whole"
	if _, err := Run(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	cmd := studying(t, o)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The second run has begun, and is not at its end.
	metrics := filepath.Join(o.Out, "runs", "no-norm-5", "metrics.jsonl")
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(metrics); err == nil && bytes.Count(text, []byte("\n")) > 2 {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatal("the second run does not begin")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	if paths.Exists(filepath.Join(o.Out, "runs", "no-norm-5", "evaluation.json")) {
		t.Skip("the process was too fast to be killed in the middle")
	}
	first := contents(t, o.Out, "baseline-5")
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	same(t, first, contents(t, o.Out, "baseline-5"))
	a, b := contents(t, whole.Out, ""), contents(t, o.Out, "")
	compared := 0
	for name, text := range a {
		if strings.Contains(name, "saved_model/variables/") || strings.HasPrefix(name, "looks/") || strings.HasSuffix(name, ".npy") {
			compared++
			if b[name] != text {
				t.Errorf("%s differs", name)
			}
		}
	}
	if compared < 20 {
		t.Errorf("compared %d files only", compared)
	}
}

// Stopped between two steps it says so, and two at once are refused.
func TestInterrupted(t *testing.T) {
	o := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := 0.0
	o.Listener.Progress = func(p Progress) {
		if p.Done < done || p.Done > 1 || p.Runs != 4 || p.Left < 0 {
			t.Errorf("after %v of all: %+v", done, p)
		}
		if done = p.Done; p.Run == 2 {
			cancel()
		}
	}
	second := o
	second.Listener = Listener{}
	o.Listener.Run = func(Ran) {
		_, err := Run(t.Context(), second)
		wantError(t, err, o.Out+" is in use by another oscar")
	}
	_, err := Run(ctx, o)
	if !errors.Is(err, pipeline.ErrInterrupted) || !strings.HasSuffix(err.Error(), "in run 2 of 4; the same command resumes where it stopped") {
		t.Errorf("error %v", err)
	}
	if paths.Exists(filepath.Join(o.Out, "study.json")) || done < 0.25 {
		t.Errorf("there is a result after %v of all", done)
	}
	o.Listener = Listener{}
	if _, err := Run(t.Context(), o); err != nil {
		t.Error(err)
	}

	// Another study, other images, another budget are refused.
	other := o
	other.Study.Seeds = []uint64{1, 3}
	_, err = Run(t.Context(), other)
	wantError(t, err, o.Out+" holds a study with seeds.2 2, not 3; name a new folder, or put variants in by oscar study add")
	other.Study = small()
	other.Study.Variants = append(other.Study.Variants, Variant{Name: "no-relu", Without: []string{"relu"}})
	_, err = Run(t.Context(), other)
	wantError(t, err, o.Out+" holds a study with variants has no no-relu; name a new folder, or put variants in by oscar study add")
	other.Study, other.Budget = small(), time.Hour
	_, err = Run(t.Context(), other)
	wantError(t, err, o.Out+" holds a study with no budget, not a budget of 1h0m; name a new folder")
	other.Budget, other.Data = 0, t.TempDir()
	_, err = Run(t.Context(), other)
	wantError(t, err, o.Out+" holds a study of other images: 60 of its 60 are missing or changed in "+other.Data+", the first is bottle/0004.png; name the folder that has them, or a new folder for the results")
}

func TestRunRefuses(t *testing.T) {
	o := options(t)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "note"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	mine := t.TempDir() // with a file of the user's own
	if err := os.WriteFile(filepath.Join(mine, "study.yaml"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Out = full }, full + " is not empty; name a new folder"},
		{func(o *Options) { o.Out = mine }, mine + " is not empty; name a new folder"},
		{func(o *Options) { o.Out = filepath.Join(o.Data, "out") }, filepath.Join(o.Data, "out") + " lies in " + o.Data + ", where every folder is a class; name a folder elsewhere"},
		{func(o *Options) { o.Data = "nowhere" }, `cannot read image folder "nowhere": no such file or directory`},
		{func(o *Options) { o.Budget = time.Nanosecond }, "a budget of 0s is too little: 3 epochs"},
		{func(o *Options) { o.Study.Seeds = nil }, "seeds is empty, want at least one, as [1, 2]"},
		{func(o *Options) { o.Machine.Workers = -1 }, "workers is -1, want 0 or more"},
		{func(o *Options) {
			o.Study.Base["architecture"] = keys{"name": "own", "input": []any{9, 9, 3}, "layers": []any{keys{"name": "look", "kind": "conv2d", "filters": 3, "kernel": 3}, keys{"name": "pool", "kind": "global_average_pool2d"}, keys{"name": "out", "kind": "dense", "units": 4}}}
			o.Study.Variants = o.Study.Variants[:1]
			o.Study.Claims = nil
		}, "variant baseline: own ends with 4 units for 6 classes"},
	} {
		c := o
		c.Study = small()
		test.change(&c)
		_, err := Run(t.Context(), c)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("error %v\nwant  %s", err, test.want)
		}
		if c.Out == o.Out && paths.Exists(o.Out) {
			t.Errorf("%s: something is left behind", test.want)
		}
	}
	_, err := Add(t.Context(), AddOptions{Dir: full})
	wantError(t, err, full+" is not a study's folder: it has no plan.json")
}

// With a split for each seed, variants are compared within a seed.
func TestSplitOfEachSeed(t *testing.T) {
	o := options(t)
	o.Study.Split = SeedSplit
	o.Study.Explain.Methods = []string{"gradcam", "saliency"}
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(run string) string { return mustOpen(t, filepath.Join(o.Out, "runs", run)).Split.Hash }
	if hash("baseline-1") != hash("no-norm-1") || hash("baseline-1") == hash("baseline-2") {
		t.Error("the seeds have not each their split")
	}
	for _, test := range res.Variant("no-norm").McNemar.Tests {
		if test.Images != res.Data.Test {
			t.Errorf("seed %d: %d images are paired, want %d", test.Seed, test.Images, res.Data.Test)
		}
	}
	if f := res.Variant("no-norm").Figures["focus:saliency"]; f.N != 2 || len(res.Walls) != 2 || res.Walls[1].Method != "saliency" || len(res.Walls[1].Rows[0].Cells) != 2 {
		t.Errorf("the second method: %+v", f)
	}
	if _, err := Run(t.Context(), o); err != nil {
		t.Error(err)
	}
}
