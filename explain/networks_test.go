package explain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/reference"
)

// networkDraws is what oracles/networks needs of us: RISE's masks and LIME's
// coins, of image 0 of a network.
type networkDraws struct {
	Masks []drawnMask
	Coins []string
}

const (
	networkSeed        = 13
	networkSuperpixels = 36
	networkDrawsFile   = "../oracles/networks/testdata/draws.json"
)

func makeNetworkDraws() map[string]networkDraws {
	all := map[string]networkDraws{}
	for _, name := range reference.Names {
		image := reference.Images(name, 1)
		var d networkDraws
		for sample := range 40 {
			open, y, x := explain.MaskPattern(networkSeed, image, sample, 7, 0.5)
			d.Masks = append(d.Masks, drawnMask{digits(open), y, x})
		}
		for sample := 1; sample < 80; sample++ {
			d.Coins = append(d.Coins, digits(explain.Coins(networkSeed, image, sample, networkSuperpixels)))
		}
		all[strings.ToLower(name)] = d
	}
	return all
}

func TestNetworkDraws(t *testing.T) {
	got := makeNetworkDraws()
	if *update {
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(networkDrawsFile), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(networkDrawsFile, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(networkDrawsFile)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]networkDraws
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("a seed draws other bits than it did")
	}
}

// noisy is a model that is shown the formula's noise in place of SmoothGrad's
// own: the image and the answers are the model's.
type noisy struct {
	explain.Differentiator
	image explain.Images
	draws []int
	seen  int
}

func (n *noisy) Differentiate(ctx context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	if n.seen > 0 { // the first is the image itself
		sigma := 0.15 * float64(slices.Max(n.image.Pixels)-slices.Min(n.image.Pixels))
		images.Pixels = nil
		for _, k := range n.draws[n.seen-1 : n.seen-1+images.N] {
			for i, draw := range reference.Draws(fmt.Sprint("smoothgrad ", k), len(n.image.Pixels)) {
				images.Pixels = append(images.Pixels, float32(float64(n.image.Pixels[i])+sigma*draw))
			}
		}
	}
	n.seen += images.N
	return n.Differentiator.Differentiate(ctx, images, targets, layer, score)
}

// six cuts an image into 6 x 6 tiles.
func six(image explain.Images) explain.Segmentation { return tiles((image.Height + 5) / 6)(image) }

// networkMaps is what oracles/networks says.
type networkMaps struct {
	reference.Asked
	Explain struct {
		Patch, Stride int
		Baseline      int // a picture
		Noise         []int
		Rounding      float64 // of PyTorch's float32, in integrated gradients from black
		Gaps          map[string][]float64
		LIME          struct{ Intercept, R2 float64 }
		Maps          map[string][]reference.Sampled
	}
}

// Every method of the table on oscar's own networks, as Captum, RISE's formula
// and lime have them.
func TestNetworksAgainstOracles(t *testing.T) {
	for _, name := range reference.Names {
		t.Run(name, func(t *testing.T) {
			var want networkMaps
			reference.Read(t, name, "explain.json", &want)
			m := reference.Open(t, name).Bundle
			o := want.Explain
			first := reference.Images(name, 1)
			drawn := makeNetworkDraws()[strings.ToLower(name)]
			captum, skimage, lime := want.Oracle("captum"), want.Oracle("scikit-image")+", the authors' formula", want.Oracle("lime")
			seen := map[string]bool{}
			for _, c := range []struct {
				name     string // of the map
				explain  explain.Explainer
				oracle   string
				compared string
			}{
				{"saliency", explain.Saliency{Model: m}, captum, "map"},
				{"saliency probability", explain.Saliency{Model: m, Score: explain.Probability}, captum, "map of the probability"},
				{"gradient-x-input", explain.GradientTimesInput{Model: m}, captum, "map"},
				{"integrated-gradients", explain.IntegratedGradients{Model: m, Steps: 20}, captum, "map, 20 steps from black"},
				{"integrated-gradients picture", explain.IntegratedGradients{Model: m, Baseline: explain.Picture(reference.Picture(name, o.Baseline)...), Steps: 2}, captum, "map, 2 steps from another picture, none near a kink"},
				{"smoothgrad", explain.SmoothGrad{Model: &noisy{Differentiator: m, image: first, draws: o.Noise}, Samples: len(o.Noise)}, captum, "map, 4 draws of noise, none near a kink"},
				{"occlusion", explain.Occlusion{Model: m, Patch: o.Patch, Stride: o.Stride}, captum, "map, gray patches"},
				{"occlusion probability", explain.Occlusion{Model: m, Patch: o.Patch, Stride: o.Stride, Score: explain.Probability, Baseline: explain.Black}, captum, "map of the probability, black patches"},
				{"rise", explain.RISE{Model: m, Samples: len(drawn.Masks), Seed: networkSeed}, skimage, "map, 40 masks"},
				{"lime", explain.LIME{Model: m, Samples: len(drawn.Coins) + 1, Seed: networkSeed, Segment: six}, lime, "map, 80 samples of 36 superpixels"},
			} {
				maps := o.Maps[c.name]
				if len(maps) == 0 {
					t.Fatalf("the oracle has no map %s", c.name)
				}
				seen[c.name] = true
				images := reference.Images(name, len(maps))
				largest, gap := 0.0, 0.0
				attributions := must(t, c.explain, images, want.Targets[:len(maps)]...)
				for i, a := range attributions {
					largest = max(largest, maps[i].Apart(a.Map))
					if gaps := o.Gaps[c.name]; gaps != nil {
						gap = max(gap, math.Abs(a.Facts["gap"]-gaps[i])/math.Abs(float64(a.Score)))
					}
				}
				method, _, _ := strings.Cut(c.name, " ")
				line := agreement.Line{
					Group: agreement.Gradients, Subject: method, Model: name, Oracle: c.oracle,
					Compared: c.compared, Difference: largest, Of: "its largest value", Bound: 1e-4,
				}
				if entry, err := explain.Lookup(method); err != nil || entry.Needs&explain.Differentiates == 0 {
					line.Group = agreement.BlackBox
				}
				if c.name == "integrated-gradients" && name == "AlexNet02" {
					line.Bound = agreement.Kinked
				}
				agreement.Check(t, line)
				if o.Gaps[c.name] != nil {
					line.Compared, line.Difference, line.Of = "completeness gap, "+strings.TrimPrefix(c.compared, "map, "), gap, "the score"
					agreement.Check(t, line)
				}
				if c.name == "lime" {
					facts := []float64{attributions[0].Facts["intercept"], attributions[0].Facts["r2"]}
					line.Compared, line.Of = "intercept and R2 of the fit", "the larger"
					line.Difference = agreement.Apart(facts, []float64{o.LIME.Intercept, o.LIME.R2})
					agreement.Check(t, line)
				}
			}
			if name == "AlexNet02" {
				agreement.Check(t, agreement.Line{
					Group: agreement.Gradients, Subject: "integrated-gradients", Model: name, Oracle: captum + " in float32, against float64",
					Compared: "the oracle with itself: map, 20 steps from black", Difference: o.Rounding, Of: "its largest value", Bound: agreement.Kinked,
				})
			}
			if len(seen) != len(o.Maps) {
				t.Errorf("%d of the oracle's %d maps were compared", len(seen), len(o.Maps))
			}
		})
	}
}
