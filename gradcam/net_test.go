package gradcam_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"oscar/explain"
)

// net is a small network in plain Go: convolutions and ReLUs by name, then
// flattening and one dense layer. It reckons in float64, index by index. The
// oracle's network is one, see oracles/cam/make.py.
type net struct {
	Layers []layer   `json:"layers"`
	Dense  []float64 `json:"dense"` // [inputs,classes], the inputs in the order height, width, channel
	Bias   []float64 `json:"bias"`
}

// layer is a convolution without padding, or a ReLU if it has no size.
type layer struct {
	Name    string    `json:"name"`
	Size    int       `json:"size"`
	Stride  int       `json:"stride"`
	Weights []float64 `json:"weights"` // [size,size,in,out]
	Bias    []float64 `json:"bias"`
}

type tensor struct {
	height, width, channels int
	values                  []float64
}

func newTensor(height, width, channels int) tensor {
	return tensor{height, width, channels, make([]float64, height*width*channels)}
}

func (t tensor) at(i, j, k int) *float64 { return &t.values[(i*t.width+j)*t.channels+k] }

// each calls f for every product of the convolution of x: out += weight * in.
func (l layer) each(x, y tensor, f func(out, in *float64, weight float64)) {
	for i := range y.height {
		for j := range y.width {
			for o := range y.channels {
				for a := range l.Size {
					for b := range l.Size {
						for c := range x.channels {
							f(y.at(i, j, o), x.at(i*l.Stride+a, j*l.Stride+b, c), l.Weights[((a*l.Size+b)*x.channels+c)*y.channels+o])
						}
					}
				}
			}
		}
	}
}

func (l layer) forward(x tensor) tensor {
	if l.Size == 0 {
		y := newTensor(x.height, x.width, x.channels)
		for i, v := range x.values {
			y.values[i] = max(v, 0)
		}
		return y
	}
	y := newTensor((x.height-l.Size)/l.Stride+1, (x.width-l.Size)/l.Stride+1, len(l.Bias))
	for i := range y.values {
		y.values[i] = l.Bias[i%len(l.Bias)]
	}
	l.each(x, y, func(out, in *float64, weight float64) { *out += weight * *in })
	return y
}

// backward takes the gradients dy of the layer's output to those of its input x.
func (l layer) backward(x, dy tensor) tensor {
	dx := newTensor(x.height, x.width, x.channels)
	if l.Size == 0 {
		for i, v := range x.values {
			if v > 0 {
				dx.values[i] = dy.values[i]
			}
		}
		return dx
	}
	l.each(dx, dy, func(out, in *float64, weight float64) { *in += weight * *out })
	return dx
}

// dense returns logits and probabilities.
func (n *net) dense(x tensor) (logits, probabilities []float64) {
	classes := len(n.Bias)
	logits, probabilities = make([]float64, classes), make([]float64, classes)
	total := 0.0
	for c := range classes {
		logits[c] = n.Bias[c]
		for i, v := range x.values {
			logits[c] += v * n.Dense[i*classes+c]
		}
		probabilities[c] = math.Exp(logits[c])
		total += probabilities[c]
	}
	for c := range classes {
		probabilities[c] /= total
	}
	return logits, probabilities
}

// index is a layer's number.
func (n *net) index(name string) (int, error) {
	for i, l := range n.Layers {
		if l.Name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no layer %q", name)
}

// image is one picture of a batch; the network's weights are for 0..1.
func image(images explain.Images, n int) tensor {
	x := newTensor(images.Height, images.Width, images.Channels)
	for i := range x.values {
		x.values[i] = float64(images.Pixels[n*len(x.values)+i]) / 255
	}
	return x
}

func (n *net) Differentiate(_ context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	var d explain.Differential
	at, err := n.index(layer)
	if err != nil {
		return d, err
	}
	for i, target := range targets {
		x := []tensor{image(images, i)}
		for _, l := range n.Layers {
			x = append(x, l.forward(x[len(x)-1]))
		}
		last := x[len(x)-1]
		logits, probabilities := n.dense(last)
		if target == explain.Predicted {
			target = 0
			for c := range logits {
				if logits[c] > logits[target] {
					target = c
				}
			}
		}
		value, toLogits := logits[target], make([]float64, len(logits))
		toLogits[target] = 1
		if score == explain.Probability {
			value = probabilities[target]
			for c, p := range probabilities {
				toLogits[c] = value * (toLogits[c] - p)
			}
		}
		g := newTensor(last.height, last.width, last.channels)
		for j := range g.values {
			for c, d := range toLogits {
				g.values[j] += d * n.Dense[j*len(logits)+c]
			}
		}
		for l := len(n.Layers) - 1; l > at; l-- {
			g = n.Layers[l].backward(x[l], g)
		}
		d.Targets = append(d.Targets, target)
		d.Scores = append(d.Scores, float32(value))
		d.Logits = append(d.Logits, float32s(logits))
		d.Probabilities = append(d.Probabilities, float32s(probabilities))
		d.Activations = append(d.Activations, x[at+1].volume())
		d.Gradients = append(d.Gradients, g.volume())
	}
	return d, nil
}

func (n *net) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	var p explain.Prediction
	for i := range images.N {
		n.predict(&p, image(images, i), n.Layers)
	}
	return p, nil
}

func (n *net) PredictFrom(_ context.Context, _ explain.Images, layer string, activations []explain.Volume) (explain.Prediction, error) {
	var p explain.Prediction
	at, err := n.index(layer)
	if err != nil {
		return p, err
	}
	for _, a := range activations {
		x := newTensor(a.Height, a.Width, a.Channels)
		for i, v := range a.Values {
			x.values[i] = float64(v)
		}
		n.predict(&p, x, n.Layers[at+1:])
	}
	return p, nil
}

func (n *net) predict(p *explain.Prediction, x tensor, layers []layer) {
	for _, l := range layers {
		x = l.forward(x)
	}
	logits, probabilities := n.dense(x)
	p.Logits = append(p.Logits, float32s(logits))
	p.Probabilities = append(p.Probabilities, float32s(probabilities))
}

func (t tensor) volume() explain.Volume {
	return explain.Volume{Height: t.height, Width: t.width, Channels: t.channels, Values: float32s(t.values)}
}

func float32s(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// newNet is a network with random weights for images of 9x7 and three classes.
// conv1, whose values have both signs, is 7x5x4; relu2 is 5x3x6.
func newNet(seed uint64) *net {
	r := rand.New(rand.NewPCG(seed, 0))
	normal := func(n int, sigma float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = sigma * r.NormFloat64()
		}
		return out
	}
	return &net{
		Layers: []layer{
			{Name: "conv1", Size: 3, Stride: 1, Weights: normal(3*3*3*4, 0.4), Bias: normal(4, 0.4)},
			{Name: "relu1"},
			{Name: "conv2", Size: 3, Stride: 1, Weights: normal(3*3*4*6, 0.4), Bias: normal(6, 0.4)},
			{Name: "relu2"},
		},
		Dense: normal(5*3*6*3, 0.3),
		Bias:  normal(3, 1),
	}
}
