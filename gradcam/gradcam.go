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
// [H,W,C]; if they differ in shape the map has no size.
func GradCAM(activations, gradients explain.Volume) explain.Grid {
	if checkPair(activations, gradients) != nil {
		return explain.Grid{}
	}
	channels := activations.Channels
	weights := make([]float64, channels)
	for start := 0; start < len(gradients.Values); start += channels {
		for k, g := range gradients.Values[start : start+channels] {
			weights[k] += float64(g)
		}
	}
	positions := activations.Height * activations.Width
	for k := range weights {
		weights[k] /= float64(positions)
	}

	out := explain.NewGrid(activations.Height, activations.Width)
	for p := range out.Values {
		sum := 0.0
		for k, a := range activations.Values[p*channels : (p+1)*channels] {
			sum += weights[k] * float64(a)
		}
		out.Values[p] = float32(sum)
	}
	return out
}
