package gradcam

import "oscar/explain"

// meanGuard is added to a denominator of XGrad-CAM, as in pytorch-grad-cam.
const meanGuard = 1e-7

// XGradCAM is XGrad-CAM (Fu et al. 2020, arXiv:2008.02312). A channel's weight
// is the mean of its gradients, weighted by its activations,
//
//	w_k = sum_ij dy/dA_ijk A_ijk / sum_ij A_ijk
//
// and the map sum_k w_k A_ijk, signed, without a ReLU. A channel that is zero
// everywhere has no weight. A channel whose activations have both signs and
// cancel has a large one.
func XGradCAM(activations, gradients explain.Volume) explain.Grid {
	if checkPair(activations, gradients) != nil {
		return explain.Grid{}
	}
	weights := make([]float64, activations.Channels)
	for i, a := range activations.Values {
		weights[i%activations.Channels] += float64(gradients.Values[i]) * float64(a)
	}
	for k, sum := range channelSums(activations) {
		weights[k] /= sum + meanGuard
	}
	return combine(weights, activations)
}
