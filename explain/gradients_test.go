package explain_test

import (
	"math"
	"slices"
	"testing"

	"oscar/explain"
)

// The fake's gradients themselves, against differences.
func TestFakeGradients(t *testing.T) {
	for name, f := range map[string]function{"linear": newLinear(3), "net": newNet(3)} {
		x := image64(photos(1), 0)
		gradient := f.pull(x, []float64{1, -2, 3})
		value := func() float64 {
			l := f.logits(x)
			return l[0] - 2*l[1] + 3*l[2]
		}
		for i := 0; i < len(x); i += 7 {
			const step = 1e-4
			was := x[i]
			x[i] = was + step
			above := value()
			x[i] = was - step
			below := value()
			x[i] = was
			if want := (above - below) / (2 * step); math.Abs(gradient[i]-want) > 1e-6 {
				t.Fatalf("%s: gradient %d is %v, by differences %v", name, i, gradient[i], want)
			}
		}
	}
}

// two are the gradients of a hand-made model: a pixel has [3,-4,1], the next
// [-1,0,0.5], all others nothing.
func two() linear {
	l := linear{weights: [][]float64{make([]float64, high*wide*3)}}
	copy(l.weights[0], []float64{3, -4, 1, -1, 0, 0.5})
	return l
}

func TestSaliencyByHand(t *testing.T) {
	a := must(t, explain.Saliency{Model: &fake{function: two()}}, photos(1), 0)[0]
	if got := a.Map.Values[:3]; !slices.Equal(got, []float32{4, 1, 0}) {
		t.Errorf("the saliency is %v, want [4 1 0]", got)
	}
}

func TestGradientTimesInputByHand(t *testing.T) {
	images := photos(1)
	copy(images.Pixels, []float32{1, 2, 3, 10, 20, 30})
	a := must(t, explain.GradientTimesInput{Model: &fake{function: two()}}, images, 0)[0]
	if got := a.Map.Values[:3]; !slices.Equal(got, []float32{-2, 5, 0}) {
		t.Errorf("the map is %v, want [-2 5 0]", got)
	}
}

func TestGradientTimesInputSumsToTheScore(t *testing.T) {
	for _, a := range must(t, explain.GradientTimesInput{Model: &fake{function: newLinear(3)}}, photos(3), 0, 1, 2) {
		identity(t, "gradient-x-input", "the score of a linear model", "sum of the map", []float64{total(a.Map)}, []float64{float64(a.Score)}, 1e-5)
	}
}

func TestSmoothGradOfOneSilentSampleIsSaliency(t *testing.T) {
	model := &fake{function: newNet(3)}
	smooth := must(t, explain.SmoothGrad{Model: model, Samples: 1, Sigma: -1}, photos(1), 1)[0]
	plain := must(t, explain.Saliency{Model: model}, photos(1), 1)[0]
	if smooth.Facts["sigma"] != 0 {
		t.Errorf("without noise sigma is %v", smooth.Facts["sigma"])
	}
	identity(t, "smoothgrad", "the saliency", "map of one sample without noise", smooth.Map.Values, plain.Map.Values, 0)
}

// The gradients' signs cancel before they are made absolute: of a model whose
// slope changes sign about the image, SmoothGrad sees little.
func TestSmoothGradAveragesSignedGradients(t *testing.T) {
	images := photos(1)
	a := must(t, explain.SmoothGrad{Model: &fake{function: bowl(image64(images, 0))}, Samples: 400}, images, 0)[0]
	// The gradient is -2 noise; its mean over 400 has sigma/10, its mean absolute
	// value 1.6 sigma.
	if got, sigma := total(a.Map)/float64(len(a.Map.Values)), a.Facts["sigma"]; got < 0.05*sigma || got > 0.3*sigma {
		t.Errorf("the mean is %v at sigma %v: want what is left of signed noise, not of absolute", got, sigma)
	}
}

// bowl is -|x - bottom|^2.
type bowl []float64

func (b bowl) logits(x []float64) []float64 {
	sum := 0.0
	for i, v := range x {
		sum -= (v - b[i]) * (v - b[i])
	}
	return []float64{sum}
}

func (b bowl) pull(x, byLogits []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = -2 * (v - b[i]) * byLogits[0]
	}
	return out
}

func TestSmoothGradSigmaIsAShareOfTheRange(t *testing.T) {
	images := photos(1)
	span := float64(slices.Max(images.Pixels) - slices.Min(images.Pixels))
	for share, want := range map[float64]float64{0: 0.15 * span, 0.3: 0.3 * span, -1: 0} {
		a := must(t, explain.SmoothGrad{Model: &fake{function: two()}, Samples: 2, Sigma: share}, images, 0)[0]
		if !near(a.Facts["sigma"], want, 1e-12) {
			t.Errorf("sigma is %v, want %v", a.Facts["sigma"], want)
		}
	}
}

func TestNoiseIsStandardNormalAndOfTheImage(t *testing.T) {
	images := photos(2)
	var sum, squares, n float64
	for sample := range 20 {
		for _, v := range explain.Noise(1, only(images, 0), sample) {
			sum, squares, n = sum+v, squares+v*v, n+1
		}
	}
	if mean, variance := sum/n, squares/n; math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(variance-1) > 6/math.Sqrt(n) {
		t.Errorf("mean %v, variance %v", mean, variance)
	}
	first := explain.Noise(1, only(images, 0), 0)
	for what, other := range map[string][]float64{
		"another sample": explain.Noise(1, only(images, 0), 1),
		"another seed":   explain.Noise(2, only(images, 0), 0),
		"another image":  explain.Noise(1, only(images, 1), 0),
	} {
		if slices.Equal(first, other) {
			t.Errorf("%s has the same noise", what)
		}
	}
	// One pixel's last bit makes another image; so does the shape.
	close, tall := only(photos(1), 0), only(photos(1), 0)
	last := len(close.Pixels) - 1
	close.Pixels[last] = math.Nextafter32(close.Pixels[last], 1000)
	tall.Height, tall.Width = wide, high
	for what, other := range map[string]explain.Images{"a bit": close, "the shape": tall} {
		if slices.Equal(first, explain.Noise(1, other, 0)) {
			t.Errorf("%s does not matter", what)
		}
	}
}
