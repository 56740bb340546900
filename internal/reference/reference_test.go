package reference_test

import (
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/reference"
)

func TestMain(m *testing.M) { agreement.Main(m) }

// The networks in TensorFlow are those in PyTorch: else nothing that is said of
// them would mean much.
func TestLogitsAsPyTorch(t *testing.T) {
	for _, name := range reference.Names {
		t.Run(name, func(t *testing.T) {
			var want reference.Asked
			reference.Read(t, name, "cam.json", &want)
			m := reference.Open(t, name)
			p, err := m.Bundle.Predict(t.Context(), reference.Images(name, len(want.Logits)))
			if err != nil {
				t.Fatal(err)
			}
			largest := 0.0
			for i, row := range want.Logits {
				largest = max(largest, agreement.Apart(p.Logits[i], row))
			}
			agreement.Check(t, agreement.Line{
				Group: agreement.Layer, Subject: "forward", Model: name, Oracle: want.Oracle("torch"),
				Compared: "logits, 2 images", Difference: largest, Of: "the largest logit", Bound: 1e-5,
			})
		})
	}
}
