package explain_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"oscar/explain"
)

// A function gives the logits of one image, and pulls a gradient by the logits
// back to one by the pixels.
type function interface {
	logits(pixels []float64) []float64
	pull(pixels, byLogits []float64) []float64
}

// fake is a model that computes a function in float64, with exact gradients. It
// notes how it was asked.
type fake struct {
	function
	blind bool // it has no gradients
	deaf  bool // it has nothing else

	batches []int
	buffers map[*float32]bool // where the images that it was shown lie
}

func (f *fake) note(images explain.Images) error {
	if len(images.Pixels) != images.N*images.Height*images.Width*images.Channels {
		return fmt.Errorf("%d pixels for %d images", len(images.Pixels), images.N)
	}
	f.batches = append(f.batches, images.N)
	if f.buffers == nil {
		f.buffers = map[*float32]bool{}
	}
	f.buffers[&images.Pixels[0]] = true
	return nil
}

// seen is how many images the model was shown.
func (f *fake) seen() (sum int) {
	for _, n := range f.batches {
		sum += n
	}
	return sum
}

func (f *fake) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	if f.deaf {
		return explain.Prediction{}, errors.New("a white box was asked as a black one")
	}
	if err := f.note(images); err != nil {
		return explain.Prediction{}, err
	}
	var p explain.Prediction
	for i := range images.N {
		logits := f.logits(image64(images, i))
		p.Logits = append(p.Logits, narrow(logits))
		p.Probabilities = append(p.Probabilities, narrow(softmax(logits)))
	}
	return p, nil
}

func (f *fake) Differentiate(_ context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	var d explain.Differential
	if f.blind || layer != explain.Image {
		return d, fmt.Errorf("no gradients of layer %q", layer)
	}
	if err := f.note(images); err != nil {
		return d, err
	}
	for i := range images.N {
		x := image64(images, i)
		logits := f.logits(x)
		p := softmax(logits)
		target := targets[i]
		if target == explain.Predicted {
			target = slices.Index(logits, slices.Max(logits))
			target = max(target, 0) // all NaN
		}
		if target < 0 || target >= len(logits) {
			return d, fmt.Errorf("target class %d", target)
		}
		value, byLogits := logits[target], make([]float64, len(logits))
		byLogits[target] = 1
		if score == explain.Probability {
			value = p[target]
			for k := range byLogits {
				byLogits[k] = p[target] * (byLogits[k] - p[k])
			}
		}
		d.Logits = append(d.Logits, narrow(logits))
		d.Probabilities = append(d.Probabilities, narrow(p))
		d.Targets = append(d.Targets, target)
		d.Scores = append(d.Scores, float32(value))
		d.Activations = append(d.Activations, explain.Volume{})
		d.Gradients = append(d.Gradients, explain.Volume{
			Height: images.Height, Width: images.Width, Channels: images.Channels,
			Values: narrow(f.pull(x, byLogits)),
		})
	}
	return d, nil
}

// linear is bias + weights pixels, a row of weights a class.
type linear struct {
	weights [][]float64
	bias    []float64 // nil is none
}

func (l linear) logits(x []float64) []float64 {
	out := make([]float64, len(l.weights))
	for k, row := range l.weights {
		if l.bias != nil {
			out[k] = l.bias[k]
		}
		for i, w := range row {
			out[k] += w * x[i]
		}
	}
	return out
}

func (l linear) pull(x, byLogits []float64) []float64 {
	out := make([]float64, len(x))
	for k, row := range l.weights {
		for i, w := range row {
			out[i] += byLogits[k] * w
		}
	}
	return out
}

// net is pixels/255, convolutions each with a ReLU, the mean over the
// positions, and a dense layer.
type net struct {
	height, width int
	convs         []conv
	dense         linear
}

// conv is a convolution without padding: a kernel [size,size,in,out].
type conv struct {
	size, stride, in, out int
	kernel, bias          []float64
}

// each calls f for every product of the convolution: the places of input,
// kernel and output.
func (c conv) each(height, width int, f func(in, kernel, out int)) {
	outHeight, outWidth := c.shape(height, width)
	for y := range outHeight {
		for x := range outWidth {
			for v := range c.size {
				for u := range c.size {
					for i := range c.in {
						for o := range c.out {
							f(((y*c.stride+v)*width+x*c.stride+u)*c.in+i,
								((v*c.size+u)*c.in+i)*c.out+o,
								(y*outWidth+x)*c.out+o)
						}
					}
				}
			}
		}
	}
}

func (c conv) shape(height, width int) (int, int) {
	return (height-c.size)/c.stride + 1, (width-c.size)/c.stride + 1
}

// layers are the activations, from the scaled image to the means.
func (n net) layers(x []float64) [][]float64 {
	scaled := make([]float64, len(x))
	for i, v := range x {
		scaled[i] = v / 255
	}
	all := [][]float64{scaled}
	height, width := n.height, n.width
	for _, c := range n.convs {
		in := all[len(all)-1]
		outHeight, outWidth := c.shape(height, width)
		out := make([]float64, outHeight*outWidth*c.out)
		for i := range out {
			out[i] = c.bias[i%c.out]
		}
		c.each(height, width, func(i, k, o int) { out[o] += in[i] * c.kernel[k] })
		for i, v := range out {
			if v <= 0 { // a NaN stays
				out[i] = 0
			}
		}
		all = append(all, out)
		height, width = outHeight, outWidth
	}
	last := all[len(all)-1]
	channels := n.convs[len(n.convs)-1].out
	means := make([]float64, channels)
	for i, v := range last {
		means[i%channels] += v / float64(height*width)
	}
	return append(all, means)
}

func (n net) logits(x []float64) []float64 {
	all := n.layers(x)
	return n.dense.logits(all[len(all)-1])
}

func (n net) pull(x, byLogits []float64) []float64 {
	all := n.layers(x)
	byMeans := n.dense.pull(all[len(all)-1], byLogits)
	last := all[len(all)-2]
	gradient := make([]float64, len(last))
	for i := range gradient {
		gradient[i] = byMeans[i%len(byMeans)] * float64(len(byMeans)) / float64(len(last))
	}
	sizes := [][2]int{{n.height, n.width}}
	for _, c := range n.convs {
		h, w := c.shape(sizes[len(sizes)-1][0], sizes[len(sizes)-1][1])
		sizes = append(sizes, [2]int{h, w})
	}
	for l := len(n.convs) - 1; l >= 0; l-- {
		for i, a := range all[l+1] {
			if a == 0 {
				gradient[i] = 0
			}
		}
		below := make([]float64, len(all[l]))
		n.convs[l].each(sizes[l][0], sizes[l][1], func(i, k, o int) { below[i] += gradient[o] * n.convs[l].kernel[k] })
		gradient = below
	}
	for i := range gradient {
		gradient[i] /= 255
	}
	return gradient
}

// The size of the tests' images: not square, to notice height taken for width.
const high, wide = 12, 15

// newNet is a net of random weights for images of high x wide.
func newNet(classes int) net {
	r := rand.New(rand.NewPCG(3, 4))
	normal := func(n int, sigma float64) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = sigma * r.NormFloat64()
		}
		return list
	}
	n := net{height: high, width: wide, convs: []conv{
		{3, 1, 3, 4, normal(3*3*3*4, 0.5), normal(4, 0.1)},
		{3, 2, 4, 5, normal(3*3*4*5, 0.4), normal(5, 0.1)},
	}}
	for range classes {
		n.dense.weights = append(n.dense.weights, normal(5, 2))
	}
	n.dense.bias = normal(classes, 0.1)
	return n
}

// newLinear is a linear model of random weights, without bias.
func newLinear(classes int) linear {
	r := rand.New(rand.NewPCG(5, 6))
	var l linear
	for range classes {
		row := make([]float64, high*wide*3)
		for i := range row {
			row[i] = r.NormFloat64() / 1000
		}
		l.weights = append(l.weights, row)
	}
	return l
}

// lookAt is a linear model of two classes: the first looks at the red of one
// pixel, the second at nothing.
func lookAt(y, x int, weight float64) linear {
	l := linear{weights: [][]float64{make([]float64, high*wide*3), make([]float64, high*wide*3)}}
	l.weights[0][(y*wide+x)*3] = weight
	return l
}

// photos are n images of colored stripes and noise, each another one.
func photos(n int) explain.Images {
	r := rand.New(rand.NewPCG(7, 8))
	images := explain.Images{N: n, Height: high, Width: wide, Channels: 3, Pixels: make([]float32, n*high*wide*3)}
	for i := range images.Pixels {
		y, x, c := i/(3*wide)%high, i/3%wide, i%3
		images.Pixels[i] = float32(60 + 50*((y/4+x/5+c)%3) + r.IntN(80))
	}
	return images
}

// only is one image of a batch.
func only(images explain.Images, i int) explain.Images {
	size := images.Height * images.Width * images.Channels
	images.Pixels = images.Pixels[i*size : (i+1)*size]
	images.N = 1
	return images
}

func image64(images explain.Images, i int) []float64 {
	pixels := only(images, i).Pixels
	out := make([]float64, len(pixels))
	for i, v := range pixels {
		out[i] = float64(v)
	}
	return out
}

func softmax(logits []float64) []float64 {
	top := slices.Max(logits)
	out, sum := make([]float64, len(logits)), 0.0
	for k, l := range logits {
		out[k] = math.Exp(l - top)
		sum += out[k]
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}

func narrow(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// total is the sum of a map.
func total(g explain.Grid) (sum float64) {
	for _, v := range g.Values {
		sum += float64(v)
	}
	return sum
}

// near reports whether two numbers agree to a share of the larger one.
func near(a, b, share float64) bool {
	return math.Abs(a-b) <= share*max(math.Abs(a), math.Abs(b))
}

// same reports whether two maps have the same bits.
func same(a, b explain.Grid) bool {
	return a.Height == b.Height && a.Width == b.Width &&
		slices.EqualFunc(a.Values, b.Values, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
