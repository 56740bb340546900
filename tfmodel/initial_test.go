package tfmodel

import (
	"math"
	"slices"
	"strings"
	"testing"

	"oscar/internal/graph"
)

func TestInitialWeights(t *testing.T) {
	a := Tiny(6)
	// Keras's fans: those of a convolution count its window.
	limits := map[string]float64{
		"conv1/kernel": math.Sqrt(6.0 / (5*5*3 + 5*5*8)),
		"conv5/kernel": math.Sqrt(6.0 / (3*3*8 + 3*3*12)),
		"fc1/kernel":   math.Sqrt(6.0 / (432 + 16)),
		"fc3/kernel":   math.Sqrt(6.0 / (16 + 6)),
	}
	constants := map[string]float32{"bias": 0, "gamma": 1, "beta": 0, "moving_mean": 0, "moving_variance": 1}
	for name, values := range weights(t, newTrainer(t, a, 1)) {
		_, role, _ := strings.Cut(name, "/")
		if want, ok := constants[role]; ok {
			if slices.ContainsFunc(values, func(v float32) bool { return v != want }) {
				t.Errorf("%s does not begin as %g everywhere", name, want)
			}
			continue
		}
		checkUniform(t, name, values, limits[name])
	}
}

// checkUniform checks that values fill -limit..limit evenly.
func checkUniform(t *testing.T, name string, values []float32, limit float64) {
	t.Helper()
	var sum, squares float64
	var quarters [4]int
	n := float64(len(values))
	for _, v := range values {
		x := float64(v) / limit
		if math.Abs(x) > 1+1e-6 {
			t.Errorf("%s begins with %g, beyond +-%g", name, v, limit)
			return
		}
		sum += x
		squares += x * x
		quarters[min(int(2*(x+1)), 3)]++
	}
	// Five standard deviations of a uniform distribution's mean, mean square
	// and count in a quarter.
	if mean := sum / n; math.Abs(mean) > 5*math.Sqrt(1/(3*n)) {
		t.Errorf("%s: mean %g of the limit, want 0", name, mean)
	}
	if square := squares / n; math.Abs(square-1.0/3) > 5*math.Sqrt(4/(45*n)) {
		t.Errorf("%s: mean square %g of the limit's, want 1/3", name, square)
	}
	for i, count := range quarters {
		if math.Abs(float64(count)-n/4) > 5*math.Sqrt(n*3/16) {
			t.Errorf("%s: %d of %.0f in quarter %d, want %.0f", name, count, n, i, n/4)
		}
	}
}

// He's initializer fills +-2 deviations of a normal distribution, whose variance
// after that is 2 / fan_in.
func TestHeNormal(t *testing.T) {
	a := Architecture{Name: "he", Input: Shape{4, 4, 3}, Layers: []Named{
		{"conv", &Conv2D{Filters: 64, Kernel: 3, Stride: 1, Padding: Same, Initializer: HeNormal}},
		{"flatten", &Flatten{}},
		{"fc", &Dense{Units: 40, Initializer: HeNormal}},
	}}
	for name, values := range weights(t, newTrainer(t, a, 1)) {
		in := map[string]float64{"conv/kernel": 3 * 3 * 3, "fc/kernel": 4 * 4 * 64}[name]
		if in == 0 {
			continue
		}
		deviation := math.Sqrt(2 / in)
		limit := 2 * deviation / 0.8796256610342398 // a normal distribution cut off at 2 has a deviation of 0.88
		var sum, squares, most float64
		for _, v := range values {
			x := float64(v)
			sum, squares, most = sum+x, squares+x*x, max(most, math.Abs(x))
		}
		// Five standard deviations of the mean and of the mean square; the fourth
		// moment of the cut-off distribution is 2.36 of its squared variance.
		n := float64(len(values))
		if mean := sum / n; math.Abs(mean) > 5*deviation/math.Sqrt(n) {
			t.Errorf("%s: mean %g", name, mean)
		}
		if square := squares / n / (deviation * deviation); math.Abs(square-1) > 5*math.Sqrt(1.36/n) {
			t.Errorf("%s: variance %g of what it should be", name, square)
		}
		if most > limit*(1+1e-6) || most < 0.95*limit {
			t.Errorf("%s: goes up to %g, want nearly %g", name, most, limit)
		}
	}
}

// Each variable's values are a function of seed and name, so that an ablation
// differs from its baseline by what was edited and not by the draw as well.
func TestEditingReseedsNoOtherLayer(t *testing.T) {
	base := Tiny(6)
	edited, err := base.InsertBefore("conv5", Named{"conv0", &Conv2D{Filters: 8, Kernel: 3, Stride: 1, Padding: Same}}, Named{"bn0", &BatchNormalization{}})
	if err != nil {
		t.Fatal(err)
	}
	if edited, err = edited.Without("dropout"); err != nil {
		t.Fatal(err)
	}
	before, after := weights(t, newTrainer(t, base, 1)), weights(t, newTrainer(t, edited, 1))
	if len(after) != len(before)+6 {
		t.Errorf("%d variables, want 6 more than %d", len(after), len(before))
	}
	for name, want := range before {
		if !slices.Equal(after[name], want) {
			t.Errorf("%s begins otherwise", name)
		}
	}
	other := weights(t, newTrainer(t, base, 2))
	for name, values := range before {
		if strings.HasSuffix(name, "/kernel") && slices.Equal(other[name], values) {
			t.Errorf("%s begins alike with another seed", name)
		}
	}
	// Two layers of one shape differ, too.
	twins, err := base.InsertAfter("relu_fc1", Named{"fc2", &Dense{Units: 16}}, Named{"fc2b", &Dense{Units: 16}})
	if err != nil {
		t.Fatal(err)
	}
	values := weights(t, newTrainer(t, twins, 1))
	if slices.Equal(values["fc2/kernel"], values["fc2b/kernel"]) {
		t.Error("fc2 and fc2b begin alike")
	}
}

func TestUnknownInitializer(t *testing.T) {
	g := graph.New()
	initial(g.In("odd/kernel"), Param{Role: "kernel", Shape: []int{2}, Init: "lecun_normal"}, 1, "odd/kernel")
	wantError(t, "lecun_normal", g.Err(), `odd/kernel: no initializer "lecun_normal"`)
}

func TestLayerThatAsksForWhatItDidNotDeclare(t *testing.T) {
	g := graph.New()
	b := &Builder{Graph: g, layer: "odd", vars: &variables{}}
	if b.Param("kernel").Valid() {
		t.Error("there is a kernel")
	}
	wantError(t, "a kernel", g.Err(), `"odd/kernel"`, "did not declare")
}
