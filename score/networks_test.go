package score_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
	"oscar/internal/reference"
	"oscar/score"
)

// networkScores is what oracles/networks says of image 0 of a network.
type networkScores struct {
	reference.Asked
	Score struct {
		Target int
		Mean   []float32
		Curves map[string]struct {
			Scores []float64
			AUC    float64
		}
		Road struct {
			MoRF, LeRF []float64
			Road       float64 `json:"road"`
			RoadMoRF   float64 `json:"road_morf"`
			RoadLeRF   float64 `json:"road_lerf"`
		}
		Masking        []map[string][3]float64 // class, color
		Squares        [][3]int
		Infidelity     struct{ Square, Gaussian float64 }
		MaxSensitivity float64 `json:"max_sensitivity"`
		Spread         struct{ Gini, Entropy float64 }
		Similar        similar
		Mask           [4]int // top, left, bottom, right
		Pointing       float64
		Energy         float64
		Focus          [4]float64
		Layers         []string
		Sanity         similar
	}
}

type similar struct{ SSIM, Spearman, Abs float64 }

// heat is the formula's map: tiles with noise, of both signs, whole numbers.
func heat(name string, side int) explain.Grid {
	g := explain.NewGrid(side, side)
	tiles, noise := reference.Draws(name, 256), reference.Draws(name+" noise", side*side)
	for i := range g.Values {
		y, x := i/side, i%side
		g.Values[i] = float32(math.Floor(tiles[y*16/side*16+x*16/side]*(1<<15)) + math.Floor(noise[i]*(1<<11)) + 10000)
	}
	return g
}

// Every score on oscar's own networks, of one map, or of Grad-CAM where a
// method has to be asked again.
func TestNetworksAgainstOracles(t *testing.T) {
	for _, name := range reference.Names {
		t.Run(name, func(t *testing.T) {
			var want networkScores
			reference.Read(t, name, "score.json", &want)
			n := newNetworkScore(t, name, want)
			n.curves()
			n.road()
			n.masking()
			n.infidelity()
			n.sensitivity()
			n.ofTheMap()
			n.localization()
			n.sanity()
		})
	}
}

type networkScore struct {
	*testing.T
	name   string
	want   networkScores
	sample score.Sample
}

func newNetworkScore(t *testing.T, name string, want networkScores) networkScore {
	m := reference.Open(t, name).Bundle
	n := networkScore{T: t, name: name, want: want}
	n.sample.Model, n.sample.Explainer = m, gradcam.Explainer{Model: m, Layer: "conv5"}
	n.sample.Images, n.sample.Targets = reference.Images(name, 1), []int{want.Score.Target}
	n.sample.Maps = []explain.Grid{heat("heat", n.sample.Images.Height)}
	return n
}

// judge is a metric's value of the sample.
func (n networkScore) judge(metric string, settings score.Settings) float64 {
	n.Helper()
	m, err := score.Lookup(metric)
	if err != nil {
		n.Fatal(err)
	}
	values, err := m.Judge(n.Context(), n.sample, settings)
	if err != nil {
		n.Fatal(err)
	}
	return float64(values[0].Value)
}

// check holds values against the oracle's, as a share of the larger of floor
// and the largest wanted.
func (n networkScore) check(metric, oracle, compared string, floor float64, got, want []float64) {
	n.Helper()
	of := "its value"
	if floor > 0 {
		of = fmt.Sprintf("its value, %g at least", floor)
	}
	difference := agreement.Apart(append([]float64{floor}, got...), append([]float64{floor}, want...))
	agreement.Check(n, agreement.Line{
		Group: agreement.Score, Subject: metric, Model: n.name, Oracle: oracle,
		Compared: compared, Difference: difference, Of: of, Bound: 1e-4,
	})
}

func one1(v float64) []float64 { return []float64{v} }

func (n networkScore) curves() {
	mean := n.want.Score.Mean
	settings := score.Settings{Deletion: score.Deletion{Mean: mean}, Insertion: score.Insertion{Mean: mean}}
	for mode, curves := range map[string]func(context.Context, score.Sample) ([][]float64, error){
		"deletion": settings.Deletion.Curves, "insertion": settings.Insertion.Curves,
	} {
		got, err := curves(n.Context(), n.sample)
		if err != nil {
			n.Fatal(err)
		}
		want := n.want.Score.Curves[mode]
		oracle := "RISE's loop, " + n.want.Oracle("scipy") + ", " + n.want.Oracle("torch")
		n.check(mode, oracle, "33 probabilities", 0, got[0], want.Scores)
		n.check(mode, oracle, "AUC", 0, one1(n.judge(mode, settings)), one1(want.AUC))
	}
}

func (n networkScore) road() {
	r := score.ROAD{Shares: []float64{0.1, 0.5, 0.9}, Noiseless: true, Tolerance: 1e-10}
	removals, err := r.Curves(n.Context(), n.sample)
	if err != nil {
		n.Fatal(err)
	}
	want := n.want.Score.Road
	oracle := n.want.Oracle("grad-cam") + "'s imputer, " + n.want.Oracle("scipy")
	n.check("road_morf", oracle, "3 probabilities", 0, removals[0].MoRF, want.MoRF)
	n.check("road_lerf", oracle, "3 probabilities", 0, removals[0].LeRF, want.LeRF)
	for metric, value := range map[string]float64{"road": want.Road, "road_morf": want.RoadMoRF, "road_lerf": want.RoadLeRF} {
		n.check(metric, oracle, "value, a difference of probabilities", 0.1, one1(n.judge(metric, score.Settings{ROAD: r})), one1(value))
	}
}

func (n networkScore) masking() {
	for k, metric := range []string{"average_drop", "average_increase", "average_gain"} {
		var got, want []float64
		for class, of := range n.want.Score.Masking {
			n.sample.Targets = []int{class}
			for color, masking := range map[string]score.Masking{"black": {}, "mean": {Mean: n.want.Score.Mean}} {
				got = append(got, n.judge(metric, score.Settings{Masking: masking}))
				want = append(want, of[color][k])
			}
		}
		n.check(metric, "the papers' formulas, "+n.want.Oracle("torch"), "value, 6 classes, on black and on a color", 1, got, want)
	}
}

func (n networkScore) infidelity() {
	side, channels := n.sample.Images.Width, 3
	var squares, noises []func(image, out, weights []float32)
	for _, q := range n.want.Score.Squares {
		squares = append(squares, func(image, out, weights []float32) {
			copy(out, image)
			for p := range weights {
				y, x := p/side-q[0], p%side-q[1]
				if y >= 0 && y < q[2] && x >= 0 && x < q[2] {
					weights[p] = 1
					copy(out[p*channels:], n.want.Score.Mean)
				}
			}
		})
	}
	draws := reference.Draws("infidelity", 6*side*side)
	for k := range 6 {
		noises = append(noises, func(image, out, weights []float32) {
			for p := range weights {
				weights[p] = float32(math.Floor(draws[k*len(weights)+p] * 64))
			}
			for i, v := range image {
				out[i] = v - weights[i/channels]
			}
		})
	}
	oracle := n.want.Oracle("captum")
	for _, c := range []struct {
		compared string
		changes  []func(image, out, weights []float32)
		want     float64
	}{
		{"value, the same 12 squares", squares, n.want.Score.Infidelity.Square},
		{"value, the same 6 draws of noise", noises, n.want.Score.Infidelity.Gaussian},
	} {
		got := n.judge("infidelity", score.Settings{Infidelity: score.Infidelity{}.Drawn(c.changes)})
		n.check("infidelity", oracle, c.compared, 0, one1(got), one1(c.want))
	}
}

// ask gives the sample its own explainer's map.
func (n *networkScore) ask() {
	attributions, err := n.sample.Explainer.Explain(n.Context(), n.sample.Images, n.sample.Targets)
	if err != nil {
		n.Fatal(err)
	}
	n.sample.Maps = []explain.Grid{attributions[0].Map}
}

func (n networkScore) sensitivity() {
	size := len(n.sample.Images.Pixels)
	draws := reference.Draws("sensitivity", 3*size)
	var noise [][]float32
	for k := range 3 {
		row := make([]float32, size)
		for i := range row {
			row[i] = float32(math.Floor(draws[k*size+i]*80) / 16)
		}
		noise = append(noise, row)
	}
	n.ask()
	got := n.judge("max_sensitivity", score.Settings{Sensitivity: score.Sensitivity{}.Drawn(noise)})
	n.check("max_sensitivity", n.want.Oracle("captum")+", "+n.want.Oracle("grad-cam"), "value, Grad-CAM at the same 3 draws", 0,
		one1(got), one1(n.want.Score.MaxSensitivity))
}

func (n networkScore) ofTheMap() {
	want := n.want.Score
	n.check("gini", "the paper's formula", "value", 0, one1(n.judge("gini", score.Settings{})), one1(want.Spread.Gini))
	n.check("entropy", n.want.Oracle("scipy"), "value", 0, one1(n.judge("entropy", score.Settings{})), one1(want.Spread.Entropy))
	a, b := n.sample.Maps[0], heat("other heat", n.sample.Images.Height)
	scipy := n.want.Oracle("scipy")
	n.check("sanity_rank", scipy, "rank correlation of two maps", 0, one1(float64(score.Spearman(a, b, false).Value)), one1(want.Similar.Spearman))
	n.check("sanity_rank_abs", scipy, "rank correlation of two maps", 0, one1(float64(score.Spearman(a, b, true).Value)), one1(want.Similar.Abs))
	n.check("sanity_ssim", n.want.Oracle("scikit-image"), "similarity of two maps", 0,
		one1(float64(score.SSIM(score.MinMax(a), score.MinMax(b)).Value)), one1(want.Similar.SSIM))
}

func (n networkScore) localization() {
	want, m := n.want.Score, n.sample.Images
	mask := score.Mask{Height: m.Height, Width: m.Width, Inside: make([]bool, m.Height*m.Width)}
	for p := range mask.Inside {
		y, x := p/m.Width, p%m.Width
		mask.Inside[p] = y >= want.Mask[0] && y < want.Mask[2] && x >= want.Mask[1] && x < want.Mask[3]
	}
	n.sample.Masks = []score.Mask{mask}
	n.check("pointing", "TorchRay's formula", "hit or miss", 1, one1(n.judge("pointing", score.Settings{})), one1(want.Pointing))
	n.check("energy", "the paper's formula", "value", 0, one1(n.judge("energy", score.Settings{})), one1(want.Energy))
	var got []float64
	for q := range 4 {
		var quadrants score.Quadrants
		quadrants[q] = true
		n.sample.Quadrants = []score.Quadrants{quadrants}
		got = append(got, n.judge("focus", score.Settings{}))
	}
	n.check("focus", "the authors' formula", "the four quarters", 0, got, want.Focus[:])
}

func (n networkScore) sanity() {
	n.ask()
	layers := n.want.Score.Layers
	n.sample.Randomized = score.Cascade{Layers: layers, Explainer: func(depth int) (explain.Explainer, error) {
		return gradcam.Explainer{Model: reference.Open(n, n.name, layers[:depth]...).Bundle, Layer: "conv5"}, nil
	}}
	want := n.want.Score.Sanity
	oracle := n.want.Oracle("grad-cam") + ", "
	compared := "value, Grad-CAM of two cascaded redraws"
	scipy, skimage := oracle+n.want.Oracle("scipy"), oracle+n.want.Oracle("scikit-image")
	n.check("sanity_rank", scipy, compared, 0.1, one1(n.judge("sanity_rank", score.Settings{})), one1(want.Spearman))
	n.check("sanity_rank_abs", scipy, compared, 0.1, one1(n.judge("sanity_rank_abs", score.Settings{})), one1(want.Abs))
	n.check("sanity_ssim", skimage, compared, 0.1, one1(n.judge("sanity_ssim", score.Settings{})), one1(want.SSIM))
}
