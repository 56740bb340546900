package score_test

import (
	"context"
	"math"
	"math/rand/v2"

	"oscar/explain"
	"oscar/score"
)

// linear is a model of one class: its logit and probability are the weighted
// sum of the pixels over 255.
type linear []float64

func (m linear) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	var p explain.Prediction
	for i := range images.N {
		sum := 0.0
		for k, w := range m {
			sum += w * float64(images.Pixels[i*len(m)+k]) / 255
		}
		p.Logits = append(p.Logits, []float32{float32(sum)})
		p.Probabilities = append(p.Probabilities, []float32{float32(sum)})
	}
	return p, nil
}

// The watcher's images, and the region it looks at.
const (
	height, width = 32, 24
	top, left     = 6, 3
	side          = 8
)

func inRegion(p int) bool {
	y, x := p/width, p%width
	return y >= top && y < top+side && x >= left && x < left+side
}

// watcher is a model of two classes: class 1 is the brighter, the brighter one
// region is and, a little, the darker the rest. It keeps the sizes of its
// batches.
type watcher struct{ batches []int }

func (m *watcher) Predict(ctx context.Context, images explain.Images) (explain.Prediction, error) {
	m.batches = append(m.batches, images.N)
	var p explain.Prediction
	for i := range images.N {
		in, out := 0.0, 0.0
		for k, v := range images.Pixels[i*height*width*3 : (i+1)*height*width*3] {
			if inRegion(k / 3) {
				in += float64(v)
			} else {
				out += float64(v)
			}
		}
		in /= side * side * 3 * 255
		out /= (height*width - side*side) * 3 * 255
		logit := 8*in - 2*out - 4
		p.Logits = append(p.Logits, []float32{0, float32(logit)})
		one := 1 / (1 + math.Exp(-logit))
		p.Probabilities = append(p.Probabilities, []float32{float32(1 - one), float32(one)})
	}
	return p, nil
}

// scenes are noisy dark images, bright in the region.
func scenes(n int) explain.Images {
	r := rand.New(rand.NewPCG(1, 2))
	m := explain.Images{N: n, Height: height, Width: width, Channels: 3, Pixels: make([]float32, n*height*width*3)}
	for i := range m.Pixels {
		m.Pixels[i] = float32(20 + r.IntN(40))
		if inRegion(i / 3 % (height * width)) {
			m.Pixels[i] += 170
		}
	}
	return m
}

// one is image i of a batch, in memory of its own.
func one(m explain.Images, i int) explain.Images {
	size := m.Height * m.Width * m.Channels
	m.Pixels = append([]float32(nil), m.Pixels[i*size:(i+1)*size]...)
	m.N = 1
	return m
}

// fixed explains everything by one map.
type fixed struct{ grid explain.Grid }

func (f fixed) Explain(_ context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	list := make([]explain.Attribution, images.N)
	for i := range list {
		list[i] = explain.Attribution{Target: targets[i], Map: f.grid}
	}
	return list, nil
}

// mapped is a map of the watcher's images: one value in the region, one
// without.
func mapped(in, out float32) explain.Grid {
	g := explain.NewGrid(height, width)
	for p := range g.Values {
		g.Values[p] = out
		if inRegion(p) {
			g.Values[p] = in
		}
	}
	return g
}

// row is a map of one row.
func row(values ...float32) explain.Grid {
	return explain.Grid{Height: 1, Width: len(values), Values: values}
}

// rows is images of one row and one channel, with their maps; the class is 0.
func rows(model explain.Predictor, image []float32, maps ...explain.Grid) score.Sample {
	s := score.Sample{Model: model, Maps: maps}
	s.Images = explain.Images{N: len(maps), Height: 1, Width: len(image), Channels: 1}
	for range maps {
		s.Images.Pixels = append(s.Images.Pixels, image...)
		s.Targets = append(s.Targets, 0)
	}
	return s
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// settings are small, so that tests are quick.
var settings = score.Settings{
	ROAD:       score.ROAD{Shares: []float64{0.1, 0.5}},
	Infidelity: score.Infidelity{Samples: 24},
	Pointing:   score.Pointing{Tolerance: 1},
}
