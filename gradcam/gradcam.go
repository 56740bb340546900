package gradcam

import "oscar/explain"

// GradCAM is Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391). Equation 1
// gives every channel k a weight, the spatial mean of its gradients,
//
//	w_k = 1/(H W) sum_ij dy/dA_ijk
//
// and equation 2 the map
//
//	L_ij = sum_k w_k A_ijk
//
// without the paper's ReLU around it: the map [H,W] is signed. Both volumes are
// [H,W,C]. If their shapes differ, the map has no size.
func GradCAM(activations, gradients explain.Volume) explain.Grid {
	if checkPair(activations, gradients) != nil {
		return explain.Grid{}
	}
	weights := channelSums(gradients)
	for k := range weights {
		weights[k] /= float64(gradients.Height * gradients.Width)
	}
	return combine(weights, activations)
}
