package gradcam

import "oscar/explain"

// HiResCAM is HiResCAM (Draelos and Carin 2020, arXiv:2011.08891). Every
// position is weighted by its own gradient,
//
//	L_ij = sum_k dy/dA_ijk A_ijk
//
// signed, without a ReLU. If a flattening and one dense layer follow, the map's
// sum is the class's logit less its bias.
func HiResCAM(activations, gradients explain.Volume) explain.Grid {
	if checkPair(activations, gradients) != nil {
		return explain.Grid{}
	}
	channels := activations.Channels
	out := explain.NewGrid(activations.Height, activations.Width)
	for p := range out.Values {
		here := gradients.Values[p*channels : (p+1)*channels]
		sum := 0.0
		for k, a := range activations.Values[p*channels : (p+1)*channels] {
			sum += float64(here[k]) * float64(a)
		}
		out.Values[p] = float32(sum)
	}
	return out
}
