package pipeline

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"oscar/explain"
	"oscar/internal/machine"
	"oscar/savedmodel"
)

// said returns what a model says of three images, and the rows of two explained photographs.
func said(t *testing.T, model string) (explain.Prediction, []Row) {
	t.Helper()
	bundle, err := Open(model, oneThread.Config(machine.Float32))
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	in := bundle.Metadata.Image
	images := explain.Images{N: 3, Height: in.Height, Width: in.Width, Channels: 3, Pixels: make([]float32, 3*in.Height*in.Width*3)}
	for i := range images.Pixels {
		images.Pixels[i] = float32(i * 7 % 256)
	}
	p, err := bundle.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	_, rows := explained(t, ExplainOptions{Model: model, Paths: []string{photos(t, 2)}})
	return p, rows
}

// A calibrated model has the logits divided by the temperature, the probabilities of these,
// and the same heatmaps. What was exported with it stays.
func TestExportCalibrated(t *testing.T) {
	run := trained(t)
	dir := t.TempDir()
	half, quarter := filepath.Join(dir, "half"), filepath.Join(dir, "quarter")
	for _, o := range []ExportOptions{
		{Model: run.Dir, Out: half, Temperature: "2", Explain: []string{"gradcam", "saliency"}},
		{Model: half, Out: quarter, Temperature: "2", Explain: []string{"gradcam"}},
	} {
		if err := Export(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	noLeftovers(t, dir)
	whole, wholeRows := said(t, run.Dir)
	for model, divisor := range map[string]float32{half: 2, quarter: 4} {
		meta, signatures, err := savedmodel.Describe(model)
		if err != nil || meta.Temperature != float64(divisor) {
			t.Errorf("%s: temperature %g, %v", model, meta.Temperature, err)
		}
		if got := fmt.Sprint(signatures); got != "[gradcam saliency serve serving_default]" {
			t.Errorf("%s: signatures %s", model, got)
		}
		got, rows := said(t, model)
		for i, logits := range whole.Logits {
			sum := 0.0
			for _, v := range logits {
				sum += math.Exp(float64(v / divisor))
			}
			for k, v := range logits {
				if got.Logits[i][k] != v/divisor {
					t.Errorf("logit %g, want %g / %g", got.Logits[i][k], v, divisor)
				}
				if want := math.Exp(float64(v/divisor)) / sum; math.Abs(float64(got.Probabilities[i][k])-want) > 1e-6 {
					t.Errorf("probability %g, want %g", got.Probabilities[i][k], want)
				}
			}
		}
		for i, r := range rows {
			before := wholeRows[i]
			if r.Predicted != before.Predicted || r.Probabilities[r.Predicted] == before.Probabilities[r.Predicted] {
				t.Errorf("%s: %s with %v, before %s with %v", r.Image, r.Predicted, r.Probabilities, before.Predicted, before.Probabilities)
			}
		}
	}
}

// The temperature of an audit lowers the loss to what the audit says.
func TestExportAudited(t *testing.T) {
	run := trained(t)
	dir := t.TempDir()
	audited := filepath.Join(dir, "audit")
	a, err := Audit(t.Context(), AuditOptions{Model: run.Dir, Out: audited, Part: "test", Method: "gradcam", Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "calibrated")
	if err := Export(t.Context(), ExportOptions{Model: run.Dir, Out: out, Temperature: audited}); err != nil {
		t.Fatal(err)
	}
	bundle, err := Open(out, oneThread.Config(machine.Float32))
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	o := EvaluateOptions{Model: run.Dir, Part: "test", Machine: oneThread}
	got, err := o.evaluate(t.Context(), bundle)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(float64(got.Loss)-a.Temperature.After) > 1e-5 || a.Temperature.After >= a.Temperature.Before {
		t.Errorf("loss %g, the audit says %g and %g", got.Loss, a.Temperature.Before, a.Temperature.After)
	}
	calibrated, err := fingerprint(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		o    ExportOptions
		want string
	}{
		{ExportOptions{Model: run.Dir, Temperature: "0"}, "temperature is 0, want 0.05 to 20, or the folder of an audit"},
		{ExportOptions{Model: run.Dir, Temperature: "NaN"}, "temperature is NaN, want 0.05 to 20, or the folder of an audit"},
		{ExportOptions{Model: run.Dir, Temperature: dir}, fmt.Sprintf("temperature %q is neither a number nor the folder of an audit (audit.json)", dir)},
		{ExportOptions{Model: out, Temperature: audited}, fmt.Sprintf("%s is an audit of the model %s with the fingerprint %s; that of %s is %s: audit it anew", audited, run.Dir, a.Model, out, calibrated)},
		{ExportOptions{Model: run.Dir, Temperature: "2", Out: audited}, audited + " is not a SavedModel that oscar wrote; name a new folder"},
	} {
		if test.o.Out == "" {
			test.o.Out = filepath.Join(dir, "new")
		}
		wantError(t, Export(t.Context(), test.o), test.want)
	}
	noLeftovers(t, dir)
}
