package gradcam_test

import (
	"encoding/json"
	"os"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
)

// oracleFile is what pytorch-grad-cam says, made by oracles/cam/make.py.
const oracleFile = "../oracles/cam/testdata/cam.json"

type oracle struct {
	Made   map[string]string `json:"made"`
	Net    net               `json:"net"`
	Images struct {
		N        int       `json:"n"`
		Height   int       `json:"height"`
		Width    int       `json:"width"`
		Channels int       `json:"channels"`
		Pixels   []float32 `json:"pixels"`
	} `json:"images"`
	Targets []int       `json:"targets"`
	Logits  [][]float64 `json:"logits"`
	ReLU1   oracleLayer `json:"relu1"`
	ReLU2   oracleLayer `json:"relu2"`
}

// dividesByScore are the methods that pytorch-grad-cam divides by the score y, oscar
// by |y|: where y is negative the maps have opposite signs.
var dividesByScore = map[string]bool{"ablationcam": true}

// oracleLayer has one of everything for each image.
type oracleLayer struct {
	Height      int                    `json:"height"`
	Width       int                    `json:"width"`
	Channels    int                    `json:"channels"`
	Activations [][]float64            `json:"activations"`
	Gradients   [][]float64            `json:"gradients"`
	Maps        map[string][][]float64 `json:"maps"`
}

func readOracle(t *testing.T) (o oracle, images explain.Images) {
	t.Helper()
	data, err := os.ReadFile(oracleFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Targets) == 0 || len(o.ReLU1.Maps) == 0 {
		t.Fatalf("%s is empty; run make oracles", oracleFile)
	}
	return o, explain.Images(o.Images)
}

// The network in Go is the one in Python: else nothing below would mean much.
func TestNetworkAsPyTorch(t *testing.T) {
	o, images := readOracle(t)
	for name, want := range map[string]oracleLayer{"relu1": o.ReLU1, "relu2": o.ReLU2} {
		d, err := o.Net.Differentiate(t.Context(), images, o.Targets, name, explain.Logit)
		if err != nil {
			t.Fatal(err)
		}
		for i := range images.N {
			a, g := d.Activations[i], d.Gradients[i]
			if a.Height != want.Height || a.Width != want.Width || a.Channels != want.Channels {
				t.Fatalf("%s is %dx%dx%d", name, a.Height, a.Width, a.Channels)
			}
			for what, pair := range map[string]struct {
				got  []float32
				want []float64
			}{
				"logits":      {d.Logits[i], o.Logits[i]},
				"activations": {a.Values, want.Activations[i]},
				"gradients":   {g.Values, want.Gradients[i]},
			} {
				if got := (explain.Grid{Values: pair.got}); !near(got, pair.want, 1e-5) {
					t.Errorf("%s of %s, image %d: off by %.1g", what, name, i, difference(got, pair.want))
				}
			}
		}
	}
}

// Every method on the network, of two layers and four images: from the
// activations and gradients that PyTorch had, or by runs of the network.
func TestAsPyTorchGradCAM(t *testing.T) {
	o, images := readOracle(t)
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		largest := 0.0
		for name, layer := range map[string]oracleLayer{"relu1": o.ReLU1, "relu2": o.ReLU2} {
			want, ok := layer.Maps[entry.Name]
			if !ok {
				t.Skipf("%s has no map of %s: it is checked against its slow twin only", oracleFile, entry.Name)
			}
			for i := range images.N {
				got := run(t, entry, &o.Net, gradcam.View{
					Image:       picture(images, i),
					Layer:       name,
					Activations: layer.volume(layer.Activations[i]),
					Gradients:   layer.volume(layer.Gradients[i]),
					Target:      o.Targets[i],
					Value:       float32(o.Logits[i][o.Targets[i]]),
				})
				if dividesByScore[entry.Name] && o.Logits[i][o.Targets[i]] < 0 {
					for p := range want[i] {
						want[i][p] = -want[i][p]
					}
				}
				if got.Height != layer.Height || got.Width != layer.Width {
					t.Errorf("%s, image %d: the map is %dx%d", name, i, got.Height, got.Width)
				}
				largest = max(largest, agreement.Apart(got.Values, want[i]))
			}
		}
		agreement.Check(t, agreement.Line{
			Group: agreement.CAM, Subject: entry.Name, Model: "hand-made", Oracle: "grad-cam " + o.Made["grad-cam"],
			Compared: "raw map at two layers, 4 images", Difference: largest, Of: "its largest value", Bound: 1e-4,
		})
	})
}

func (l oracleLayer) volume(values []float64) explain.Volume {
	return explain.Volume{Height: l.Height, Width: l.Width, Channels: l.Channels, Values: float32s(values)}
}

func picture(images explain.Images, i int) explain.Images {
	size := images.Height * images.Width * images.Channels
	images.N, images.Pixels = 1, images.Pixels[i*size:(i+1)*size]
	return images
}
