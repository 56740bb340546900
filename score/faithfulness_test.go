package score_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/score"
)

var nan = math.NaN()

// judged holds the values of a metric against what is wanted; NaN wants a
// status that is not OK.
func judged(t *testing.T, values []score.Value, want ...float64) {
	t.Helper()
	if len(values) != len(want) {
		t.Fatalf("%d values, want %d", len(values), len(want))
	}
	for i, v := range values {
		if math.IsNaN(want[i]) != !v.OK() || v.OK() && !near(float64(v.Value), want[i], 1e-5) {
			t.Errorf("value %d is %v (%s), want %v", i, v.Value, v.Status, want[i])
		}
	}
}

var weights = linear{0.4, 0.3, 0.2, 0.1}

func TestDeletion(t *testing.T) {
	s := rows(weights, []float32{255, 255, 255, 255},
		row(4, 3, 2, 1),    // 1, .6, .3, .1, 0
		row(1, 2, 3, 4),    // 1, .9, .7, .4, 0
		row(-5, -5, -9, 7), // 1, .9, .5, .2, 0: of equals the first
		row(2, 2, 2, 2))    // no ranking
	black := []float32{0}
	values, err := score.Deletion{Steps: 4, Mean: black}.Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	judged(t, values["deletion"], 0.375, 0.625, 0.525, nan)

	// Three steps of four pixels are two of two: 1, .3, 0.
	curves, err := score.Deletion{Steps: 3, Mean: black}.Curves(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(curves[0]) != 3 || !near(curves[0][1], 0.3, 1e-6) || curves[3] != nil {
		t.Errorf("curves %v; want 1, 0.3, 0 first and none last", curves)
	}

	// The substrate is the image's own mean: 102 of 255 from the first step on.
	s = rows(linear{1, 0, 0, 0}, []float32{255, 51, 51, 51}, row(2, 1, 1, 1))
	values, err = score.Deletion{Steps: 4}.Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	judged(t, values["deletion"], (1+4*0.4-0.5-0.2)/4)

	_, err = score.Deletion{Mean: []float32{1, 2, 3}}.Judge(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "deletion: a mean color of 3 values for images of 1 channels") {
		t.Errorf("error %v", err)
	}
}

func TestInsertion(t *testing.T) {
	// With so wide a Gaussian the three weights are a third each; beyond the
	// border, above and below too, is black. So the start is 2/9, 3/9, 3/9, 2/9.
	blurry := score.Insertion{Steps: 4, Kernel: 3, Sigma: 1e3, Mean: []float32{0}}
	s := rows(weights, []float32{255, 255, 255, 255}, row(4, 3, 2, 1))
	curves, err := blurry.Curves(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{2.5 / 9, 0.4 + 1.7/9, 0.7 + 0.8/9, 0.9 + 0.2/9, 1}
	for k, v := range curves[0] {
		if !near(v, want[k], 1e-3) {
			t.Errorf("the curve is %v, want %v", curves[0], want)
			break
		}
	}
	values, err := blurry.Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	area := (curves[0][0]/2 + curves[0][1] + curves[0][2] + curves[0][3] + curves[0][4]/2) / 4
	judged(t, values["insertion"], area)
}

func TestBlurKeepsColor(t *testing.T) {
	image := make([]float32, 6*7*2)
	for i := range image {
		image[i] = []float32{50, 200}[i%2]
	}
	for i, v := range score.Blur(image, 6, 7, 11, 5, []float32{50, 200}) {
		if !near(float64(v), float64(image[i]), 1e-3) {
			t.Fatalf("value %d of a picture of one color became %v", i, v)
		}
	}
}

func TestImpute(t *testing.T) {
	// A line: what is missing lies evenly between what is known.
	got := score.Impute([]float32{30, 1, 1, 90}, 1, 4, []int{2, 1}, 1e-12)
	if !near(float64(got[1]), 50, 1e-4) || !near(float64(got[2]), 70, 1e-4) || got[0] != 30 || got[3] != 90 {
		t.Errorf("30 ? ? 90 became %v", got)
	}
	// The middle of nine: (beside 2+4+6+8)/6 + (corners 1+3+7+9)/12.
	got = score.Impute([]float32{1, 2, 3, 4, 0, 6, 7, 8, 9}, 3, 3, []int{4}, 1e-12)
	if want := 20.0/6 + 20.0/12; !near(float64(got[4]), want, 1e-5) {
		t.Errorf("the middle became %v, want %v", got[4], want)
	}
	// A corner has two beside it and one at its corner: weights 2, 2, 1.
	got = score.Impute([]float32{0, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3, []int{0}, 1e-12)
	if want := (2*2 + 2*4 + 5) / 5.0; !near(float64(got[0]), want, 1e-5) {
		t.Errorf("the corner became %v, want %v", got[0], want)
	}
	// One known pixel is all there is to go by.
	got = score.Impute([]float32{0, 0, 0, 0, 0, 8}, 2, 3, []int{0, 1, 2, 3, 4}, 1e-12)
	for _, v := range got {
		if !near(float64(v), 8, 1e-4) {
			t.Errorf("of one 8 the picture became %v", got)
			break
		}
	}
}

// The default tolerance is an error below 1e-4 of the range, also far within a
// hole: this one leaves a corner of the picture, the worst case.
func TestImputeTolerance(t *testing.T) {
	const height, width = 90, 70
	r := rand.New(rand.NewPCG(1, 2))
	image := make([]float32, height*width)
	for i := range image {
		image[i] = float32(r.IntN(256))
	}
	var removed []int
	for i := range image {
		if i/width > 12 || i%width > 12 {
			removed = append(removed, i)
		}
	}
	exact, got := score.Impute(image, height, width, removed, 1e-12), score.Impute(image, height, width, removed, 1e-5)
	worst := 0.0
	for i, v := range got {
		worst = max(worst, math.Abs(float64(v-exact[i])))
	}
	if worst > 1e-4*255 {
		t.Errorf("the worst pixel is off by %v of 255", worst)
	}
	// Every filled pixel is the weighted mean of its neighbors.
	for _, p := range removed {
		sum, total := 0.0, 0.0
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				y, x := p/width+dy, p%width+dx
				if (dy == 0 && dx == 0) || y < 0 || y >= height || x < 0 || x >= width {
					continue
				}
				w := 1.0 / 12
				if dy == 0 || dx == 0 {
					w = 1.0 / 6
				}
				sum, total = sum+w*float64(exact[y*width+x]), total+w
			}
		}
		if !near(float64(exact[p]), sum/total, 1e-3) {
			t.Fatalf("pixel %d is %v, its neighbors' mean %v", p, exact[p], sum/total)
		}
	}
}

func TestROAD(t *testing.T) {
	// Before: 1/2. The two brightest go first: all black, 0. The two darkest go
	// first: all white, 1.
	s := rows(linear{0.25, 0.25, 0.25, 0.25}, []float32{0, 255, 255, 0}, row(0, 2, 1, -1), row(3, 3, 3, 3))
	half := score.ROAD{Shares: []float64{0.5}, Noiseless: true, Tolerance: 1e-12}
	values, err := half.Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	judged(t, values["road_morf"], -0.5, nan)
	judged(t, values["road_lerf"], 0.5, nan)
	judged(t, values["road"], 0.5, nan)

	// A map that is zero at most places removes as many pixels as were asked for.
	s = rows(linear{0.25, 0.25, 0.25, 0.25}, []float32{255, 51, 51, 255}, row(0, 0, 0, 1))
	values, err = score.ROAD{Shares: []float64{0.25}, Noiseless: true, Tolerance: 1e-12}.Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	judged(t, values["road_morf"], -0.2) // the last becomes 51
	judged(t, values["road_lerf"], 0.1)  // the last of the equals becomes 153
}

func TestROADRefusals(t *testing.T) {
	s := rows(weights, []float32{0, 255, 255, 0}, row(0, 2, 1, -1))
	for _, shares := range [][]float64{{}, {0}, {1}, {math.NaN()}, {0.5, -1}} {
		if _, err := (score.ROAD{Shares: shares}).Judge(t.Context(), s); err == nil {
			t.Errorf("no error of the shares %v", shares)
		}
	}
}

func TestMasking(t *testing.T) {
	white := []float32{255, 255, 255, 255}
	maps := []explain.Grid{row(2, 1, 0, -3), row(-1, -1, -1, -2)}
	for _, test := range []struct {
		name                 string
		model                linear
		drop, increase, gain float64
	}{
		// Y = .8, O = .4 + .1
		{"drop", linear{0.4, 0.2, 0.1, 0.1}, 37.5, 0, 0},
		// Y = .2, O = .6
		{"gain", linear{0.6, 0, -0.2, -0.2}, 0, 100, 50},
		// Y = 1, O = .5: nothing to gain
		{"saturated", linear{0.5, 0, 0.25, 0.25}, 50, 0, nan},
		// Y = 0, O = .5: nothing to lose
		{"no score", linear{0.5, 0, -0.25, -0.25}, nan, nan, 50},
	} {
		values, err := score.Masking{}.Judge(t.Context(), rows(test.model, white, maps...))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(test.name, func(t *testing.T) {
			judged(t, values["average_drop"], test.drop, nan)
			judged(t, values["average_increase"], test.increase, nan)
			judged(t, values["average_gain"], test.gain, nan)
			for metric, why := range map[string]explain.Status{"average_drop": score.NoScore, "average_gain": score.Saturated} {
				if v := values[metric][0]; !v.OK() && v.Status != why {
					t.Errorf("%s is %s, want %s", metric, v.Status, why)
				}
			}
		})
	}
	// What is hidden takes the color: Y = 1, O = .4 + .3 * 3/4 + (.2 + .1)/2.
	values, err := score.Masking{Mean: []float32{127.5}}.Judge(t.Context(), rows(weights, white, maps[0]))
	if err != nil {
		t.Fatal(err)
	}
	judged(t, values["average_drop"], 100*(1-0.4-0.225-0.15))
}

func TestInfidelity(t *testing.T) {
	products, losses := []float64{1, 2}, []float64{2, 4}
	if got := score.InfidelityOf(products, losses, true); got != 0 {
		t.Errorf("twice the products, scaled: %v, want 0", got)
	}
	if got := score.InfidelityOf(products, losses, false); got != 2.5 {
		t.Errorf("unscaled: %v, want (1 + 4)/2", got)
	}
	if got := score.InfidelityOf([]float64{0, 0}, losses, true); got != 10 {
		t.Errorf("no products: %v, want (4 + 16)/2", got)
	}

	// Of a linear model the exact map has no infidelity: what a pixel gives over
	// the color of the square, or what a change of the pixel gives.
	s := rows(weights, []float32{255, 102, 51, 204}, row(0.4, 0.12, 0.04, 0.08), row(0.04, 0.4, 0.12, 0.08))
	for _, unscaled := range []bool{false, true} {
		values, err := score.Infidelity{Mean: []float32{0}, Unscaled: unscaled}.Judge(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if v := values["infidelity"]; v[0].Value > 1e-12 || v[1].Value < 1e-3 {
			t.Errorf("unscaled %v: squares give %v; want none, some", unscaled, v)
		}
		s.Maps[0] = row(0.4, 0.12, 0.04, 0.08)
	}
	s.Maps[0] = row(4./2550, 3./2550, 2./2550, 1./2550)
	values, err := score.Infidelity{Kind: "gaussian", Unscaled: true, Score: explain.Probability}.Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if v := values["infidelity"]; v[0].Value > 1e-12 || v[1].Value < 1e-3 {
		t.Errorf("noise gives %v; want none, some", v)
	}
	for _, bad := range []score.Infidelity{{Kind: "round"}, {Score: "loss"}} {
		if _, err := bad.Judge(t.Context(), s); err == nil {
			t.Errorf("no error of %+v", bad)
		}
	}
}

// mirror explains an image by its pixels.
type mirror struct{ seen [][]float32 }

func (m *mirror) Explain(_ context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	size := images.Height * images.Width
	var list []explain.Attribution
	for i := range images.N {
		values := slices.Clone(images.Pixels[i*size : (i+1)*size])
		m.seen = append(m.seen, values)
		list = append(list, explain.Attribution{Map: explain.Grid{Height: images.Height, Width: images.Width, Values: values}})
	}
	return list, nil
}

func TestSensitivity(t *testing.T) {
	explainer := &mirror{}
	s := rows(nil, []float32{3, 0, 4}, row(3, 0, 4))
	s.Explainer = explainer
	// Of |d| = 1, 2, 0.5 and |map| = 5.
	values, err := score.Sensitivity{}.Drawn([][]float32{{1, 0, 0}, {0, -2, 0}, {0.3, 0, 0.4}}).Judge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	judged(t, values["max_sensitivity"], 0.4)

	explainer.seen = nil
	if _, err := (score.Sensitivity{}).Judge(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	widest := 0.0
	for _, image := range explainer.seen {
		for p, v := range image {
			widest = max(widest, math.Abs(float64(v-s.Images.Pixels[p])))
		}
	}
	if len(explainer.seen) != 10 || widest > 0.02*255 || widest < 0.015*255 {
		t.Errorf("%d draws up to %v; want 10 up to %v", len(explainer.seen), widest, 0.02*255)
	}
}
