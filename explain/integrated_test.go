package explain_test

import (
	"math"
	"testing"

	"oscar/explain"
)

func TestGaussLegendre(t *testing.T) {
	// n = 2 and 3 have closed forms; on 0..1.
	for n, want := range map[int][2][]float64{
		1: {{0.5}, {1}},
		2: {{0.5 - 0.5/math.Sqrt(3), 0.5 + 0.5/math.Sqrt(3)}, {0.5, 0.5}},
		3: {{0.5 - 0.5*math.Sqrt(0.6), 0.5, 0.5 + 0.5*math.Sqrt(0.6)}, {5. / 18, 8. / 18, 5. / 18}},
	} {
		at, weights := explain.GaussLegendre(n)
		for i := range n {
			if math.Abs(at[i]-want[0][i]) > 1e-14 || math.Abs(weights[i]-want[1][i]) > 1e-14 {
				t.Errorf("n=%d: places %v, weights %v, want %v", n, at, weights, want)
			}
		}
	}
	for _, n := range []int{1, 5, 50, 301} {
		at, weights := explain.GaussLegendre(n)
		for power := range min(2*n, 40) {
			sum := 0.0
			for i := range n {
				sum += weights[i] * math.Pow(at[i], float64(power))
			}
			if want := 1 / float64(power+1); math.Abs(sum-want) > 1e-13 {
				t.Errorf("n=%d: the integral of t^%d is %v, want %v", n, power, sum, want)
			}
		}
	}
}

func TestCompletenessIsExactOnALinearModel(t *testing.T) {
	l := newLinear(3)
	l.bias = []float64{1, -2, 3}
	for name, baseline := range map[string]explain.Baseline{
		"default": nil, "black": explain.Black, "gray": explain.Gray, "mean": explain.Mean, "color": explain.Picture(10, 200, 30),
	} {
		a := must(t, explain.IntegratedGradients{Model: &fake{function: l}, Baseline: baseline, Steps: 1}, photos(1), 1)[0]
		want := float64(a.Score) - a.Facts["baseline_score"]
		if math.Abs(a.Facts["gap"]) > 1e-5*math.Abs(want) {
			t.Errorf("%s: the gap is %v of %v", name, a.Facts["gap"], want)
		}
		identity(t, "integrated-gradients", "f(x) - f(x') of a linear model", "sum of the map, 1 step, 5 baselines", []float64{total(a.Map)}, []float64{want}, 1e-5)
	}
	a := must(t, explain.IntegratedGradients{Model: &fake{function: l}}, photos(1), 1)[0]
	if got := a.Facts["baseline_score"]; got != -2 {
		t.Errorf("the default baseline's score is %v; black's is the bias, -2", got)
	}
}

// The gradient of a net of ReLUs jumps, so the rule does not converge fast: this
// one has but nine units, most of which jump at once.
func TestCompletenessOfANet(t *testing.T) {
	for steps, share := range map[int]float64{0: 0.02, 400: 0.005} {
		e := explain.IntegratedGradients{Model: &fake{function: newNet(3)}, Steps: steps}
		for _, a := range must(t, e, photos(3), 0, 1, 2) {
			want := float64(a.Score) - a.Facts["baseline_score"]
			if steps == 0 {
				identity(t, "integrated-gradients", "f(x) - f(x') of a network", "sum of the map, 50 steps from black", []float64{total(a.Map)}, []float64{want}, share)
			} else {
				identity(t, "integrated-gradients", "f(x) - f(x') of a network", "sum of the map, 400 steps from black", []float64{total(a.Map)}, []float64{want}, share)
			}
			if math.Abs(a.Facts["gap"]-(total(a.Map)-want)) > 1e-5 {
				t.Errorf("%d steps, class %d: the gap is said to be %v, it is %v", steps, a.Target, a.Facts["gap"], total(a.Map)-want)
			}
		}
	}
}

func TestMoreStepsCloseTheGap(t *testing.T) {
	gap := func(steps int) float64 {
		e := explain.IntegratedGradients{Model: &fake{function: newNet(3)}, Steps: steps}
		return math.Abs(must(t, e, photos(1), 1)[0].Facts["gap"])
	}
	if few, many := gap(2), gap(64); many > few/10 {
		t.Errorf("the gap is %v with 2 steps, %v with 64", few, many)
	}
}

// A quadratic model's integral is exact with a single step, its integrand being
// linear: by hand, (x-x') times the gradient at the middle.
func TestIntegratedGradientsByHand(t *testing.T) {
	images := photos(1)
	bottom := make([]float64, len(images.Pixels))
	a := must(t, explain.IntegratedGradients{Model: &fake{function: bowl(bottom)}, Steps: 1}, images, 0)[0]
	for i := range a.Map.Values {
		want := 0.0
		for _, x := range images.Pixels[3*i : 3*i+3] {
			want -= float64(x) * float64(x)
		}
		if !near(float64(a.Map.Values[i]), want, 1e-6) {
			t.Fatalf("position %d is %v, want -|x|^2 = %v", i, a.Map.Values[i], want)
		}
	}
}

func TestWhereImageIsBaselineNothingIsAttributed(t *testing.T) {
	images := photos(1)
	copy(images.Pixels[30:33], []float32{7, 8, 9})
	e := explain.IntegratedGradients{Model: &fake{function: newNet(3)}, Baseline: explain.Picture(7, 8, 9)}
	if got := must(t, e, images, 0)[0].Map.Values[10]; got != 0 {
		t.Errorf("the pixel that equals the baseline has %v", got)
	}
}
