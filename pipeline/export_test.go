package pipeline

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Exported again, a run gives the model that it has, bit for bit; frozen, one
// that says and explains the same.
func TestExport(t *testing.T) {
	run := trained(t)
	dir := t.TempDir()
	again, frozen := filepath.Join(dir, "again"), filepath.Join(dir, "frozen")
	if err := Export(t.Context(), ExportOptions{Model: run.Dir, Out: again, Threads: oneThread.Threads}); err != nil {
		t.Fatal(err)
	}
	a, b := tree(t, again), tree(t, run.Model())
	for name := range b {
		if a[name] != b[name] {
			t.Errorf("%s differs", name)
		}
	}
	if err := Export(t.Context(), ExportOptions{Model: run.Dir, Out: frozen, Frozen: true, Threads: oneThread.Threads}); err != nil {
		t.Fatal(err)
	}
	if paths.Exists(filepath.Join(frozen, "variables", "variables.index")) {
		t.Error("the frozen model has variables")
	}
	whole := evaluated(t, EvaluateOptions{Model: again, Data: shapes(t), Part: "all"})
	constant := evaluated(t, EvaluateOptions{Model: frozen, Data: shapes(t), Part: "all"})
	if d := whole.Loss - constant.Loss; d > 1e-5 || d < -1e-5 || whole.Accuracy != constant.Accuracy {
		t.Errorf("loss %g, frozen %g", whole.Loss, constant.Loss)
	}
	_, rows := explained(t, ExplainOptions{Model: frozen, Paths: []string{photos(t, 3)}})
	if len(rows) != 3 {
		t.Errorf("%d rows", len(rows))
	}
	noLeftovers(t, dir)

	// The metadata has the steps of the signatures that integrate, and of no others.
	integrated := filepath.Join(t.TempDir(), "integrated")
	if err := Export(t.Context(), ExportOptions{Model: run.Dir, Out: integrated, Explain: []string{"saliency", "integrated-gradients"}}); err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]map[string]int{again: nil, integrated: {"integrated-gradients": tfmodel.DefaultSteps}} {
		if meta, _, err := savedmodel.Describe(model); err != nil || !maps.Equal(meta.Steps, want) {
			t.Errorf("%s: steps %v, %v; want %v", model, meta.Steps, err, want)
		}
	}

	// Over the same, but over nothing else.
	for name, o := range map[string]ExportOptions{again: {}, frozen: {Frozen: true}} {
		o.Model, o.Out = run.Dir, name
		if err := Export(t.Context(), o); err != nil {
			t.Error(err)
		}
	}
	before := tree(t, dir)
	for _, test := range []struct {
		o    ExportOptions
		want string
	}{
		{ExportOptions{Out: frozen}, frozen + " holds this model with the weights as constants, not variables; name a new folder"},
		{ExportOptions{Out: again, Frozen: true}, again + " holds this model with the weights as variables, not constants; name a new folder"},
		{ExportOptions{Out: again, Explain: []string{"saliency"}}, again + " holds this model with the signatures gradcam, serve, serving_default, not saliency, serve, serving_default; name a new folder"},
		{ExportOptions{Out: again, Temperature: "2"}, again + " holds this model with the temperature 1, not 2; name a new folder"},
	} {
		test.o.Model = run.Dir
		wantError(t, Export(t.Context(), test.o), test.want)
	}
	if !maps.Equal(before, tree(t, dir)) {
		t.Error("an export was changed")
	}
	write(t, filepath.Join(dir, "mine", "file"), "something")
	err := Export(t.Context(), ExportOptions{Model: run.Dir, Out: filepath.Join(dir, "mine")})
	wantError(t, err, filepath.Join(dir, "mine")+" is not a SavedModel that oscar wrote; name a new folder")
	err = Export(t.Context(), ExportOptions{Model: dir, Out: filepath.Join(dir, "new")})
	wantError(t, err, dir+" is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb)")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Export(ctx, ExportOptions{Model: run.Dir, Out: filepath.Join(dir, "new")}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if paths.Exists(filepath.Join(dir, "new")) {
		t.Error("there is a new folder")
	}
}

// The best epoch so far can be had of a run that is not finished.
func TestExportUnfinished(t *testing.T) {
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 4)
	out := filepath.Join(t.TempDir(), "model")
	err := Export(t.Context(), ExportOptions{Model: dir, Out: out})
	wantError(t, err, filepath.Join(dir, checkpointsDir)+" has no finished epoch yet")

	dir = interrupt(t, TrainOptions{Experiment: tiny()}, 20)
	if err := Export(t.Context(), ExportOptions{Model: dir, Out: out}); err != nil {
		t.Fatal(err)
	}
	c := checkpoints{filepath.Join(dir, checkpointsDir)}
	s, _, err := c.newest()
	if err != nil {
		t.Fatal(err)
	}
	e := evaluated(t, EvaluateOptions{Model: out, Data: shapes(t), Part: "all"})
	checkEvaluation(t, e, 48)

	// Its weights may be damaged or gone.
	weights := filepath.Join(c.dir, bestName(s.Best.Epoch), bundlePrefix+".data-00000-of-00001")
	b, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	write(t, weights, string(b))
	before := tree(t, out)
	unchanged := func() {
		t.Helper()
		for name, text := range tree(t, out) {
			if before[name] != text {
				t.Errorf("%s was changed", name)
			}
		}
	}
	n := &notes{}
	if err := Export(t.Context(), ExportOptions{Model: dir, Out: out, Listener: n.listener()}); err != nil {
		t.Fatal(err)
	}
	n.want(t, "the weights of epoch 2, of checkpoint step-0000018, are taken in its place")
	unchanged()
	if err := errors.Join(os.RemoveAll(filepath.Dir(weights)), os.RemoveAll(filepath.Join(c.dir, "step-0000018"))); err != nil {
		t.Fatal(err)
	}
	err = Export(t.Context(), ExportOptions{Model: dir, Out: out})
	wantError(t, err, c.dir+" has lost "+bestName(s.Best.Epoch)+", the weights of the best epoch; no checkpoint is whole at the end of an epoch; put it back")
	unchanged()
}

// A training that is running removes the weights of the best epoch, before they are checked or
// while they are read, when another epoch is better: those are taken. Weights that are gone for
// another reason are an error, or are replaced with a note.
func TestBestIsReplacedMeanwhile(t *testing.T) {
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 20)
	r, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	network, err := r.Network()
	if err != nil {
		t.Fatal(err)
	}
	n, err := tfmodel.Compile(network)
	if err != nil {
		t.Fatal(err)
	}
	c := checkpoints{filepath.Join(dir, checkpointsDir)}
	// replace does what a training does with a better epoch.
	replace := func(before, now int) {
		t.Helper()
		if err := os.Rename(filepath.Join(c.dir, bestName(before)), filepath.Join(c.dir, bestName(now))); err != nil {
			t.Fatal(err)
		}
		states, err := filepath.Glob(filepath.Join(c.dir, "step-*", "state.json"))
		if err != nil || len(states) == 0 {
			t.Fatal(states, err)
		}
		for _, path := range states {
			var s map[string]any
			if err := atomicfile.ReadJSON(path, &s); err != nil {
				t.Fatal(err)
			}
			s["best"].(map[string]any)["epoch"], s["sum"] = now, ""
			if err := atomicfile.WriteJSON(path, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, _, err := c.newest()
	if err != nil {
		t.Fatal(err)
	}
	replace(s.Best.Epoch, 70)
	at := 70
	read := &notes{}
	epoch, err := r.UseBest(read.listener(), func(prefix string) error {
		if at < 72 {
			replace(at, at+1)
			at++
		}
		session, err := n.Restore(t.Context(), prefix, Config{})
		if err == nil {
			session.Close()
		}
		return err
	})
	if err != nil || epoch != 72 || len(read.lines) != 0 {
		t.Errorf("epoch %d, want 72: %v, %q", epoch, err, read.lines)
	}
	if err := Export(t.Context(), ExportOptions{Model: dir, Out: filepath.Join(t.TempDir(), "model")}); err != nil {
		t.Error(err)
	}
	failed := errors.New("failed")
	calls := 0
	if _, err := r.UseBest(Listener{}, func(string) error { calls++; return failed }); !errors.Is(err, failed) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
