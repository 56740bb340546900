package pipeline

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/npy"
	"oscar/result"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// sheets draws images with several labels and returns their table, and an experiment.
func sheets(t *testing.T, epochs int) (table string, e experiment.Experiment) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sheets")
	if err := dataset.SynthesizeLabels(t.Context(), dir, dataset.SyntheticOptions{PerClass: 14, Width: 32, Height: 32}); err != nil {
		t.Fatal(err)
	}
	e = experiment.Default()
	e.Architecture = tfmodel.Architecture{Name: "tiny"}
	e.Data.Columns.Labels = dataset.AllColumns
	e.Training.Epochs, e.Training.LearningRate, e.Training.Batch = epochs, 2e-3, 16
	e.Training.ClassWeight = experiment.ClassWeight{Balanced: true}
	return filepath.Join(dir, "labels.csv"), e
}

// From the table to explanations: a model of several labels trains, has thresholds, is
// evaluated, predicts, and explains any label. The jobs that need one class per image
// refuse it.
func TestSeveralLabels(t *testing.T) {
	table, e := sheets(t, 3)
	dir := t.TempDir()
	r, err := Train(t.Context(), TrainOptions{Data: table, Out: filepath.Join(dir, "run"), Experiment: e, Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Experiment; got.Architecture.Output != tfmodel.Sigmoid || got.Training.Loss.Kind != tfmodel.BinaryCrossEntropy || got.Training.Select != experiment.ByAveragePrecision {
		t.Errorf("output %q, loss %q, select %q", got.Architecture.Output, got.Training.Loss.Kind, got.Training.Select)
	}
	epochs, err := r.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	kept := slices.MaxFunc(epochs, func(a, b result.EpochMetrics) int {
		return map[bool]int{true: 1, false: -1}[experiment.ByAveragePrecision.Better(a, b)]
	})
	meta, _, err := savedmodel.Describe(r.Model())
	if err != nil || meta.MultiLabel == nil || !slices.Equal(meta.MultiLabel.Thresholds, kept.Thresholds) {
		t.Fatalf("thresholds %+v, the kept epoch has %v; %v", meta.MultiLabel, kept.Thresholds, err)
	}
	// A slow twin of the figures.
	evaluation, err := Evaluate(t.Context(), EvaluateOptions{Model: r.Dir, Part: "test", Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	hits, predicted, have, exact := 0, 0, 0, 0
	for _, c := range evaluation.Classifications {
		for _, label := range c.PredictedLabels {
			if slices.Contains(c.Labels, label) {
				hits++
			}
		}
		predicted, have = predicted+len(c.PredictedLabels), have+len(c.Labels)
		if slices.Equal(c.Labels, c.PredictedLabels) {
			exact++
		}
	}
	micro, all := 2*float64(hits)/float64(predicted+have), float64(exact)/float64(evaluation.Images)
	if m := evaluation.MultiLabel; m == nil || math.Abs(float64(m.MicroF1)-micro) > 1e-12 || math.Abs(float64(evaluation.Accuracy)-all) > 1e-12 || evaluation.Images != len(r.Split.Test) {
		t.Errorf("micro F1 %v, want %v; all right %v, want %v; of %d images", m, micro, evaluation.Accuracy, all, evaluation.Images)
	}
	// The same by the table, whose columns are named, and of the exported model alone.
	again, err := Evaluate(t.Context(), EvaluateOptions{Model: r.Model(), Data: table, Table: dataset.TableOptions{Columns: e.Data.Columns}, Part: "all", Machine: oneThread})
	if err != nil || again.Images != 14*6 || again.MultiLabel.MeanAveragePrecision == 0 {
		t.Errorf("%+v, %v", again, err)
	}
	photo := filepath.Join(r.Images(), filepath.FromSlash(r.Split.Test[0].Path))
	if _, err := PredictFile(t.Context(), PredictOptions{Model: r.Dir, Paths: []string{photo}, Top: 2, Batch: 1, Machine: oneThread}, filepath.Join(dir, "p.jsonl"), func(result.Prediction) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var p result.Prediction
	text, err := os.ReadFile(filepath.Join(dir, "p.jsonl"))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	var names []string
	for _, l := range p.Labels {
		names = append(names, l.Class)
	}
	slices.Sort(names)
	if want := evaluation.Classifications[0].PredictedLabels; err != nil || !slices.Equal(names, want) || len(p.Top) != 2 || p.Entropy != nil {
		t.Errorf("predicted %v, evaluated %v; %s, %v", names, want, text, err)
	}
	// Any label is explained, and each with its own map.
	settings := DefaultSettings()
	settings.Class, settings.Method = TargetAll, "gradcam,lrp,saliency"
	out := filepath.Join(dir, "explained")
	if _, err := Explain(t.Context(), ExplainOptions{Model: r.Dir, Paths: []string{photo}, Out: out, Settings: settings, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	rows, err := ReadManifest(out)
	if err != nil || len(rows) != 6*3 || !slices.Equal(rows[0].Labels, evaluation.Classifications[0].Labels) || rows[0].Truth != "" {
		t.Errorf("%d rows, labels %v of %v; %v", len(rows), rows[0].Labels, evaluation.Classifications[0].Labels, err)
	}
	_, first, _ := npy.Read(filepath.Join(out, rows[2].Map))
	_, second, _ := npy.Read(filepath.Join(out, rows[5].Map))
	if rows[2].Method != rows[5].Method || slices.Equal(first, second) {
		t.Errorf("two labels have the same map by %s and %s", rows[2].Method, rows[5].Method)
	}
	settings.Class = TargetTrue
	refusals := map[string]func() error{
		"class true": func() error {
			_, err := Explain(t.Context(), ExplainOptions{Model: r.Dir, Paths: []string{photo}, Out: filepath.Join(dir, "true"), Settings: settings, Machine: oneThread})
			return err
		},
		"oscar audit needs one class": func() error {
			_, err := Audit(t.Context(), AuditOptions{Model: r.Dir, Part: "test", Out: filepath.Join(dir, "audit"), Method: "gradcam", Machine: oneThread})
			return err
		},
		"one class each; name a table": func() error {
			_, err := Evaluate(t.Context(), EvaluateOptions{Model: r.Dir, Data: r.Images(), Part: "all", Machine: oneThread})
			return err
		},
		"sampling balanced": func() error {
			e := e
			e.Training.Sampling = experiment.BalancedSampling
			_, err := Train(t.Context(), TrainOptions{Data: table, Out: filepath.Join(dir, "no"), Experiment: e, Machine: oneThread})
			return err
		},
		"loss categorical_hinge": func() error {
			e := e
			e.Training.Loss.Kind = tfmodel.CategoricalHinge
			_, err := Train(t.Context(), TrainOptions{Data: table, Out: filepath.Join(dir, "no"), Experiment: e, Machine: oneThread})
			return err
		},
	}
	for want, refused := range refusals {
		if err := refused(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A longer run that was stopped has the bits of one that was not.
func TestSeveralLabelsResume(t *testing.T) {
	table, e := sheets(t, 2)
	dir := t.TempDir()
	whole, err := Train(t.Context(), TrainOptions{Data: table, Out: filepath.Join(dir, "whole"), Experiment: e, Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	e.Training.Epochs = 1
	if _, err = Train(t.Context(), TrainOptions{Data: table, Out: filepath.Join(dir, "two"), Experiment: e, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	two, err := Resume(t.Context(), ResumeOptions{Run: filepath.Join(dir, "two"), Epochs: 2, Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"saved_model/variables/variables.data-00000-of-00001", "saved_model/saved_model.pb"} {
		a, err := os.ReadFile(whole.Path(name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(two.Path(name)); err != nil || string(a) != string(b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}
