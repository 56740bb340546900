package explain_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"oscar/explain"
)

// tiles cuts an image into squares.
func tiles(side int) func(explain.Images) explain.Segmentation {
	return func(image explain.Images) explain.Segmentation {
		columns := (image.Width + side - 1) / side
		s := explain.Segmentation{Height: image.Height, Width: image.Width, Labels: make([]int, image.Height*image.Width)}
		for i := range s.Labels {
			s.Labels[i] = i/image.Width/side*columns + i%image.Width/side
			s.Count = max(s.Count, s.Labels[i]+1)
		}
		return s
	}
}

// Of a linear model, what a superpixel adds to the score is known.
func TestLIMERecoversALinearModel(t *testing.T) {
	l := newLinear(2)
	l.bias = []float64{0.5, -0.5}
	images := photos(1)
	segmentation := tiles(5)(images)
	a := must(t, explain.LIME{
		Model: &fake{function: l}, Score: explain.Logit, Segment: tiles(5), Samples: 200, Alpha: 1e-9,
	}, images, 0)[0]

	means := make([]float64, 3*segmentation.Count)
	sizes := make([]float64, segmentation.Count)
	for i, label := range segmentation.Labels {
		sizes[label]++
		for c := range 3 {
			means[3*label+c] += float64(images.Pixels[3*i+c])
		}
	}
	want := make([]float64, segmentation.Count)
	for i, label := range segmentation.Labels {
		for c := range 3 {
			want[label] += l.weights[0][3*i+c] * (float64(images.Pixels[3*i+c]) - means[3*label+c]/sizes[label])
		}
	}
	sum := a.Facts["intercept"]
	var wanted []float64
	for _, label := range segmentation.Labels {
		wanted = append(wanted, want[label])
	}
	identity(t, "lime", "the weights of a linear model", "map, 200 samples, alpha 1e-9", a.Map.Values, wanted, 1e-5)
	for _, w := range want {
		sum += w
	}
	if math.Abs(sum-float64(a.Score)) > 1e-5 || math.Abs(a.Facts["r2"]-1) > 1e-6 || a.Facts["superpixels"] != float64(segmentation.Count) {
		t.Errorf("all superpixels give %v, the score is %v; facts %v", sum, a.Score, a.Facts)
	}
}

func TestLIMEOfOneColorIsEmpty(t *testing.T) {
	images := photos(1)
	for i := range images.Pixels {
		images.Pixels[i] = 90
	}
	a := must(t, explain.LIME{Model: &fake{function: newNet(3)}, Samples: 50}, images, 0)[0]
	if a.Status != explain.Empty || a.Facts["r2"] != 1 {
		t.Errorf("status %s, facts %v: no superpixel can be hidden, so none matters", a.Status, a.Facts)
	}
}

func TestCoinsAreFair(t *testing.T) {
	const samples, superpixels = 500, 50
	heads := 0
	for sample := range samples {
		for _, on := range explain.Coins(1, photos(1), sample, superpixels) {
			if on {
				heads++
			}
		}
	}
	if share := float64(heads) / samples / superpixels; math.Abs(share-0.5) > 0.01 {
		t.Errorf("a share of %v is shown", share)
	}
}

// The fit is where its own equations hold: the derivative of what it minimizes
// is zero, by each coefficient and by the intercept.
func TestRidgeIsAtTheMinimum(t *testing.T) {
	const n, features, alpha = 40, 6, 0.7
	r := rand.New(rand.NewPCG(1, 2))
	rows, y, w := make([][]bool, n), make([]float64, n), make([]float64, n)
	for i := range rows {
		rows[i] = make([]bool, features)
		for j := range rows[i] {
			rows[i][j] = r.IntN(2) == 1
		}
		y[i], w[i] = 1000+r.NormFloat64(), r.Float64()
	}
	b, intercept, _ := explain.Ridge(rows, y, w, alpha)
	byCoefficient := make([]float64, features)
	for j := range byCoefficient {
		byCoefficient[j] = alpha * b[j]
	}
	byIntercept := 0.0
	for i, row := range rows {
		residual := y[i] - intercept
		for j, on := range row {
			if on {
				residual -= b[j]
			}
		}
		byIntercept -= w[i] * residual
		for j, on := range row {
			if on {
				byCoefficient[j] -= w[i] * residual
			}
		}
	}
	for j, d := range append(byCoefficient, byIntercept) {
		if math.Abs(d) > 1e-9 {
			t.Errorf("derivative %d is %v, want 0", j, d)
		}
	}
}
