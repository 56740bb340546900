package tfmodel

import (
	"fmt"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// cam makes raw [N,h,w], signed and unscaled, of a layer's activations and the
// logit's gradients there, both [N,h,w,channels].
type cam func(g *graph.Graph, activations, gradients graph.Tensor) graph.Tensor

// GradCAM adds Grad-CAM (Selvaraju et al., arXiv:1610.02391) at a layer to the
// graph and returns its signature: image [N,H,W,3] and class int64 [N] (-1: the
// predicted one) -> raw [N,h,w], eq. 2 before the ReLU, signed and unscaled, on
// logits; heatmap [N,H,W], raw after ReLU over its maximum, 0..1, bilinear
// (zeros where nothing is positive); probabilities; class, the one explained.
func (n *Network) GradCAM(layer string) (savedmodel.Signature, error) {
	return atLayer("gradcam", gradCAM)(n, layer)
}

func gradCAM(g *graph.Graph, a, dy graph.Tensor) graph.Tensor {
	return combined(g, g.Mean(dy, true, 1, 2), a) // eq. 1, 2
}

// gradCAMPlusPlus is gradcam.GradCAMPlusPlus: Chattopadhay et al. 2018, eq. 6,
// 10 and 19. Where a gradient is not positive, its weight is 0 whatever alpha.
func gradCAMPlusPlus(g *graph.Graph, a, dy graph.Tensor) graph.Tensor {
	positive := g.Relu(dy)
	square := g.Square(positive)
	cube := g.Mul(square, positive)
	bottom := g.Add(g.Mul(g.Scalar(2), square), g.Mul(g.Sum(a, true, 1, 2), cube))
	alpha := g.DivNoNan(square, g.Add(bottom, g.Scalar(1e-6)))
	return combined(g, g.Sum(g.Mul(alpha, positive), true, 1, 2), a)
}

// hiResCAM is gradcam.HiResCAM: Draelos and Carin 2020, arXiv:2011.08891.
func hiResCAM(g *graph.Graph, a, dy graph.Tensor) graph.Tensor { return combined(g, dy, a) }

// layerCAM is gradcam.LayerCAM: Jiang et al. 2021, eq. 6, 7.
func layerCAM(g *graph.Graph, a, dy graph.Tensor) graph.Tensor { return combined(g, g.Relu(dy), a) }

// xGradCAM is gradcam.XGradCAM: Fu et al. 2020, arXiv:2008.02312, eq. 8.
func xGradCAM(g *graph.Graph, a, dy graph.Tensor) graph.Tensor {
	sums := g.Add(g.Sum(a, true, 1, 2), g.Scalar(1e-7))
	return combined(g, g.DivNoNan(g.Sum(g.Mul(dy, a), true, 1, 2), sums), a)
}

func combined(g *graph.Graph, weights, a graph.Tensor) graph.Tensor {
	return g.Sum(g.Mul(weights, a), false, 3)
}

// features are a layer's activations as a map [N,h,w,channels], and its step.
func (n *Network) features(layer string) (a graph.Tensor, step int, err error) {
	if step, err = n.index(layer); err != nil {
		return a, step, err
	}
	step = n.steps.feature(step)
	a = n.outputs[step]
	if len(a.Shape()) != 4 {
		return a, step, fmt.Errorf("layer %s gives %v, not a map; a CAM needs [height,width,channels]", layer, a.Shape()[1:])
	}
	return a, step, nil
}

// enlarged brings maps of a layer's size, as features has it, to the image's:
// bilinear, [N,H,W].
func (n *Network) enlarged(g *graph.Graph, maps, features graph.Tensor) graph.Tensor {
	shape, in := features.Shape(), n.Architecture.Input
	up := g.ResizeBilinear(g.Reshape(maps, graph.Shape{-1, shape[1], shape[2], 1}), in[0], in[1])
	return g.Reshape(up, graph.Shape{-1, in[0], in[1]})
}

// atLayer is the signature of a CAM, see [Network.GradCAM].
func atLayer(scope string, toMap cam) func(*Network, string) (savedmodel.Signature, error) {
	return func(n *Network, layer string) (savedmodel.Signature, error) {
		features, step, err := n.features(layer)
		if err != nil {
			return savedmodel.Signature{}, err
		}
		enlarged := func(g *graph.Graph, unit graph.Tensor) graph.Tensor { return n.enlarged(g, unit, features) }
		return n.explanation(scope, enlarged, func(g *graph.Graph, target graph.Tensor) (graph.Tensor, error) {
			return toMap(g, features, n.backward(g, target, step)), nil
		})
	}
}

// GuidedGradCAM adds the signature of relevance.GuidedGradCAM at a layer, see
// [Network.Saliency]: guided backpropagation, summed over the channels, times
// what is positive of Grad-CAM's map, bilinear (Selvaraju et al. 2017, 3.2).
func (n *Network) GuidedGradCAM(layer string) (savedmodel.Signature, error) {
	features, step, err := n.features(layer)
	if err != nil {
		return savedmodel.Signature{}, err
	}
	return n.onImage("guidedgradcam", GuidedBackprop(), func(g *graph.Graph, target, guided graph.Tensor) graph.Tensor {
		coarse := g.Relu(gradCAM(g, features, n.backward(g.In("gradients"), target, step)))
		return g.Mul(n.enlarged(g, coarse, features), overChannels(g, guided))
	})
}
