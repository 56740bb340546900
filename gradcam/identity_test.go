package gradcam_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
)

// Behind relu2 there are only the flattening and the dense layer: the map of
// HiResCAM adds up to the logit less its bias.
func TestHiResCAMAddsUpToTheLogit(t *testing.T) {
	model, pictures := newNet(7), photos(rand.New(rand.NewPCG(7, 8)), 3, 9, 7)
	for i, a := range explainAll(t, model, "relu2", explain.Logit, pictures, []int{0, 1, 2}, lookup(t, "hirescam")) {
		total := 0.0
		for _, v := range a.Map.Values {
			total += float64(v)
		}
		want := float64(a.Score) - model.Bias[i]
		agreement.Check(t, agreement.Line{
			Group: agreement.Identities, Subject: "hirescam", Model: "hand-made", Oracle: "the logit less its bias",
			Compared: "sum of the map before flattening and one dense layer", Difference: math.Abs(total-want) / math.Abs(want), Of: "the logit", Bound: 1e-5,
		})
	}
}

// Of the same network, taking channel k out takes sum_ij g A_k off the logit:
// Ablation-CAM's weight is XGrad-CAM's times sum_ij A_k / |y|.
func TestAblationCAMOfALinearHead(t *testing.T) {
	model, picture := newNet(7), photos(rand.New(rand.NewPCG(7, 8)), 1, 9, 7)
	d, err := model.Differentiate(t.Context(), picture, []int{1}, "relu2", explain.Logit)
	if err != nil {
		t.Fatal(err)
	}
	a, g := d.Activations[0], d.Gradients[0]
	want := weighted(a, func(k int) float64 {
		return over(a, func(i, j int) float64 { return at(g, i, j, k) * at(a, i, j, k) }) / math.Abs(float64(d.Scores[0]))
	})
	got := explainAll(t, model, "relu2", explain.Logit, picture, []int{1}, lookup(t, "ablationcam"))[0]
	agreement.Check(t, agreement.Line{
		Group: agreement.Identities, Subject: "ablationcam", Model: "hand-made", Oracle: "what each channel adds to the logit",
		Compared: "map before flattening and one dense layer", Difference: agreement.Apart(got.Map.Values, want), Of: "its largest value", Bound: 1e-5,
	})
}

// Where each channel's gradients are the same at all positions, Grad-CAM,
// HiResCAM and XGrad-CAM are one.
func TestConstantGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	a, g := noise(r, 5, 4, 6), noise(r, 5, 4, 6)
	for i := range a.Values {
		a.Values[i] = max(a.Values[i], 0)
		g.Values[i] = g.Values[i%6]
	}
	want := float64s(gradcam.GradCAM(a, g))
	for name, method := range map[string]gradcam.CAM{"hirescam": gradcam.HiResCAM, "xgradcam": gradcam.XGradCAM} {
		agreement.Check(t, agreement.Line{
			Group: agreement.Identities, Subject: name, Model: "hand-made", Oracle: "Grad-CAM's map",
			Compared: "map, gradients the same at all positions", Difference: agreement.Apart(method(a, g).Values, want), Of: "its largest value", Bound: 1e-6,
		})
	}
}

// Where no gradient is negative, LayerCAM is HiResCAM.
func TestPositiveGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	a, g := noise(r, 5, 4, 6), noise(r, 5, 4, 6)
	for i := range g.Values {
		g.Values[i] = max(g.Values[i], 0)
	}
	if got, want := gradcam.LayerCAM(a, g), gradcam.HiResCAM(a, g); !slices.Equal(got.Values, want.Values) {
		t.Errorf("LayerCAM %v, HiResCAM %v", got.Values, want.Values)
	}
}

// Eigen-CAM's map is O v_1: as long as the singular value, orthogonal to the
// constant map, and an eigenvector of O O^T. Both ways to it, by the smaller of
// O^T O and O O^T, are taken.
func TestEigenCAMIsASingularVector(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, a := range []explain.Volume{noise(r, 5, 6, 4), noise(r, 3, 2, 40)} {
		for k := range a.Channels { // centered
			mean := over(a, func(i, j int) float64 { return at(a, i, j, k) }) / float64(a.Height*a.Width)
			for i := k; i < len(a.Values); i += a.Channels {
				a.Values[i] -= float32(mean)
			}
		}
		l := float64s(gradcam.EigenCAM(a, explain.Volume{}))
		length, total := 0.0, 0.0
		for _, v := range l {
			length += v * v
			total += v
		}
		if math.Abs(total) > 1e-5 {
			t.Errorf("the map adds up to %v, want 0", total)
		}
		back := make([]float64, a.Channels) // O^T L
		for k := range back {
			back[k] = over(a, func(i, j int) float64 { return at(a, i, j, k) * l[i*a.Width+j] })
		}
		again := explain.NewGrid(a.Height, a.Width) // O O^T L = s_1^2 L = |L|^2 L
		for p, v := range weighted(a, func(k int) float64 { return back[k] }) {
			again.Values[p] = float32(v / length)
		}
		if !near(again, l, 1e-5) {
			t.Errorf("[%d,%d,%d]: %v is no singular vector", a.Height, a.Width, a.Channels, l)
		}
	}
}

func float64s(g explain.Grid) []float64 {
	out := make([]float64, len(g.Values))
	for i, v := range g.Values {
		out[i] = float64(v)
	}
	return out
}
