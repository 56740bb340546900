package gradcam

import "oscar/explain"

// plusGuard is added to a denominator of Grad-CAM++, as in pytorch-grad-cam. It
// is not small beside gradients of a thousandth, whose square it equals: they
// weigh less than equation 19 has them.
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
// gradients have the factor exp(y) everywhere; it is left out, as is the ReLU
// around the map. No weight is negative where no activation is: then the map
// has no negative values either. Evidence against the class is not in it.
func GradCAMPlusPlus(activations, gradients explain.Volume) explain.Grid {
	if checkPair(activations, gradients) != nil {
		return explain.Grid{}
	}
	sums := channelSums(activations)
	weights := make([]float64, activations.Channels)
	for i, value := range gradients.Values {
		g, k := float64(value), i%activations.Channels
		if g <= 0 { // ReLU; a NaN goes on
			continue
		}
		alpha := g * g / (2*g*g + sums[k]*g*g*g + plusGuard)
		weights[k] += alpha * g
	}
	return combine(weights, activations)
}
