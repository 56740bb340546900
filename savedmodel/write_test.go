package savedmodel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

func TestModelSaysWhatItsTrainerSaid(t *testing.T) {
	trainer := trained(t, small())
	b, images := pixels(small(), 5, 100)
	want, _, err := trainer.Evaluate(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for _, frozen := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "model")
		export(t, trainer, dir, frozen)
		if _, err := os.Stat(filepath.Join(dir, "variables")); (err == nil) == frozen {
			t.Errorf("frozen %v: variables: %v", frozen, err)
		}
		got, err := open(t, dir).Predict(t.Context(), images)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			near(t, fmt.Sprintf("frozen %v: image %d", frozen, i), got.Probabilities[i], want[i], 1e-6)
		}
	}
}

func TestWriteReplacesAModel(t *testing.T) {
	dir := exported(t)
	b, images := pixels(small(), 2, 100)
	trainer := trained(t, small())
	for i := range 3 {
		if _, _, err := trainer.Step(t.Context(), b, i, 0.1); err != nil {
			t.Fatal(err)
		}
	}
	before, err := open(t, dir).Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	export(t, trainer, dir, false)
	after, err := open(t, dir).Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	if before.Logits[0][0] == after.Logits[0][0] {
		t.Error("the model is the old one")
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("beside it lies %v", entries)
	}
}

// Of two that write other models to one folder at the same time, one wins. The other is
// refused, at the beginning or at the end.
func TestWritesOfTwoModels(t *testing.T) {
	n, session := network(t, trained(t, small()))
	for try := range 20 {
		dir := filepath.Join(t.TempDir(), "model")
		var failed [2]error
		var both sync.WaitGroup
		for i := range failed {
			m := model(t, n, session)
			m.Metadata.SplitHash = fmt.Sprint("split ", i)
			both.Go(func() { failed[i] = savedmodel.Write(t.Context(), dir, m) })
		}
		both.Wait()
		winner := 0
		if failed[0] != nil {
			winner = 1
		}
		if failed[winner] != nil || failed[1-winner] == nil {
			t.Fatalf("try %d: %v, %v; want one error", try, failed[0], failed[1])
		}
		if text := failed[1-winner].Error(); !strings.Contains(text, " is in use by another oscar") && !strings.Contains(text, " holds another model ") {
			t.Errorf("try %d: %s", try, text)
		}
		if meta, _, err := savedmodel.Describe(dir); err != nil || meta.SplitHash != fmt.Sprint("split ", winner) {
			t.Errorf("try %d: %v, the folder is not the winner's", try, err)
		}
	}
}

// Files of other programs outlive the model that they lie in.
func TestWriteKeepsExtras(t *testing.T) {
	dir := exported(t)
	extras := map[string]string{
		"assets/words.txt": "one", "assets/deep/more.txt": "two",
		"assets.extra/tf_serving_warmup_requests": "requests", "assets.extra/notes/a.txt": "three",
	}
	for name, text := range extras {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("tf_serving_warmup_requests", filepath.Join(dir, "assets.extra", "link")); err != nil {
		t.Fatal(err)
	}
	extras["assets.extra/link"] = "requests"
	metadata, err := os.ReadFile(filepath.Join(dir, "assets.extra", "oscar.json"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		export(t, trained(t, small()), dir, false)
		for name, text := range extras {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if got, err := os.ReadFile(filepath.Join(dir, "assets.extra", "oscar.json")); err != nil || string(got) != string(metadata) {
			t.Errorf("oscar.json: %s, %v", got, err)
		}
		open(t, dir)
	}
}

func TestWriteThatFailsLeavesTheOldModel(t *testing.T) {
	dir := exported(t)
	before := tree(t, filepath.Dir(dir))
	n, session := network(t, trained(t, small()))
	whole := model(t, n, session)

	odd := whole
	odd.Signatures = maps.Clone(whole.Signatures)
	odd.Signatures["gradcam"] = savedmodel.Signature{Outputs: map[string]graph.Tensor{"map": {}}}
	wantError(t, "a signature of nothing", savedmodel.Write(t.Context(), dir, odd), "signature gradcam", `"map" is not a tensor`)
	unchanged(t, "a signature of nothing", dir, before)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := savedmodel.Write(ctx, dir, whole); err == nil {
		t.Error("canceled: no error")
	}
	unchanged(t, "canceled", dir, before)

	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "a closed session", savedmodel.Write(t.Context(), dir, whole), "save ", "closed")
	unchanged(t, "a closed session", dir, before)

	n.Graph.Fail(errors.New("broken"))
	odd = savedmodel.Model{Graph: n.Graph, Metadata: whole.Metadata}
	wantError(t, "a broken graph", savedmodel.Write(t.Context(), filepath.Join(filepath.Dir(dir), "new"), odd), "broken")
	unchanged(t, "a broken graph", dir, before)
}

// An export is not replaced by one of the same model with other signatures or options, but by one
// with the same.
func TestWriteSparesOtherExports(t *testing.T) {
	n, session := network(t, trained(t, small()))
	plain := model(t, n, session)
	fewer, warm, finer := plain, plain, plain
	fewer.Signatures = map[string]savedmodel.Signature{"serving_default": plain.Signatures["serving_default"]}
	warm.Metadata.Temperature = 2
	finer.Signatures = maps.Clone(plain.Signatures)
	cam := plain.Signatures["gradcam"]
	cam.Steps = 20
	finer.Signatures["gradcam"] = cam
	finest := finer
	finest.Signatures = maps.Clone(finer.Signatures)
	cam.Steps = 50
	finest.Signatures["gradcam"] = cam
	frozen := plain
	frozen.Variables = nil
	models := []savedmodel.Model{plain, fewer, warm, frozen}
	wants := []string{"", "the signatures gradcam, serving_default, not serving_default", "the temperature 1, not 2", "the weights as variables, not constants"}
	check := func(at, by savedmodel.Model, want string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "model")
		if err := savedmodel.Write(t.Context(), dir, at); err != nil {
			t.Fatal(err)
		}
		before := tree(t, filepath.Dir(dir))
		err := savedmodel.Write(t.Context(), dir, by)
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			return
		}
		wantError(t, want, err, dir, "holds this model with "+want+"; name a new folder")
		unchanged(t, want, dir, before)
	}
	for i, m := range models {
		check(plain, m, wants[i])
		check(m, m, "")
	}
	check(fewer, plain, "the signatures serving_default, not gradcam, serving_default")
	check(warm, plain, "the temperature 2, not 1")
	check(finer, finest, "the steps map[gradcam:20], not map[gradcam:50]")
	check(plain, finer, "") // an older export does not record its steps
}

// Extended and calibrated copies do not replace exports with other signatures or options, either.
func TestCopiesSpareOtherExports(t *testing.T) {
	dir := exported(t)
	twice := func(b *savedmodel.Bundle, g *graph.Graph) (map[string]savedmodel.Signature, error) {
		x := g.Placeholder("given", graph.Float, tfmodel.Shape{-1})
		s := savedmodel.Signature{Inputs: map[string]graph.Tensor{"x": x}, Outputs: map[string]graph.Tensor{"y": g.Identity("taken", x)}, Steps: 20}
		return map[string]savedmodel.Signature{"twice": s}, g.Err()
	}
	parent := t.TempDir()
	more, warm := filepath.Join(parent, "more"), filepath.Join(parent, "warm")
	for range 2 { // the same call again is fine
		if err := savedmodel.Extend(dir, more, graph.Config{}, twice); err != nil {
			t.Fatal(err)
		}
		if err := savedmodel.Calibrate(dir, warm, 2); err != nil {
			t.Fatal(err)
		}
	}
	if meta, _, err := savedmodel.Describe(more); err != nil || meta.Steps["twice"] != 20 {
		t.Errorf("%+v, %v", meta, err)
	}
	before := tree(t, parent)
	wantError(t, "other signatures", savedmodel.Calibrate(dir, more, 2), "holds this model with the signatures")
	wantError(t, "another temperature", savedmodel.Calibrate(dir, warm, 3), "holds this model with the temperature 2, not 3")
	wantError(t, "no temperature", savedmodel.Extend(dir, warm, graph.Config{}, twice), "holds this model with the signatures")
	unchanged(t, "copies", more, before)
}

func TestWriteSparesWhatIsNoModel(t *testing.T) {
	n, session := network(t, trained(t, small()))
	m := model(t, n, session)

	dir := filepath.Join(t.TempDir(), "photos")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := savedmodel.Write(t.Context(), dir, m); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}

	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "holiday.jpg"), []byte("dear"), 0o666); err != nil {
		t.Fatal(err)
	}
	before := tree(t, filepath.Dir(dir))
	wantError(t, "a folder with a photo", savedmodel.Write(t.Context(), dir, m), dir, "is not a SavedModel that oscar wrote")
	wantError(t, "a photo", savedmodel.Write(t.Context(), filepath.Join(dir, "holiday.jpg"), m), "holiday.jpg")
	unchanged(t, "a folder with a photo", dir, before)

	// Somebody else's model, and one of oscar's with notes beside it.
	foreign := filepath.Join(t.TempDir(), "model")
	if err := savedmodel.Write(t.Context(), foreign, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "notes.txt"), []byte("dear"), 0o666); err != nil {
		t.Fatal(err)
	}
	before = tree(t, filepath.Dir(foreign))
	wantError(t, "a model with notes", savedmodel.Write(t.Context(), foreign, m), foreign, "notes.txt")
	unchanged(t, "a model with notes", foreign, before)
	for _, name := range []string{"notes.txt", "assets.extra/oscar.json"} {
		if err := os.Remove(filepath.Join(foreign, name)); err != nil {
			t.Fatal(err)
		}
	}
	before = tree(t, filepath.Dir(foreign))
	wantError(t, "a foreign model", savedmodel.Write(t.Context(), foreign, m), foreign, "that oscar wrote")
	unchanged(t, "a foreign model", foreign, before)
}
