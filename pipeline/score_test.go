package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"oscar/dataset"
	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/score"
)

var (
	unexported  = cmpopts.IgnoreUnexported(score.Metric{}, score.Infidelity{}, score.Sensitivity{})
	sameNumbers = numbersWithin(0)
	nearNumbers = numbersWithin(1e-5)
)

// numbersWithin compares numbers, of which two may be NaN.
func numbersWithin(difference float64) cmp.Option {
	return cmp.Comparer(func(a, b score.Number) bool {
		x, y := float64(a), float64(b)
		return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= difference
	})
}

// quickly scores two methods by what is soon done.
func quickly(t *testing.T, out string) ScoreOptions {
	t.Helper()
	o := ScoreOptions{Model: trained(t).Dir, Part: "all", Out: out, Settings: DefaultSettings(), Scoring: score.DefaultOptions(), Machine: oneThread}
	o.Settings.Method, o.Settings.Batch = "gradcam,saliency", 4
	o.Scoring = score.Options{PerClass: 2, Mosaics: 2, Metrics: []string{"deletion", "pointing", "energy", "focus", "sanity_rank_abs"}}
	return o
}

func mustScore(t *testing.T, o ScoreOptions) *Scores {
	t.Helper()
	s, err := Score(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A method whose maps are to be doubted has a note.
func TestScoreDoubts(t *testing.T) {
	o := quickly(t, filepath.Join(t.TempDir(), "scores"))
	o.Settings.Method, o.Settings.Samples = "lime", 3
	o.Scoring = score.Options{PerClass: 1, Metrics: []string{"energy"}}
	n := &notes{}
	o.Listener = n.listener()
	s := mustScore(t, o)
	n.want(t, "of the 6 maps made are to be doubted, the first: 3 samples cannot tell")
	if len(s.Notes) != 1 {
		t.Errorf("notes %q, want one", s.Notes)
	}
	if again := mustScore(t, o); !slices.Equal(again.Notes, s.Notes) { // from what is kept
		t.Errorf("notes %q the second time, %q the first", again.Notes, s.Notes)
	}
}

func TestScore(t *testing.T) {
	out := filepath.Join(t.TempDir(), "scores")
	s := mustScore(t, quickly(t, out))
	var rows, columns []string
	for _, r := range s.Table.Rows {
		rows = append(rows, fmt.Sprint(r.Method, " ", r.Control))
	}
	for _, m := range s.Table.Metrics {
		columns = append(columns, m.Name)
	}
	if want := []string{"gradcam false", "saliency false", "random true", "edges true", "random-coarse true"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if want := []string{"deletion", "pointing", "energy", "focus", "sanity_rank_abs"}; !slices.Equal(columns, want) {
		t.Errorf("columns %q, want %q", columns, want)
	}
	if s.Table.Images != 12 || s.Table.Mosaics != 12 || len(s.Images) != 12 {
		t.Errorf("%d images, %d mosaics, %d names; want 12 of each", s.Table.Images, s.Table.Mosaics, len(s.Images))
	}
	var read Scores
	if err := atomicfile.ReadJSON(filepath.Join(out, scoresFile), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*s, read, sameNumbers, unexported); diff != "" {
		t.Errorf("score.json (-returned +read):\n%s", diff)
	}
	// A control's map does not look at the model: forgetting changes nothing.
	for _, control := range []string{"random", "edges", "random-coarse"} {
		if cell, err := s.Table.Cell(control, "sanity_rank_abs"); err != nil || cell.Mean != 1 {
			t.Errorf("%s, sanity check: %v, %v; want 1", control, cell.Mean, err)
		}
	}
	if cell, err := s.Table.Cell("gradcam", "sanity_rank_abs"); err != nil || !(cell.Mean < 0.95) {
		t.Errorf("gradcam, sanity check: %v, %v; want less than a control's 1", cell.Mean, err)
	} else if n := len(cell.Layers); n != 5 || cell.Layers[0].Layer != "fc3" || cell.Layers[n-1].Layer != "conv1" || cell.Layers[0].N != cell.N {
		t.Errorf("gradcam, sanity check at layers: %+v; want fc3, fc1, conv5, bn1, conv1", cell.Layers)
	}
	noLeftovers(t, out)
}

// What the folder of scores says is what package score says of the same images,
// read here in the plainest way.
func TestScoreIsPackageScores(t *testing.T) {
	o := quickly(t, filepath.Join(t.TempDir(), "scores"))
	o.Settings.Method, o.Scoring.Metrics = "gradcam", []string{"deletion", "energy"}
	o.Settings.Class = TargetTrue
	got := mustScore(t, o)

	run := trained(t)
	bundle, err := Open(run.Dir, oneThread.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	in := bundle.Metadata.Image
	c := score.Cases{Images: explain.Images{N: len(got.Images), Height: in.Height, Width: in.Width, Channels: 3}}
	for _, name := range got.Images {
		img, err := dataset.DecodeFile(filepath.Join(run.Images(), name), dataset.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		pixels := make([]uint8, in.Height*in.Width*3)
		dataset.CopyRGB(pixels, dataset.Resize(img, in.Height, in.Width, dataset.Bilinear))
		for _, p := range pixels {
			c.Images.Pixels = append(c.Images.Pixels, float32(p))
		}
		class, err := bundle.Metadata.Class(filepath.Dir(name))
		if err != nil {
			t.Fatal(err)
		}
		c.Targets = append(c.Targets, class)
		mask, err := dataset.DecodeFile(filepath.Join(run.Images(), "..", "masks", name), dataset.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		small := dataset.Resize(mask, in.Height, in.Width, dataset.Bilinear)
		m := score.Mask{Height: in.Height, Width: in.Width}
		for i := 0; i < len(small.Pix); i += 4 {
			m.Inside = append(m.Inside, small.Pix[i] >= 128)
		}
		c.Masks = append(c.Masks, m)
	}
	method, err := gradcam.Lookup("gradcam")
	if err != nil {
		t.Fatal(err)
	}
	table, err := score.Evaluation{
		Model:   bundle,
		Methods: []score.Method{{Name: "gradcam", Explainer: gradcam.Explainer{Model: bundle, Layer: "conv5", Methods: []gradcam.Entry{method}}}},
		Metrics: o.Scoring.Metrics, Seed: o.Settings.Seed,
	}.Run(t.Context(), score.Parts(c))
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"gradcam", "random", "edges"} {
		for _, metric := range o.Scoring.Metrics {
			want, err1 := table.Cell(method, metric)
			cell, err2 := got.Table.Cell(method, metric)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			// Other batches: the last bits of TensorFlow's sums differ.
			if diff := cmp.Diff(want.Values, cell.Values, nearNumbers); diff != "" {
				t.Errorf("%s, %s (-plain +scored):\n%s", method, metric, diff)
			}
		}
	}
}

// An interrupted call is resumed, a method more is one method's work, and
// the table is the one of a single call.
func TestScoreGoesOn(t *testing.T) {
	whole := mustScore(t, quickly(t, filepath.Join(t.TempDir(), "whole")))

	o := quickly(t, filepath.Join(t.TempDir(), "scores"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Listener.OnStage = func(name string) {
		if strings.HasPrefix(name, "scoring saliency") {
			cancel()
		}
	}
	_, err := Score(ctx, o)
	if !errors.Is(err, ErrInterrupted) {
		t.Fatalf("canceled: %v", err)
	}
	if paths.Exists(filepath.Join(o.Out, scoresFile)) || !paths.Exists(filepath.Join(o.Out, partsDir, "gradcam.json")) {
		t.Error("after the interruption there should be the first method's scores, and no result")
	}
	var worked []string
	o.Listener.OnStage = func(name string) {
		if strings.HasPrefix(name, "scoring ") {
			worked = append(worked, strings.Fields(name)[1])
		}
	}
	resumed := mustScore(t, o)
	if want := []string{"saliency", "random", "edges", "random-coarse"}; !slices.Equal(worked, want) {
		t.Errorf("went on with %v, want %v", worked, want)
	}
	same := func(what string, got *Scores) {
		t.Helper()
		if diff := cmp.Diff(whole.Table, got.Table, sameNumbers, unexported); diff != "" {
			t.Errorf("%s (-at once +got):\n%s", what, diff)
		}
	}
	same("resumed", resumed)
	worked = nil
	o.Settings.ColorMap, o.Settings.Scale = "viridis", ScaleShared // scores do not depend on how maps are drawn
	same("again", mustScore(t, o))
	if worked != nil {
		t.Errorf("a finished table was computed anew: %v", worked)
	}
	o.Settings.Method += ",layercam"
	if s := mustScore(t, o); len(s.Table.Rows) != 6 || !slices.Equal(worked, []string{"layercam"}) {
		t.Errorf("with a method more: %d rows, worked on %v", len(s.Table.Rows), worked)
	}

	for _, test := range []struct {
		change func(*ScoreOptions)
		want   string
	}{
		{func(o *ScoreOptions) { o.Settings.Seed = 2 }, "%s holds scores made with seed 1, not 2; name a new folder"},
		{func(o *ScoreOptions) { o.Scoring.Mosaics = 1 }, "%s holds scores made with per-class 2 and mosaics 2, not 2 and 1; name a new folder"},
		{func(o *ScoreOptions) { o.Scoring.Metrics = o.Scoring.Metrics[1:] }, "%s holds scores made with other metrics; name a new folder"},
		{func(o *ScoreOptions) { o.Part = "train" }, "%s holds scores made with other images or masks; name a new folder"},
	} {
		changed := o
		test.change(&changed)
		before := tree(t, o.Out)
		_, err := Score(t.Context(), changed)
		wantError(t, err, fmt.Sprintf(test.want, o.Out))
		if diff := cmp.Diff(before, tree(t, o.Out)); diff != "" {
			t.Errorf("the refusal changed the folder:\n%s", diff)
		}
	}
}

func TestScoreRefusals(t *testing.T) {
	full := t.TempDir()
	write(t, filepath.Join(full, "diary.txt"), "mine")
	for _, test := range []struct {
		change func(*ScoreOptions)
		want   string
	}{
		{func(o *ScoreOptions) { o.Scoring.Metrics = []string{"beauty"} }, `no metric "beauty"; have deletion, `},
		{func(o *ScoreOptions) { o.Scoring.Metrics = []string{"road", "road"} }, "metric road is named twice"},
		{func(o *ScoreOptions) { o.Scoring.PerClass = 0 }, "per-class is 0, want at least 1"},
		{func(o *ScoreOptions) { o.Scoring.Mosaics = -1 }, "mosaics is -1, want 0 or more"},
		{func(o *ScoreOptions) { o.Settings.Method = "tea-leaves" }, `no method "tea-leaves"`},
		{func(o *ScoreOptions) { o.Settings.Class = TargetAll }, `class is "all", want predicted or true`},
		{func(o *ScoreOptions) { o.Settings.Layer = "conv9" }, `no layer "conv9"`},
		{func(o *ScoreOptions) { o.Masks = full }, "mask of "},
		{func(o *ScoreOptions) { o.Out = full }, full + " "},
		{func(o *ScoreOptions) { o.Model = full }, full + " is neither a run folder"},
	} {
		o := quickly(t, filepath.Join(t.TempDir(), "scores"))
		test.change(&o)
		_, err := Score(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want an error with %q", err, test.want)
		}
		if o.Out != full && paths.Exists(o.Out) {
			t.Errorf("%v left %s behind", err, o.Out)
		}
	}
	if b, err := os.ReadFile(filepath.Join(full, "diary.txt")); err != nil || string(b) != "mine" {
		t.Error("a refusal touched what was there")
	}
}

// What cannot be asked is left out, with a note: no masks, nothing to randomize.
func TestScoreLeavesOut(t *testing.T) {
	dir := t.TempDir()
	images := filepath.Join(dir, "photos")
	if err := os.CopyFS(images, os.DirFS(shapes(t))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(images, "can", "broken.png"), "no picture")
	frozen := filepath.Join(dir, "frozen")
	if err := Export(t.Context(), ExportOptions{Model: trained(t).Dir, Out: frozen, Frozen: true}); err != nil {
		t.Fatal(err)
	}
	var heard notes
	o := quickly(t, filepath.Join(dir, "scores"))
	o.Model, o.Data, o.Listener = frozen, images, heard.listener()
	o.Settings.Method, o.Scoring = "gradcam", score.Options{PerClass: 1}
	s := mustScore(t, o)
	heard.want(t, "no sanity check: randomizing fc3: ")
	heard.want(t, "no masks: the pointing game and the energy in the mask are left out")
	var got, want []string
	for _, m := range s.Table.Metrics {
		got = append(got, m.Name)
	}
	for _, m := range score.Metrics {
		if m.Needs&(score.NeedsMasks|score.NeedsMosaics|score.NeedsRandomized) == 0 {
			want = append(want, m.Name)
		}
	}
	if !slices.Equal(got, want) || len(s.Notes) != 2 {
		t.Errorf("metrics %q, want %q; notes %q", got, want, s.Notes)
	}

	// Unless it was named.
	for metric, want := range map[string]string{
		"pointing":    `metric "pointing" needs masks; no masks: `,
		"sanity_rank": `metric "sanity_rank" needs randomized models; no sanity check: randomizing fc3: `,
	} {
		o.Out, o.Scoring.Metrics = filepath.Join(dir, metric), []string{"gini", metric}
		_, err := Score(t.Context(), o)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if paths.Exists(o.Out) {
			t.Errorf("%v left %s behind", err, o.Out)
		}
	}
}

// A process that was killed before it wrote what tells the folder again leaves
// a lock and perhaps half a file: the next one goes on as if nothing was there.
func TestScoreAfterAKillAtTheBeginning(t *testing.T) {
	o := quickly(t, filepath.Join(t.TempDir(), "scores"))
	o.Settings.Method, o.Scoring.Metrics = "gradcam", []string{"gini"}
	write(t, filepath.Join(o.Out, atomicfile.LockFile), "")
	write(t, filepath.Join(o.Out, ".partial-scoring.json-1"), "{")
	mustScore(t, o)
	noLeftovers(t, o.Out)
}
