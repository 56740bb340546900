package gradcam_test

import (
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
	"oscar/internal/reference"
)

func TestMain(m *testing.M) { agreement.Main(m) }

// Every method on oscar's own networks in TensorFlow, of two images, at
// the layers that oracles/networks has maps of.
func TestNetworksAsPyTorchGradCAM(t *testing.T) {
	for _, name := range reference.Names {
		t.Run(name, func(t *testing.T) {
			var want struct {
				reference.Asked
				CAM map[string]map[string][]reference.Sampled // layer, method
			}
			reference.Read(t, name, "cam.json", &want)
			m := reference.Open(t, name)
			images := reference.Images(name, len(want.Targets))
			for layer, methods := range want.CAM {
				for _, entry := range gradcam.Methods {
					maps := methods[entry.Name]
					if len(maps) == 0 {
						continue
					}
					largest := 0.0
					for i, a := range explainAll(t, m.Bundle, layer, explain.Logit, images, want.Targets, entry) {
						if dividesByScore[entry.Name] && a.Score < 0 {
							a.Map = negative(a.Map)
						}
						largest = max(largest, maps[i].Apart(a.Map))
					}
					agreement.Check(t, agreement.Line{
						Group: agreement.CAM, Subject: entry.Name, Model: name, Oracle: want.Oracle("grad-cam"),
						Compared: "raw map at " + layer + ", 2 images", Difference: largest, Of: "its largest value", Bound: 1e-4,
					})
				}
			}
		})
	}
}

func negative(g explain.Grid) explain.Grid {
	out := explain.NewGrid(g.Height, g.Width)
	for i, v := range g.Values {
		out.Values[i] = -v
	}
	return out
}
