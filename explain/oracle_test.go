package explain_test

import (
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
)

// The oracle is oracles/explain/make.py: other people's libraries, at our
// random draws. To change the draws, run `go test ./explain -run TestDraws
// -update` and then make.py.

var update = flag.Bool("update", false, "write oracles/explain/testdata/draws.json")

const oracle = "../oracles/explain/testdata"

// draws is what the oracle needs of us.
type draws struct {
	Seed          uint64
	Height, Width int
	Images        [][]byte    // RGB
	Noise         [][]float32 // SmoothGrad's, of image 0, in units of sigma
	Masks         []drawnMask // RISE's, of image 0
	Superpixels   []int       // SLIC's, of image 0
	Coins         []string    // LIME's, of image 0, after the first
	Scene         scene
}

type drawnMask struct {
	Open string // 7 x 7 cells
	Y, X int
}

// scene is a picture whose regions are known.
type scene struct {
	Height, Width, Segments int
	Pixels                  []byte
	Regions                 string // a digit a pixel
}

const oracleSegments = 12

// makeDraws draws them anew.
func makeDraws() draws {
	d := draws{Seed: 11, Height: 20, Width: 24}
	r := rand.New(rand.NewPCG(1, 1))
	for k := range 2 {
		pixels := make([]byte, d.Height*d.Width*3)
		for i := range pixels {
			y, x, c := i/(3*d.Width), i/3%d.Width, i%3
			pixels[i] = byte(30 + 60*((y/(5+k)+x/7+c)%3) + r.IntN(60))
		}
		d.Images = append(d.Images, pixels)
	}
	first := only(d.images(), 0)
	for sample := range 4 {
		d.Noise = append(d.Noise, narrow(explain.Noise(d.Seed, first, sample)))
	}
	for sample := range 48 {
		open, y, x := explain.MaskPattern(d.Seed, first, sample, 7, 0.5)
		d.Masks = append(d.Masks, drawnMask{digits(open), y, x})
	}
	superpixels := explain.SLIC{Segments: oracleSegments}.Segment(first)
	d.Superpixels = superpixels.Labels
	for sample := 1; sample < 60; sample++ {
		d.Coins = append(d.Coins, digits(explain.Coins(d.Seed, first, sample, superpixels.Count)))
	}
	d.Scene = makeScene(r)
	return d
}

// makeScene draws seven regions, each nearest to its own point, in noisy colors.
func makeScene(r *rand.Rand) scene {
	s := scene{Height: 60, Width: 80, Segments: 50}
	var points [7]struct {
		y, x  int
		color [3]int
	}
	for i := range points {
		points[i].y, points[i].x = r.IntN(s.Height), r.IntN(s.Width)
		for c := range 3 {
			points[i].color[c] = 30 + r.IntN(196)
		}
	}
	var regions strings.Builder
	for i := range s.Height * s.Width {
		y, x := i/s.Width, i%s.Width
		nearest, least := 0, math.MaxInt
		for k, p := range points {
			if d := (y-p.y)*(y-p.y) + (x-p.x)*(x-p.x); d < least {
				nearest, least = k, d
			}
		}
		regions.WriteByte('0' + byte(nearest))
		for _, v := range points[nearest].color {
			s.Pixels = append(s.Pixels, byte(v+r.IntN(31)-15))
		}
	}
	s.Regions = regions.String()
	return s
}

func digits(bits []bool) string {
	var b strings.Builder
	for _, on := range bits {
		if on {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	}
	return b.String()
}

func (d draws) images() explain.Images {
	images := explain.Images{N: len(d.Images), Height: d.Height, Width: d.Width, Channels: 3}
	for _, pixels := range d.Images {
		images.Pixels = append(images.Pixels, floats(pixels)...)
	}
	return images
}

func floats(pixels []byte) []float32 {
	out := make([]float32, len(pixels))
	for i, p := range pixels {
		out[i] = float32(p)
	}
	return out
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(oracle, name))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The draws of a seed never change, because saved maps depend on them.
func TestDraws(t *testing.T) {
	got := makeDraws()
	if *update {
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(oracle, "draws.json"), append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want draws
	readJSON(t, "draws.json", &want)
	if !reflect.DeepEqual(got, want) {
		t.Error("a seed draws other bits than it did")
	}
}

// golden is what the oracle gives back.
type golden struct {
	Made map[string]string
	Net  struct {
		Convs []struct {
			Size, Stride, In, Out int
			Kernel, Bias          []float64
		}
		Dense struct {
			Weights [][]float64
			Bias    []float64
		}
	}
	Targets []int
	Logits  [][]float64
	// Maps by name, one an image; those of random methods only of image 0.
	Maps map[string][][]float64
	// Convergence is Captum's convergence delta, by map and image.
	Convergence map[string][]float64
	LIME        struct{ Intercept, R2 float64 }
	// Scene is how scikit-image's SLIC does.
	Scene struct {
		Count  int
		Recall float64
	}
}

func (g golden) net(height, width int) net {
	n := net{height: height, width: width, dense: linear{g.Net.Dense.Weights, g.Net.Dense.Bias}}
	for _, c := range g.Net.Convs {
		n.convs = append(n.convs, conv{c.Size, c.Stride, c.In, c.Out, c.Kernel, c.Bias})
	}
	return n
}

func TestAgainstOracle(t *testing.T) {
	var d draws
	var want golden
	readJSON(t, "draws.json", &d)
	readJSON(t, "explain.json", &want)
	images := d.images()
	f := want.net(d.Height, d.Width)
	for i := range images.N {
		for k, l := range f.logits(image64(images, i)) {
			if !near(l, want.Logits[i][k], 1e-9) {
				t.Fatalf("logit %d of image %d is %v, the oracle's %v: not the same network", k, i, l, want.Logits[i][k])
			}
		}
	}
	model := &fake{function: f}
	compared := map[string]bool{}
	for name, e := range map[string]explain.Explainer{
		"saliency":                  explain.Saliency{Model: model},
		"saliency probability":      explain.Saliency{Model: model, Score: explain.Probability},
		"gradient-x-input":          explain.GradientTimesInput{Model: model},
		"integrated-gradients":      explain.IntegratedGradients{Model: model},
		"integrated-gradients mean": explain.IntegratedGradients{Model: model, Baseline: explain.Mean, Steps: 7},
		"smoothgrad":                explain.SmoothGrad{Model: model, Samples: len(d.Noise), Seed: d.Seed},
		"occlusion":                 explain.Occlusion{Model: model, Patch: 5, Stride: 3},
		"occlusion probability":     explain.Occlusion{Model: model, Patch: 6, Stride: 5, Score: explain.Probability, Baseline: explain.Black},
		"rise":                      explain.RISE{Model: model, Samples: len(d.Masks), Seed: d.Seed},
		"lime":                      explain.LIME{Model: model, Samples: len(d.Coins) + 1, Seed: d.Seed, Segment: explain.SLIC{Segments: oracleSegments}.Segment},
	} {
		t.Run(name, func(t *testing.T) {
			maps := want.Maps[name]
			if len(maps) == 0 {
				t.Fatal("the oracle has no such map")
			}
			compared[name] = true
			method, setting, _ := strings.Cut(name, " ")
			line := agreement.Line{Group: agreement.Gradients, Subject: method, Model: "hand-made", Compared: "map", Of: "its largest value", Bound: 1e-5}
			if entry, err := explain.Lookup(method); err == nil && entry.Needs&explain.Differentiates == 0 {
				line.Group = agreement.BlackBox
			}
			if setting != "" {
				line.Compared += ", " + setting
			}
			switch line.Oracle = "captum " + want.Made["captum"]; method {
			case "rise":
				line.Oracle = "scikit-image " + want.Made["scikit-image"] + ", the authors' formula"
			case "lime":
				line.Oracle = "lime " + want.Made["lime"]
			}
			for i, a := range must(t, e, images, want.Targets...)[:len(maps)] {
				line.Difference = max(line.Difference, agreement.Apart(a.Map.Values, maps[i]))
				if deltas := want.Convergence[name]; deltas != nil && math.Abs(a.Facts["gap"]-deltas[i]) > 1e-5 {
					t.Errorf("image %d: the gap is %v, Captum's convergence delta %v", i, a.Facts["gap"], deltas[i])
				}
				if name == "lime" && (!near(a.Facts["intercept"], want.LIME.Intercept, 1e-5) || !near(a.Facts["r2"], want.LIME.R2, 1e-5)) {
					t.Errorf("facts %v, lime has %+v", a.Facts, want.LIME)
				}
			}
			agreement.Check(t, line)
		})
	}
	if len(compared) != len(want.Maps) {
		t.Errorf("%d of the oracle's %d maps were compared", len(compared), len(want.Maps))
	}
}

// SLIC is no exact algorithm: ours finds the borders of a picture's regions as
// well as scikit-image's, with about as many superpixels.
func TestSLICAgainstOracle(t *testing.T) {
	var d draws
	var want golden
	readJSON(t, "draws.json", &d)
	readJSON(t, "explain.json", &want)
	image := explain.Images{N: 1, Height: d.Scene.Height, Width: d.Scene.Width, Channels: 3, Pixels: floats(d.Scene.Pixels)}
	s := explain.SLIC{Segments: d.Scene.Segments}.Segment(image)
	checkSegmentation(t, s)
	got := recall(s.Labels, []byte(d.Scene.Regions), d.Scene.Width)
	t.Logf("%d superpixels, scikit-image %d; boundary recall %.3f, scikit-image %.3f", s.Count, want.Scene.Count, got, want.Scene.Recall)
	if !near(float64(s.Count), float64(want.Scene.Count), 0.2) || got < want.Scene.Recall-0.03 {
		t.Errorf("%d superpixels, boundary recall %v; scikit-image has %+v", s.Count, got, want.Scene)
	}
}

// recall is the share of the regions' borders that superpixels' borders are at,
// or one pixel off. A border is a pixel that differs from the one to the right or
// below.
func recall(labels []int, regions []byte, width int) float64 {
	ours, theirs := border(labels, width), border(regions, width)
	var found, all float64
	for i, there := range theirs {
		if !there {
			continue
		}
		all++
		if slices.ContainsFunc([]int{-width - 1, -width, -width + 1, -1, 0, 1, width - 1, width, width + 1}, func(step int) bool {
			x := i%width + (step+width+1)%width - 1
			return i+step >= 0 && i+step < len(ours) && x >= 0 && x < width && ours[i+step]
		}) {
			found++
		}
	}
	return found / all
}

func border[T comparable](labels []T, width int) []bool {
	out := make([]bool, len(labels))
	for i, l := range labels {
		out[i] = i%width < width-1 && labels[i+1] != l || i+width < len(labels) && labels[i+width] != l
	}
	return out
}
