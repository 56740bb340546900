package study

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/checksum"
	"oscar/internal/testkit"
	"oscar/pipeline"
	"oscar/report"
	"oscar/result"
	"oscar/verify"
)

// timed are the measures that differ from run to run.
var timed = []string{"images_per_second", "peak_memory"}

// timeless returns a folder's study.json without times, the folder of images, and what was
// noted; it writes it in place of the file.
func timeless(t *testing.T, dir string) string {
	t.Helper()
	s, err := result.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Seconds, s.Data.Root = 0, ""
	for _, v := range s.Variants {
		for _, r := range v.Runs {
			for i := range r.Epochs {
				r.Epochs[i].Seconds = 0
			}
			for _, name := range timed {
				delete(r.Values, name)
			}
		}
		for _, name := range timed {
			delete(v.Figures, name)
		}
	}
	s.Measures = slices.DeleteFunc(s.Measures, func(m result.Measure) bool { return slices.Contains(timed, m.Name) })
	if err := checksum.WriteJSON(dir, result.File, s); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// table returns study.csv without times.
func table(t *testing.T, dir string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, csvFile))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range timed {
		at := slices.Index(lines[0], name)
		for i := range lines {
			lines[i] = slices.Delete(lines[i], at, at+1)
		}
	}
	return lines
}

// sameStudy compares two finished studies: study.json, study.csv and the page.
func sameStudy(t *testing.T, got, want string) {
	t.Helper()
	if a, b := timeless(t, got), timeless(t, want); a != b {
		t.Errorf("study.json differs:\n%s\nwant\n%s", a, b)
	}
	if a, b := table(t, got), table(t, want); !slices.EqualFunc(a, b, slices.Equal) {
		t.Errorf("study.csv differs:\n%q\nwant\n%q", a, b)
	}
	page := func(dir string) string {
		out := filepath.Join(t.TempDir(), "page.html")
		if _, err := report.Write(t.Context(), report.Options{Dirs: []string{dir}, Out: out}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), dir, "DIR")
	}
	if a, b := page(got), page(want); a != b {
		t.Errorf("the pages differ: %d and %d bytes", len(a), len(b))
	}
}

func wantWhole(t *testing.T, dir string) {
	t.Helper()
	f, err := verify.Dir(t.Context(), dir)
	if err != nil || !f.Whole() {
		t.Errorf("oscar verify: %+v, %v", f, err)
	}
}

// models lists the files below dir that have weights.
func models(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), "variables.") || d.Name() == "saved_model.pb" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A study that is stopped after two of four runs goes on from their results alone, in another
// folder, with the images in another folder, and ends as one that was not stopped.
func TestResumesWithoutModels(t *testing.T) {
	whole := options(t)
	if _, err := Run(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	o := whole
	o.Out, o.DiscardModels = filepath.Join(t.TempDir(), "stopped"), true
	ctx, cancel := context.WithCancel(t.Context())
	o.Listener.Run = func(r Ran) {
		if r.Variant == "no-norm" {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, pipeline.ErrInterrupted) {
		t.Fatal(err)
	}
	if left := models(t, filepath.Join(o.Out, "runs", "no-norm-1")); len(left) > 0 {
		t.Errorf("models are left: %v", left)
	}
	if err := os.RemoveAll(filepath.Join(o.Out, "runs", "baseline-2")); err != nil { // it has begun
		t.Fatal(err)
	}
	wantWhole(t, o.Out)

	o.Listener, o.DiscardModels = Listener{}, false // the plan knows
	images := testkit.CopyDir(t, filepath.Dir(o.Data))
	for _, data := range []string{o.Data, filepath.Join(images, "images")} {
		next := o
		next.Out, next.Data = filepath.Join(t.TempDir(), "out"), data
		if err := os.CopyFS(next.Out, os.DirFS(o.Out)); err != nil {
			t.Fatal(err)
		}
		before := contents(t, next.Out, "-1/")
		var ran []Ran
		next.Listener.Run = func(r Ran) { ran = append(ran, r) }
		if _, err := Run(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if len(ran) != 4 || !ran[0].Earlier || !ran[1].Earlier || ran[2].Earlier {
			t.Errorf("ran %+v", ran)
		}
		same(t, before, contents(t, next.Out, "-1/"))
		wantWhole(t, next.Out)
		sameStudy(t, next.Out, whole.Out)
		if left := models(t, next.Out); len(left) > 0 {
			t.Errorf("models are left: %v", left)
		}
	}
	other := o
	other.Data = filepath.Join(images, "images")
	first := mustOpen(t, filepath.Join(o.Out, "runs", "baseline-1")).Split.Train[0].Path
	testkit.Write(t, filepath.Join(other.Data, first), "another image")
	_, err := Run(t.Context(), other)
	if err == nil || !strings.Contains(err.Error(), "holds a study of other images: 1 of its 60 are missing or changed") || !strings.Contains(err.Error(), first) {
		t.Errorf("error %v", err)
	}
}

// Units whose models are discarded are merged to the result of one process.
func TestMergesWithoutModels(t *testing.T) {
	whole := options(t)
	if _, err := Run(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	o := whole
	o.Out, o.DiscardModels = filepath.Join(t.TempDir(), "planned"), true
	if err := Plan(t.Context(), t.TempDir(), o); err != nil {
		t.Fatal(err)
	}
	for u, err := range result.Units(o.Out) {
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewWorker(u, nil, oneThread, pipeline.Listener{})
		if err != nil {
			t.Fatal(err)
		}
		for _, earlier := range []bool{false, true} {
			if did, err := w.Do(t.Context(), u); err != nil || did.Earlier != earlier || len(did.Statuses) > 0 {
				t.Errorf("%s: %+v, %v", u.ID, did, err)
			}
		}
	}
	if _, err := Merge(t.Context(), pipeline.MergeOptions{Dir: o.Out, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	sameStudy(t, o.Out, whole.Out)
}

// A run whose model was discarded is whole. It cannot be trained on, exported or explained,
// and what it lost is named. A run that lost its model otherwise is damaged.
func TestDiscarded(t *testing.T) {
	o := options(t)
	o.Study.Seeds, o.Study.Claims = []uint64{1}, nil
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(o.Out, "runs", "no-norm-1")
	kept := testkit.CopyDir(t, lost)
	if err := os.RemoveAll(filepath.Join(lost, "saved_model")); err != nil {
		t.Fatal(err)
	}
	if f, err := verify.Dir(t.Context(), o.Out); err != nil || f.Whole() {
		t.Errorf("a run without a model is whole: %v", err)
	}
	if err := errors.Join(os.RemoveAll(lost), os.CopyFS(lost, os.DirFS(kept))); err != nil {
		t.Fatal(err)
	}

	o.DiscardModels = true
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, o.Out)
	if left := models(t, o.Out); len(left) > 0 {
		t.Errorf("models are left: %v", left)
	}
	const want = " has no model: it was discarded after its measures were complete"
	_, resumed := pipeline.Resume(t.Context(), pipeline.ResumeOptions{Run: lost, Machine: oneThread})
	_, evaluated := pipeline.Evaluate(t.Context(), pipeline.EvaluateOptions{Model: lost, Part: "test", Machine: oneThread})
	exported := pipeline.Export(t.Context(), pipeline.ExportOptions{Model: lost, Out: filepath.Join(t.TempDir(), "model")})
	for _, err := range []error{resumed, evaluated, exported} {
		if err == nil || !strings.Contains(err.Error(), lost+want) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := pipeline.Draw(t.Context(), pipeline.DrawOptions{Dir: filepath.Join(o.Out, "explanations", "no-norm-1"), Machine: oneThread}); err != nil {
		t.Errorf("overlays cannot be drawn again: %v", err)
	}
	wantWhole(t, o.Out)

	maps, err := filepath.Glob(filepath.Join(o.Out, "explanations", "no-norm-1", "maps", "*", "*.npy"))
	if err != nil || len(maps) == 0 {
		t.Fatalf("no maps: %v", err)
	}
	if err := os.Remove(maps[0]); err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if v := res.Variant("no-norm"); v.Status != result.Failed || !strings.Contains(v.Reason, maps[0]+" is missing; the model of the run was discarded") {
		t.Errorf("%s: %s", v.Status, v.Reason)
	}
	if err := os.RemoveAll(lost); err != nil {
		t.Fatal(err)
	}
	if res, err = Run(t.Context(), o); err != nil || res.Variant("no-norm").Status != result.Done {
		t.Errorf("trained again: %+v, %v", res, err)
	}
	wantWhole(t, o.Out)
}
