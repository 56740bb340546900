package gradcam

import "oscar/explain"

// plusGuard is added to a denominator of Grad-CAM++, as in pytorch-grad-cam. It
// equals the square of a gradient of a thousandth, so that small gradients count
// less than in equation 19.
const plusGuard = 1e-6

// GradCAMPlusPlus is Grad-CAM++ (Chattopadhyay et al. 2018, arXiv:1710.11063),
// with g = dy/dA. Equation 19 gives every position a share
//
//	alpha_ijk = g_ijk^2 / (2 g_ijk^2 + (sum_ab A_abk) g_ijk^3)
//
// the channel's weight is
//
//	w_k = sum_ij alpha_ijk ReLU(g_ijk)
//
// and the map sum_k w_k A_ijk. The paper derives it for the score exp(y), whose
// gradients all have the factor exp(y). The factor is left out, as is the ReLU
// around the map. If no activation is negative, no weight and no value of the
// map is: the map has no evidence against the class.
func GradCAMPlusPlus(activations, gradients explain.Volume) explain.Grid {
	if checkPair(activations, gradients) != nil {
		return explain.Grid{}
	}
	sums := channelSums(activations)
	weights := make([]float64, activations.Channels)
	for i, value := range gradients.Values {
		g, k := float64(value), i%activations.Channels
		if g <= 0 { // ReLU; NaN passes
			continue
		}
		alpha := g * g / (2*g*g + sums[k]*g*g*g + plusGuard)
		weights[k] += alpha * g
	}
	return combine(weights, activations)
}
