package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
)

// The report of a run shows the errors that the model is surest about, of the whole
// test part, with their maps.
func TestShowcase(t *testing.T) {
	run := finishedRun(t)
	if err := Showcase(t.Context(), run, oneThread, Listener{}); err != nil {
		t.Fatal(err)
	}
	noLeftovers(t, run.Dir)
	out := filepath.Join(run.Dir, "explanations")
	rows, err := ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, r := range rows {
		shown[lastTwo(r.Image)] = true
	}
	all := ExplainOptions{Model: run.Dir, Out: filepath.Join(t.TempDir(), "all"), Settings: DefaultSettings(), Machine: oneThread}
	for _, item := range run.Split.Test {
		all.Paths = append(all.Paths, filepath.Join(run.Images(), item.Path))
	}
	if _, err := Explain(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if rows, err = ReadManifest(all.Out); err != nil {
		t.Fatal(err)
	}
	p := reported(t, run.Dir)
	p.Want("h2", "Where it looks", "The most confident errors")
	wrong := 0
	for _, r := range rows {
		truth := filepath.Base(filepath.Dir(r.Image))
		if truth == r.Predicted {
			continue
		}
		wrong++
		if !shown[lastTwo(r.Image)] {
			t.Errorf("%s, an error, is not shown", lastTwo(r.Image))
		}
		p.Want("img", fmt.Sprintf("Photograph of class %s, predicted %s with %.2f", truth, r.Predicted, r.Probabilities[r.Predicted]))
	}
	if wrong == 0 || wrong > result.ShownWrong {
		t.Fatalf("%d errors, want some, and no more than are shown", wrong)
	}

	// Again: nothing is done.
	before := tree(t, run.Dir)
	if err := Showcase(t.Context(), run, oneThread, Listener{OnStage: func(name string) { t.Errorf("begins %s", name) }}); err != nil {
		t.Fatal(err)
	}
	if after := tree(t, run.Dir); len(after) != len(before) {
		t.Error("a second call changed the run")
	}
	// Without the explanations the images that are gone are a note, and no error.
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	run.Experiment.Data.Root = t.TempDir()
	if err := atomicfile.WriteJSON(run.Path("experiment.json"), run.Experiment); err != nil {
		t.Fatal(err)
	}
	n := &notes{}
	if err := Showcase(t.Context(), run, oneThread, n.listener()); err != nil || paths.Exists(out) {
		t.Errorf("%v, explanations: %v", err, paths.Exists(out))
	}
	n.want(t, "no maps in the report: ")
}

func TestShowcaseInterrupted(t *testing.T) {
	run := finishedRun(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Showcase(ctx, run, oneThread, Listener{})
	if !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "the run "+run.Dir+" is complete") {
		t.Errorf("got %v", err)
	}
}
