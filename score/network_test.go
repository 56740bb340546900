package score_test

import (
	"context"
	"math"

	"oscar/explain"
)

// network is the oracle's model: convolutions with ReLU, the mean over the
// positions, dense. It explains by CAM.
type network struct {
	Convs []struct {
		Stride        int
		Weights, Bias []float64
	}
	Dense, Bias []float64
}

// features are the last convolution's, [height,width,channels].
func (n network) features(image []float32) (values []float64, height, width int) {
	height, width = oracleHeight, oracleWidth
	values = make([]float64, len(image))
	for i, v := range image {
		values[i] = float64(v) / 255
	}
	in := 3
	for _, conv := range n.Convs {
		out, s := len(conv.Bias), conv.Stride
		h, w := (height-3)/s+1, (width-3)/s+1
		next := make([]float64, h*w*out)
		for p := range next {
			y, x, c := p/out/w, p/out%w, p%out
			sum := conv.Bias[c]
			for k := range 9 {
				for i := range in {
					sum += conv.Weights[(k*in+i)*out+c] * values[((y*s+k/3)*width+x*s+k%3)*in+i]
				}
			}
			next[p] = max(sum, 0)
		}
		values, height, width, in = next, h, w, out
	}
	return values, height, width
}

func (n network) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	var p explain.Prediction
	size := oracleHeight * oracleWidth * 3
	for i := range images.N {
		values, height, width := n.features(images.Pixels[i*size : (i+1)*size])
		channels := len(n.Dense) / len(n.Bias)
		logits, probabilities := make([]float32, len(n.Bias)), make([]float32, len(n.Bias))
		exps, sum := make([]float64, len(n.Bias)), 0.0
		for c := range logits {
			logit := n.Bias[c]
			for k, v := range values {
				logit += n.Dense[c*channels+k%channels] * v / float64(height*width)
			}
			logits[c], exps[c] = float32(logit), math.Exp(logit)
			sum += exps[c]
		}
		for c, e := range exps {
			probabilities[c] = float32(e / sum)
		}
		p.Logits, p.Probabilities = append(p.Logits, logits), append(p.Probabilities, probabilities)
	}
	return p, nil
}

func (n network) Explain(_ context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	var list []explain.Attribution
	size := oracleHeight * oracleWidth * 3
	for i, target := range targets {
		values, height, width := n.features(images.Pixels[i*size : (i+1)*size])
		grid := explain.NewGrid(height, width)
		channels := len(values) / len(grid.Values)
		for p := range grid.Values {
			sum := 0.0
			for k := range channels {
				sum += n.Dense[target*channels+k] * values[p*channels+k]
			}
			grid.Values[p] = float32(sum)
		}
		list = append(list, explain.Attribution{Target: target, Map: grid})
	}
	return list, nil
}
