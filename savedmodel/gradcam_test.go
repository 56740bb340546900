package savedmodel_test

import (
	"path/filepath"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// The signature that travels with the model computes what oscar computes
// beside it.
func TestGradCAMSignatureIsGradCAM(t *testing.T) {
	trainer := trained(t, small())
	_, images := pixels(small(), 3, 100)
	targets := []int{2, explain.Predicted, 0}
	for _, frozen := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "model")
		export(t, trainer, dir, frozen)
		d := differentiate(t, open(t, dir), images, targets, "conv5", explain.Logit)
		var want []float32
		for i := range d.Activations {
			want = append(want, gradcam.GradCAM(d.Activations[i], d.Gradients[i]).Values...)
		}
		raw, heatmap := gradCAM(t, dir, images, []int64{2, -1, 0})
		agreement.Check(t, agreement.Line{
			Group: agreement.Identities, Subject: "gradcam", Model: "hand-made", Oracle: "the signature gradcam", Compared: "raw map, with variables and frozen",
			Difference: agreement.Apart(raw, want), Of: "its largest value", Bound: 1e-5,
		})
		if slices.Min(heatmap) < 0 || slices.Max(heatmap) > 1+1e-6 || slices.Max(heatmap) < 0.5 {
			t.Errorf("the heatmap goes from %g to %g, want 0 to 1", slices.Min(heatmap), slices.Max(heatmap))
		}
	}
}

// Where nothing speaks for a class its map is zero, and must not be divided by.
func TestGradCAMOfNothingIsZero(t *testing.T) {
	trainer := trained(t, small())
	n, session := network(t, trainer)
	values, err := n.Values(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	for i := range values["conv5/bias"] {
		values["conv5/bias"][i] = -1e6 // no activation is left after the ReLU
	}
	dead, err := tfmodel.CompileFrozen(trainer.Architecture, values)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := savedmodel.Write(t.Context(), dir, model(t, dead, nil)); err != nil {
		t.Fatal(err)
	}
	_, images := pixels(small(), 2, 100)
	raw, heatmap := gradCAM(t, dir, images, []int64{-1, 1})
	for name, values := range map[string][]float32{"raw": raw, "heatmap": heatmap} {
		if slices.ContainsFunc(values, func(v float32) bool { return v != 0 }) {
			t.Errorf("%s is not zero everywhere: %v", name, values[:10])
		}
	}
}
