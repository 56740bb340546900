package tfmodel

import (
	"fmt"
	"strings"

	"gonum.org/v1/gonum/integrate/quad"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Explanation is a line in the table of explanations that a SavedModel can give
// of itself.
type Explanation struct {
	Name  string // of the signature
	Paper string
	// New adds the operations. layer is where the CAMs look, guided Grad-CAM's
	// among them; the others look at the image.
	New func(n *Network, layer string) (savedmodel.Signature, error)
}

// Explanations is the table, in the order of its help text. It is not to be
// changed at run time. The CAMs give a map of the layer's size, see
// [Network.GradCAM], the others, guided Grad-CAM too, one of the image's, see
// [Network.Saliency].
var Explanations = []Explanation{
	{"gradcam", "Selvaraju et al. 2017, arXiv:1610.02391", (*Network).GradCAM},
	{"gradcam++", "Chattopadhay et al. 2018, arXiv:1710.11063", atLayer("gradcam_plus_plus", gradCAMPlusPlus)},
	{"hirescam", "Draelos and Carin 2020, arXiv:2011.08891", atLayer("hirescam", hiResCAM)},
	{"layercam", "Jiang et al. 2021, doi:10.1109/TIP.2021.3089943", atLayer("layercam", layerCAM)},
	{"xgradcam", "Fu et al. 2020, arXiv:2008.02312", atLayer("xgradcam", xGradCAM)},
	{"saliency", "Simonyan et al. 2013, arXiv:1312.6034", onImage((*Network).Saliency)},
	{"guidedbackprop", "Springenberg et al. 2014, arXiv:1412.6806", onImage((*Network).GuidedBackprop)},
	{"guidedgradcam", "Selvaraju et al. 2017, arXiv:1610.02391, section 3.2", (*Network).GuidedGradCAM},
	{"lrp", "Bach et al. 2015, doi:10.1371/journal.pone.0130140", onImage(func(n *Network) (savedmodel.Signature, error) {
		c, err := LookupLRP(DefaultLRP)
		if err != nil {
			return savedmodel.Signature{}, err
		}
		return n.LRP(c)
	})},
	{"gradient-x-input", "Shrikumar et al. 2017, arXiv:1704.02685", onImage((*Network).GradientTimesInput)},
	{"integrated-gradients", "Sundararajan et al. 2017, arXiv:1703.01365", onImage(func(n *Network) (savedmodel.Signature, error) {
		return n.IntegratedGradients(DefaultSteps)
	})},
}

func onImage(build func(*Network) (savedmodel.Signature, error)) func(*Network, string) (savedmodel.Signature, error) {
	return func(n *Network, _ string) (savedmodel.Signature, error) { return build(n) }
}

// LookupExplanation finds an explanation by name, or says which there are.
// Underscores and hyphens between words do not matter: integrated_gradients,
// guided_gradcam.
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

// Saliency adds the signature of explain.Saliency: image [N,H,W,3] and class
// int64 [N] (-1: the predicted one) -> raw [N,H,W], the map, unscaled, signed
// where the method is; heatmap [N,H,W], raw after ReLU over its maximum, 0..1
// (zeros where nothing is positive); probabilities; class, the one explained.
// raw is the largest |d logit / d image| over the channels.
//
// As with [Network.GradCAM], every operation of this and of the other
// signatures is one that TFLite and ONNX know.
func (n *Network) Saliency() (savedmodel.Signature, error) {
	return n.onImage("saliency", plainGradient(), func(g *graph.Graph, _, gradient graph.Tensor) graph.Tensor {
		return g.Max(g.Abs(gradient), false, 3)
	})
}

// GuidedBackprop adds the signature of guided backpropagation, see
// [Network.Saliency] and the function [GuidedBackprop]. raw is the sum over the
// channels.
func (n *Network) GuidedBackprop() (savedmodel.Signature, error) {
	return n.onImage("guidedbackprop", GuidedBackprop(), summed)
}

// LRP adds the signature of layer-wise relevance propagation, see
// [Network.Saliency]. raw is the sum over the channels; its own sum is the
// logit but for what biases keep.
func (n *Network) LRP(c Composite) (savedmodel.Signature, error) {
	if !c.Relevance {
		return savedmodel.Signature{}, fmt.Errorf("composite %s is none of LRP", c.Name)
	}
	return n.onImage("lrp", c, summed)
}

// GradientTimesInput adds the signature of explain.GradientTimesInput, see
// [Network.Saliency]. raw is the sum over the channels.
func (n *Network) GradientTimesInput() (savedmodel.Signature, error) {
	return n.onImage("gradient_x_input", plainGradient(), func(g *graph.Graph, _, gradient graph.Tensor) graph.Tensor {
		return overChannels(g, g.Mul(gradient, n.Image))
	})
}

func overChannels(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.Sum(x, false, 3) }

func summed(g *graph.Graph, _, signal graph.Tensor) graph.Tensor { return overChannels(g, signal) }

// onImage adds a composite's signal at the image, and what toMap makes of the
// target and the signal.
func (n *Network) onImage(scope string, c Composite, toMap func(g *graph.Graph, target, signal graph.Tensor) graph.Tensor) (savedmodel.Signature, error) {
	return n.explanation(scope, asItIs, func(g *graph.Graph, target graph.Tensor) (graph.Tensor, error) {
		r, err := c.start(g, n, target, explain.Logit)
		if err == nil {
			r, err = n.walk(g, c, r, -1)
		}
		if err != nil {
			return r, err
		}
		return toMap(g, target, r), nil
	})
}

func asItIs(_ *graph.Graph, unit graph.Tensor) graph.Tensor { return unit }

// explanation adds what all signatures of maps have in common. explain returns
// raw; enlarged brings a map of raw's size to the image's.
func (n *Network) explanation(scope string, enlarged func(g *graph.Graph, unit graph.Tensor) graph.Tensor,
	explain func(g *graph.Graph, target graph.Tensor) (graph.Tensor, error)) (savedmodel.Signature, error) {
	g := n.Graph.In(scope)
	class := g.Placeholder("class", graph.Int64, graph.Shape{-1})
	target := savedmodel.Target(g, class, n.Logits)
	raw, err := explain(g, target)
	if err != nil {
		return savedmodel.Signature{}, err
	}
	positive := g.Relu(raw)
	unit := g.DivNoNan(positive, g.Max(positive, true, 1, 2)) // 0..1
	return savedmodel.Signature{
		Inputs: map[string]graph.Tensor{"image": n.Image, "class": class},
		Outputs: map[string]graph.Tensor{
			"heatmap":       g.Identity("heatmap", enlarged(g, unit)),
			"raw":           g.Identity("raw", raw),
			"probabilities": n.Probabilities,
			"class":         g.Identity("explained", target),
		},
	}, g.Err()
}

// DefaultSteps is how many points of the way from black to the image
// [Network.IntegratedGradients] takes as it stands in [Explanations].
const DefaultSteps = 20

// IntegratedGradients adds the signature of explain.IntegratedGradients from a
// black baseline, see [Network.Saliency]. raw is the sum over the channels; its
// own sum is the image's logit less the black one's, but for what the rule
// (Gauss-Legendre, in as many points as steps) misses.
//
// All points of all images go through the network as one batch, so that no loop
// is needed, which converters are bad at: N images take the time and the memory
// of steps*N images, forward and back. For AlexNet02 and 20 steps that is some
// 100 MB an image: call it with one or few.
func (n *Network) IntegratedGradients(steps int) (savedmodel.Signature, error) {
	if steps < 1 {
		return savedmodel.Signature{}, fmt.Errorf("%d steps, want at least 1", steps)
	}
	at, weights := make([]float64, steps), make([]float64, steps)
	quad.Legendre{}.FixedLocations(at, weights, 0, 1)
	column := func(g *graph.Graph, v []float64, shape graph.Shape) graph.Tensor {
		narrow := make([]float32, len(v))
		for i, x := range v {
			narrow[i] = float32(x)
		}
		return g.Const(graph.FromFloat32s(shape, narrow))
	}
	return n.explanation("integrated_gradients", asItIs, func(g *graph.Graph, target graph.Tensor) (graph.Tensor, error) {
		// The points are an axis before the batch, and what remains is flat:
		// outer products with matrices of one row.
		size := n.Image.Shape()[1:]
		rows := func(factors graph.Tensor, x graph.Tensor, width ...int) graph.Tensor {
			return g.Reshape(g.MatMul(factors, g.Reshape(x, graph.Shape{1, -1})), append(graph.Shape{-1}, width...))
		}
		one := g.OneHot(target, n.Logits.Shape()[1])
		way := *n
		way.Image = rows(column(g, at, graph.Shape{steps, 1}), n.Image, size...)
		way.outputs = n.steps.apply(&Builder{Graph: g.In("infer"), vars: n.vars}, way.Image)
		ones := rows(g.Fill(graph.Shape{steps, 1}, 1), one, n.Logits.Shape()[1])
		gradient, err := way.walk(g.In("gradients"), plainGradient(), ones, -1)
		if err != nil {
			return gradient, err
		}
		mean := g.MatMul(column(g, weights, graph.Shape{1, steps}), g.Reshape(gradient, graph.Shape{steps, -1}))
		return overChannels(g, g.Mul(g.Reshape(mean, append(graph.Shape{-1}, size...)), n.Image)), nil
	})
}
