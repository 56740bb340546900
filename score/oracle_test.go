package score_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/score"
)

// oracle is oracles/score/testdata/score.json; make.py there says what is whose.
type oracle struct {
	Made   map[string]string
	Net    network
	Image  []float32
	Logits []float64
	Target int
	Mean   []float32
	Maps   map[string][]float32
	Curves map[string]map[string]struct {
		Scores []float64
		AUC    float64
	}
	Road map[string]struct {
		MoRF, LeRF []float64
		Filled     []float64
		Before     float64
		Road       float64 `json:"road"`
		RoadMoRF   float64 `json:"road_morf"`
		RoadLeRF   float64 `json:"road_lerf"`
	}
	Masking    []map[string][3]float64
	Infidelity struct {
		Squares          [][3]int
		Noise            [][]float32
		Square, Gaussian [2]float64 // scaled, unscaled
	}
	Sensitivity struct {
		Sixteenths [][]float32
		Max        float64
	}
	Similar []struct {
		A, B                string
		SSIM, Spearman, Abs float64
	}
	Spread   map[string]struct{ Gini, Entropy float64 }
	Pointing [][4]int // row, column, tolerance, hit
	Focus    [4]float64
	Mosaic   struct {
		Image  []float32
		Pixels []float64
	}
	Edges []float64
}

const oracleHeight, oracleWidth = 28, 24

func loadOracle(t *testing.T) (oracle, score.Sample) {
	t.Helper()
	data, err := os.ReadFile("../oracles/score/testdata/score.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Maps) == 0 || len(o.Similar) == 0 || len(o.Pointing) == 0 {
		t.Fatal("score.json is empty")
	}
	s := score.Sample{Model: o.Net, Explainer: o.Net}
	s.Images = explain.Images{N: 1, Height: oracleHeight, Width: oracleWidth, Channels: 3, Pixels: o.Image}
	s.Targets = []int{o.Target}
	s.Maps = []explain.Grid{o.grid("rough")}
	return o, s
}

func (o oracle) grid(name string) explain.Grid {
	return explain.Grid{Height: oracleHeight, Width: oracleWidth, Values: o.Maps[name]}
}

// differences keeps the largest, relative to the larger of the two; below floor
// it is relative to floor.
type differences struct {
	floor, worst float64
	where        string
}

func (d *differences) add(got, want float64, where string, arguments ...any) {
	by := math.Abs(got-want) / max(math.Abs(got), math.Abs(want), d.floor, 1e-300)
	if by > d.worst || by != by {
		d.worst, d.where = by, fmt.Sprintf(where, arguments...)+fmt.Sprintf(": %v, want %v", got, want)
	}
}

// check notes a line of docs/correctness.md.
func (d *differences) check(t *testing.T, subject, oracle, compared string, bound float64) {
	t.Helper()
	agreement.Check(t, agreement.Line{
		Group: agreement.Score, Subject: subject, Model: "hand-made", Oracle: oracle,
		Compared: compared, Difference: d.worst, Of: d.of(), Bound: bound,
	})
	if !(d.worst <= bound) {
		t.Errorf("the largest difference is at %s", d.where)
	}
}

func (d *differences) of() string {
	if d.floor > 0 {
		return fmt.Sprintf("the value, %g at least", d.floor)
	}
	return "the value"
}

// program names one with the version that was asked.
func (o oracle) program(name string) string { return name + " " + o.Made[name] }

func TestAsRISE(t *testing.T) {
	o, s := loadOracle(t)
	for name, want := range o.Curves {
		s.Maps = []explain.Grid{o.grid(name)}
		for mode, judge := range map[string]func(context.Context, score.Sample) ([][]float64, error){
			"deletion":  score.Deletion{Mean: o.Mean}.Curves,
			"insertion": score.Insertion{Mean: o.Mean}.Curves,
		} {
			curves, err := judge(t.Context(), s)
			if err != nil || len(curves[0]) != len(want[mode].Scores) {
				t.Fatalf("%d scores, %v; want %d", len(curves[0]), err, len(want[mode].Scores))
			}
			var d differences
			for k, v := range curves[0] {
				d.add(v, want[mode].Scores[k], "%s of %s, step %d", mode, name, k)
			}
			metric, _ := score.Lookup(mode)
			values, err := metric.Judge(t.Context(), s, score.Settings{Deletion: score.Deletion{Mean: o.Mean}, Insertion: score.Insertion{Mean: o.Mean}})
			if err != nil {
				t.Fatal(err)
			}
			d.add(float64(values[0].Value), want[mode].AUC, "AUC of %s", name)
			d.check(t, mode, "RISE's loop, "+o.program("scipy")+", "+o.program("torch"), "33 probabilities and AUC, 3 maps", 1e-6)
		}
	}
}

func TestAsPytorchGradCAMsImputer(t *testing.T) {
	o, s := loadOracle(t)
	for name, want := range o.Road {
		s.Maps = []explain.Grid{o.grid(name)}
		for _, test := range []struct{ tolerance, limit float64 }{{1e-10, 1e-6}, {0, 1e-4}} {
			road := score.ROAD{Shares: []float64{0.1, 0.5, 0.9}, Noiseless: true, Tolerance: test.tolerance}
			removals, err := road.Curves(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			var d differences
			d.add(removals[0].Before, want.Before, "before")
			for k := range want.MoRF {
				d.add(removals[0].MoRF[k], want.MoRF[k], "MoRF of %s", name)
				d.add(removals[0].LeRF[k], want.LeRF[k], "LeRF of %s", name)
			}
			values, err := road.Judge(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			d.floor = 0.1 // these are differences of probabilities
			d.add(float64(values["road"][0].Value), want.Road, "road of %s", name)
			d.add(float64(values["road_morf"][0].Value), want.RoadMoRF, "road_morf of %s", name)
			d.add(float64(values["road_lerf"][0].Value), want.RoadLeRF, "road_lerf of %s", name)

			d.floor = 255
			half := score.Descending(o.grid(name))[:oracleHeight*oracleWidth/2]
			tolerance := test.tolerance
			if tolerance == 0 {
				tolerance = 1e-5 // the default
			}
			for i, v := range score.Impute(o.Image, oracleHeight, oracleWidth, half, tolerance) {
				d.add(float64(v), want.Filled[i], "filled value %d of %s", i, name)
			}
			d.check(t, "road, road_morf, road_lerf", o.program("grad-cam")+"'s imputer, "+o.program("scipy"),
				fmt.Sprintf("probabilities, values, filled image, 3 maps; solved to %g", tolerance), test.limit)
		}
	}
}

func TestMaskingAsInThePapers(t *testing.T) {
	o, s := loadOracle(t)
	var d differences
	for target, want := range o.Masking {
		s.Targets = []int{target}
		for name, masking := range map[string]score.Masking{"black": {}, "mean": {Mean: o.Mean}} {
			values, err := masking.Judge(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			for k, metric := range []string{"average_drop", "average_increase", "average_gain"} {
				d.add(float64(values[metric][0].Value), want[name][k], "%s, %s, class %d", metric, name, target)
			}
		}
	}
	d.check(t, "average_drop, average_increase, average_gain", "the papers' formulas, "+o.program("torch"), "values, 3 classes, on black and on a color", 1e-5)
}

func TestAsCaptumsInfidelity(t *testing.T) {
	o, s := loadOracle(t)
	type change = func(image, out, weights []float32)
	var squares, noise []change
	for _, q := range o.Infidelity.Squares {
		squares = append(squares, func(image, out, weights []float32) {
			copy(out, image)
			for p := range weights {
				y, x := p/oracleWidth-q[0], p%oracleWidth-q[1]
				if y >= 0 && y < q[2] && x >= 0 && x < q[2] {
					weights[p] = 1
					copy(out[p*3:], o.Mean)
				}
			}
		})
	}
	for _, draw := range o.Infidelity.Noise {
		noise = append(noise, func(image, out, weights []float32) {
			copy(weights, draw)
			for i, v := range image {
				out[i] = v - draw[i/3]
			}
		})
	}
	var d differences
	for k, unscaled := range []bool{false, true} {
		for name, test := range map[string]struct {
			changes []change
			want    [2]float64
		}{"square": {squares, o.Infidelity.Square}, "gaussian": {noise, o.Infidelity.Gaussian}} {
			values, err := score.Infidelity{Unscaled: unscaled}.Drawn(test.changes).Judge(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			d.add(float64(values["infidelity"][0].Value), test.want[k], "%s, unscaled %v", name, unscaled)
		}
	}
	d.check(t, "infidelity", o.program("captum"), "values, the same squares and noise, with and without scaling", 1e-4)
}

func TestAsCaptumsSensitivity(t *testing.T) {
	o, s := loadOracle(t)
	var noise [][]float32
	for _, draw := range o.Sensitivity.Sixteenths {
		scaled := slices.Clone(draw)
		for i := range scaled {
			scaled[i] /= 16
		}
		noise = append(noise, scaled)
	}
	attributions, err := o.Net.Explain(t.Context(), s.Images, s.Targets)
	if err != nil {
		t.Fatal(err)
	}
	s.Maps = []explain.Grid{attributions[0].Map}
	values, err := score.Sensitivity{}.Drawn(noise).Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var d differences
	d.add(float64(values["max_sensitivity"][0].Value), o.Sensitivity.Max, "max_sensitivity")
	d.check(t, "max_sensitivity", o.program("captum"), "value, CAM at the same draws", 1e-5)
}

func TestMapsAsElsewhere(t *testing.T) {
	o, s := loadOracle(t)
	var similarity, spread differences
	for _, want := range o.Similar {
		a, b := o.grid(want.A), o.grid(want.B)
		similarity.add(float64(score.SSIM(score.MinMax(a), score.MinMax(b)).Value), want.SSIM, "SSIM of %s, %s", want.A, want.B)
		similarity.add(float64(score.Spearman(a, b, false).Value), want.Spearman, "Spearman of %s, %s", want.A, want.B)
		similarity.add(float64(score.Spearman(a, b, true).Value), want.Abs, "|Spearman| of %s, %s", want.A, want.B)
	}
	similarity.check(t, "sanity_rank_abs, sanity_rank, sanity_ssim", o.program("scipy")+", "+o.program("scikit-image"), "3 pairs of maps", 1e-6)
	for name, want := range o.Spread {
		spread.add(float64(score.Gini(o.grid(name)).Value), want.Gini, "Gini of %s", name)
		spread.add(float64(score.Entropy(o.grid(name)).Value), want.Entropy, "entropy of %s", name)
	}
	for q, want := range o.Focus {
		var quadrants score.Quadrants
		quadrants[q] = true
		spread.add(float64(score.Focus(o.grid("rough"), quadrants).Value), want, "Focus on quarter %d", q)
	}
	spread.check(t, "gini, entropy, focus", o.program("scipy")+", the papers' formulas", "3 maps", 1e-9)

	edges, err := score.EdgeMap{}.Explain(t.Context(), s.Images, s.Targets)
	if err != nil {
		t.Fatal(err)
	}
	drawn := differences{floor: 1}
	for i, v := range edges[0].Map.Values {
		drawn.add(float64(v), o.Edges[i], "edge %d", i)
	}
	plan := []score.Mosaic{{}}
	mosaic, err := score.DrawMosaics(plan, 17, 13, 3, func(int) ([]float32, error) { return o.Mosaic.Image, nil })
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range mosaic.Images.Pixels {
		drawn.add(float64(v), o.Mosaic.Pixels[i], "mosaic %d", i)
	}
	drawn.check(t, "edge map, mosaic", o.program("scipy")+", OpenCV "+o.Made["opencv-python-headless"], "pixels, kept to four decimals", 1e-4)
}

func TestAsTorchRay(t *testing.T) {
	o, s := loadOracle(t)
	mask := score.Mask{Height: oracleHeight, Width: oracleWidth, Inside: make([]bool, oracleHeight*oracleWidth)}
	for p := range mask.Inside {
		y, x := p/oracleWidth, p%oracleWidth
		mask.Inside[p] = y >= 10 && y < 14 && x >= 9 && x < 12
	}
	s.Masks = []score.Mask{mask}
	wrong := 0
	for _, c := range o.Pointing {
		s.Maps = []explain.Grid{explain.NewGrid(oracleHeight, oracleWidth)}
		s.Maps[0].Values[c[0]*oracleWidth+c[1]] = 1
		values, err := score.Pointing{Tolerance: c[2]}.Judge(t.Context(), s)
		if err != nil || int(values["pointing"][0].Value) != c[3] {
			t.Errorf("row %d, column %d, tolerance %d: %v, %v; want %d", c[0], c[1], c[2], values["pointing"], err, c[3])
			wrong++
		}
	}
	agreement.Check(t, agreement.Line{
		Group: agreement.Score, Subject: "pointing", Model: "hand-made", Oracle: "TorchRay's formula",
		Compared: "40 points and tolerances judged otherwise", Difference: float64(wrong),
	})
}
