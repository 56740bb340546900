package tfmodel

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/integrate/quad"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Explanation is a line in the table of signatures with which a SavedModel explains its own
// predictions.
type Explanation struct {
	Name string // of the signature and of the method in package methods
	// New adds the operations. layer is the layer of CAMs and guided Grad-CAM; the other explanations
	// are for the image.
	New func(n *Network, layer string) (savedmodel.Signature, error)
}

// Explanations is the table, in the order of the help text. Do not change it at run time. The maps
// of CAMs have the layer's size, see [Network.GradCAM]. The other maps, including guided Grad-CAM's,
// have the image's size, see [Network.Saliency].
var Explanations = []Explanation{
	{"gradcam", (*Network).GradCAM},
	{"gradcam++", atLayer("gradcam_plus_plus", gradCAMPlusPlus)},
	{"hirescam", atLayer("hirescam", hiResCAM)},
	{"layercam", atLayer("layercam", layerCAM)},
	{"xgradcam", atLayer("xgradcam", xGradCAM)},
	{"saliency", onImage((*Network).Saliency)},
	{"guidedbackprop", onImage((*Network).GuidedBackprop)},
	{"guidedgradcam", (*Network).GuidedGradCAM},
	{"lrp", onImage(func(n *Network) (savedmodel.Signature, error) {
		c, err := LookupLRP(DefaultLRP)
		if err != nil {
			return savedmodel.Signature{}, err
		}
		return n.LRP(c)
	})},
	{"gradient-x-input", onImage((*Network).GradientTimesInput)},
	{"integrated-gradients", onImage(func(n *Network) (savedmodel.Signature, error) {
		return n.IntegratedGradients(DefaultSteps)
	})},
}

func onImage(build func(*Network) (savedmodel.Signature, error)) func(*Network, string) (savedmodel.Signature, error) {
	return func(n *Network, _ string) (savedmodel.Signature, error) { return build(n) }
}

// LookupExplanation returns the explanation of a name. Hyphens and underscores may be left out or
// added, as in integrated_gradients or guided_gradcam. The error lists the names.
func LookupExplanation(name string) (Explanation, error) {
	letters := strings.NewReplacer("_", "", "-", "").Replace
	names := make([]string, len(Explanations))
	for i, e := range Explanations {
		if letters(e.Name) == letters(name) {
			return e, nil
		}
		names[i] = e.Name
	}
	return Explanation{}, fmt.Errorf("no explanation %q; have %s", name, strings.Join(names, ", "))
}

// Saliency adds the signature of explain.Saliency. Inputs and outputs are as in [Network.GradCAM],
// but raw has the image's size, [N,H,W]. It is unscaled, and signed if the method is. For saliency
// it is the largest |d logit / d image| over the channels.
//
// TFLite and ONNX support every operation of the signatures.
func (n *Network) Saliency() (savedmodel.Signature, error) {
	return n.onImage("saliency", plainGradient(), func(g *Graph, _, gradient Tensor) Tensor {
		return g.Max(g.Abs(gradient), false, 3)
	})
}

// GuidedBackprop adds the signature of guided backpropagation, see [Network.Saliency] and
// the function [GuidedBackprop]. raw is the sum over the channels.
func (n *Network) GuidedBackprop() (savedmodel.Signature, error) {
	return n.onImage("guidedbackprop", GuidedBackprop(), summed)
}

// LRP adds the signature of layer-wise relevance propagation, see [Network.Saliency]. raw is the sum
// over the channels. Its total is the logit minus the biases' shares.
func (n *Network) LRP(c Composite) (savedmodel.Signature, error) {
	if !c.Relevance {
		return savedmodel.Signature{}, fmt.Errorf("composite %s is not one of LRP's", c.Name)
	}
	return n.onImage("lrp", c, summed)
}

// GradientTimesInput adds the signature of explain.GradientTimesInput, see
// [Network.Saliency]. raw is the sum over the channels.
func (n *Network) GradientTimesInput() (savedmodel.Signature, error) {
	return n.onImage("gradient_x_input", plainGradient(), func(g *Graph, _, gradient Tensor) Tensor {
		return overChannels(g, g.Mul(gradient, n.Image))
	})
}

func overChannels(g *Graph, x Tensor) Tensor { return g.Sum(x, false, 3) }

func summed(g *Graph, _, signal Tensor) Tensor { return overChannels(g, signal) }

// onImage adds a signature. toMap returns the map for a composite's signal at the image.
func (n *Network) onImage(scope string, c Composite, toMap func(g *Graph, target, signal Tensor) Tensor) (savedmodel.Signature, error) {
	return n.explanation(scope, asItIs, func(g *Graph, target Tensor) (Tensor, error) {
		r, err := c.start(g, n, target, explain.Logit)
		if err == nil {
			r, err = n.propagate(g, c, r, -1)
		}
		if err != nil {
			return r, err
		}
		return toMap(g, target, r), nil
	})
}

func asItIs(_ *Graph, unit Tensor) Tensor { return unit }

// explanation adds the operations that all signatures of maps share. explain returns raw. enlarged
// resizes a map from raw's size to the image's.
func (n *Network) explanation(scope string, enlarged func(g *Graph, unit Tensor) Tensor,
	explain func(g *Graph, target Tensor) (Tensor, error)) (savedmodel.Signature, error) {
	g := n.Graph.In(scope)
	class := g.Placeholder("class", graph.Int64, Shape{-1})
	target := savedmodel.Target(g, class, n.Logits)
	raw, err := explain(g, target)
	if err != nil {
		return savedmodel.Signature{}, err
	}
	none := noClass(g, target, n.Logits)
	positive := g.Relu(raw)
	unit := g.DivNoNan(positive, g.Max(positive, true, 1, 2)) // 0..1
	return savedmodel.Signature{
		Inputs: map[string]Tensor{"image": n.Image, "class": class},
		Outputs: map[string]Tensor{
			"heatmap":       g.Identity("heatmap", g.Add(enlarged(g, unit), none)),
			"raw":           g.Identity("raw", g.Add(raw, none)),
			"probabilities": n.Probabilities,
			"class":         g.Identity("explained", target),
		},
	}, g.Err()
}

// noClass returns 0 for each target that is a class of the logits [N,C], and NaN for any other, as
// [N,1,1]. So an unknown class has no map instead of an empty one.
func noClass(g *Graph, target, logits Tensor) Tensor {
	classes := g.Int64(int64(logits.Shape()[1]))
	return g.Reshape(g.Select(g.Less(target, classes), g.Scalar(0), g.Scalar(float32(math.NaN()))), Shape{-1, 1, 1})
}

// DefaultSteps is the number of points of integrated gradients in [Explanations]. It is below the 50
// of explain.IntegratedGradients, because all points of an image are in memory at once. The metadata
// of an exported model records it.
const DefaultSteps = 20

// IntegratedGradients adds the signature of explain.IntegratedGradients with a black baseline, see
// [Network.Saliency]. raw is the sum over the channels. Its total is the image's logit minus the
// baseline's, except for the error of the quadrature (Gauss-Legendre with steps points).
//
// All points of all images are one batch of the network, because converters hardly support loops. N
// images take the time and memory of steps*N images, forward and backward. For AlexNet02 and 20
// steps this is about 100 MB per image, so use few images per call.
func (n *Network) IntegratedGradients(steps int) (savedmodel.Signature, error) {
	if steps < 1 {
		return savedmodel.Signature{}, fmt.Errorf("%d steps, want at least 1", steps)
	}
	at, weights := make([]float64, steps), make([]float64, steps)
	quad.Legendre{}.FixedLocations(at, weights, 0, 1)
	// at = coarse + fine. A coarse value has 16 bits, so that its product with a pixel of 8 bits is
	// exact. So the points are rounded only once, as those of explain.IntegratedGradients. With other
	// rounding a point may be on the other side of a kink.
	coarse, fine := make([]float64, steps), make([]float64, steps)
	for i, t := range at {
		fraction, exponent := math.Frexp(t)
		coarse[i] = math.Ldexp(math.Round(math.Ldexp(fraction, 16)), exponent-16)
		fine[i] = t - coarse[i]
	}
	column := func(g *Graph, v []float64, shape Shape) Tensor {
		narrow := make([]float32, len(v))
		for i, x := range v {
			narrow[i] = float32(x)
		}
		return g.Const(graph.FromFloat32s(shape, narrow))
	}
	signature, err := n.explanation("integrated_gradients", asItIs, func(g *Graph, target Tensor) (Tensor, error) {
		// The points are an axis before the batch. The other axes are flattened, for outer products with
		// matrices of one row.
		size := n.Image.Shape()[1:]
		rows := func(factors Tensor, x Tensor, width ...int) Tensor {
			return g.Reshape(g.MatMul(factors, g.Reshape(x, Shape{1, -1})), append(Shape{-1}, width...))
		}
		one := g.OneHot(target, n.Logits.Shape()[1])
		// the network, applied to every point between baseline and image
		points := g.Add(rows(column(g, coarse, Shape{steps, 1}), n.Image, size...), rows(column(g, fine, Shape{steps, 1}), n.Image, size...))
		along := n.again(g.In("infer"), points)
		ones := rows(g.Fill(Shape{steps, 1}, 1), one, n.Logits.Shape()[1])
		gradient, err := along.propagate(g.In("gradients"), plainGradient(), ones, -1)
		if err != nil {
			return gradient, err
		}
		mean := g.MatMul(column(g, weights, Shape{1, steps}), g.Reshape(gradient, Shape{steps, -1}))
		return overChannels(g, g.Mul(g.Reshape(mean, append(Shape{-1}, size...)), n.Image)), nil
	})
	signature.Steps = steps
	return signature, err
}
