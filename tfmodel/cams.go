package tfmodel

import (
	"fmt"

	"oscar/savedmodel"
)

// cam returns a signed, unscaled map [N,h,w]. activations are a layer's, gradients are those of the
// logit with respect to them. Both are [N,h,w,channels].
type cam func(g *Graph, activations, gradients Tensor) Tensor

// GradCAM adds Grad-CAM (Selvaraju et al., arXiv:1610.02391) at a layer to the graph and
// returns its signature. Inputs are
//
//	image          [N,H,W,3], 0..255
//	class          int64 [N], -1 for the predicted class; raw and heatmap of one that
//	               the model does not have are NaN
//
// and outputs are
//
//	raw            [N,h,w], eq. 2 before the ReLU, on logits, signed and unscaled
//	heatmap        [N,H,W], the positive part of raw over its maximum, 0..1, bilinear;
//	               zeros if nothing is positive
//	probabilities  [N,classes]
//	class          int64 [N], the class explained
//
// The backward pass consists of forward operations, layer by layer ([Layer].Backward).
// TensorFlow could add it, but its gradient operations (ReluGrad, MaxPoolGrad,
// FusedBatchNormGradV3, BroadcastGradientArgs) have no counterpart in ONNX, TFLite or
// OpenVINO, and a model with them cannot be converted. The tests compare both.
func (n *Network) GradCAM(layer string) (savedmodel.Signature, error) {
	return atLayer("gradcam", gradCAM)(n, layer)
}

// backward returns the gradient of logits[target] with respect to the output of step i; -1 is the
// image.
func (n *Network) backward(g *Graph, target Tensor, i int) Tensor {
	dy := g.OneHot(target, n.Logits.Shape()[1])
	dx, err := n.propagate(g.In("gradients"), plainGradient(), dy, i)
	g.Fail(err)
	return dx
}

func gradCAM(g *Graph, a, dy Tensor) Tensor {
	return combined(g, g.Mean(dy, true, 1, 2), a) // eq. 1, 2
}

// gradCAMPlusPlus is gradcam.GradCAMPlusPlus: Chattopadhay et al. 2018, eq. 6, 10 and 19. A gradient
// that is not positive has weight 0 for any alpha.
func gradCAMPlusPlus(g *Graph, a, dy Tensor) Tensor {
	positive := g.Relu(dy)
	square := g.Square(positive)
	cube := g.Mul(square, positive)
	bottom := g.Add(g.Mul(g.Scalar(2), square), g.Mul(g.Sum(a, true, 1, 2), cube))
	alpha := g.DivNoNan(square, g.Add(bottom, g.Scalar(1e-6)))
	return combined(g, g.Sum(g.Mul(alpha, positive), true, 1, 2), a)
}

// hiResCAM is gradcam.HiResCAM: Draelos and Carin 2020, arXiv:2011.08891.
func hiResCAM(g *Graph, a, dy Tensor) Tensor { return combined(g, dy, a) }

// layerCAM is gradcam.LayerCAM: Jiang et al. 2021, eq. 6, 7.
func layerCAM(g *Graph, a, dy Tensor) Tensor { return combined(g, g.Relu(dy), a) }

// xGradCAM is gradcam.XGradCAM: Fu et al. 2020, arXiv:2008.02312, eq. 8.
func xGradCAM(g *Graph, a, dy Tensor) Tensor {
	sums := g.Add(g.Sum(a, true, 1, 2), g.Scalar(1e-7))
	return combined(g, g.DivNoNan(g.Sum(g.Mul(dy, a), true, 1, 2), sums), a)
}

func combined(g *Graph, weights, a Tensor) Tensor {
	return g.Sum(g.Mul(weights, a), false, 3)
}

// features returns a layer's activations as a map [N,h,w,channels], and the index of its step.
func (n *Network) features(layer string) (a Tensor, step int, err error) {
	if step, err = n.index(layer); err != nil {
		return a, step, err
	}
	if n.adopted == nil {
		step = n.steps.feature(step)
	}
	a = n.outputs[step]
	if len(a.Shape()) != 4 {
		return a, step, fmt.Errorf("layer %s gives %v, not a map; a CAM needs [height,width,channels]", layer, a.Shape()[1:])
	}
	return a, step, nil
}

// enlarged resizes maps from the features' size to the image's, bilinearly: [N,H,W].
func (n *Network) enlarged(g *Graph, maps, features Tensor) Tensor {
	shape, in := features.Shape(), n.Image.Shape()[1:]
	up := g.ResizeBilinear(g.Reshape(maps, Shape{-1, shape[1], shape[2], 1}), in[0], in[1])
	return g.Reshape(up, Shape{-1, in[0], in[1]})
}

// atLayer returns a function that adds the signature of a CAM, see [Network.GradCAM].
func atLayer(scope string, toMap cam) func(*Network, string) (savedmodel.Signature, error) {
	return func(n *Network, layer string) (savedmodel.Signature, error) {
		features, step, err := n.features(layer)
		if err != nil {
			return savedmodel.Signature{}, err
		}
		enlarged := func(g *Graph, unit Tensor) Tensor { return n.enlarged(g, unit, features) }
		return n.explanation(scope, enlarged, func(g *Graph, target Tensor) (Tensor, error) {
			return toMap(g, features, n.backward(g, target, step)), nil
		})
	}
}

// GuidedGradCAM adds the signature of guided Grad-CAM at a layer, see [Network.Saliency]. raw is
// guided backpropagation, summed over the channels, times the positive part of Grad-CAM's map,
// resized bilinearly (Selvaraju et al. 2017, section 3.2).
func (n *Network) GuidedGradCAM(layer string) (savedmodel.Signature, error) {
	features, step, err := n.features(layer)
	if err != nil {
		return savedmodel.Signature{}, err
	}
	return n.onImage("guidedgradcam", GuidedBackprop(), func(g *Graph, target, guided Tensor) Tensor {
		coarse := g.Relu(gradCAM(g, features, n.backward(g.In("gradients"), target, step)))
		return g.Mul(n.enlarged(g, coarse, features), overChannels(g, guided))
	})
}
