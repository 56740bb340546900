package gradcam

import (
	"slices"

	"oscar/explain"
)

// LayerCAM is LayerCAM of one layer (Jiang et al. 2021, IEEE TIP 30, doi:10.1109/TIP.2021.3089943).
// Every position is weighted by its own gradient if this is positive,
//
//	L_ij = sum_k ReLU(dy/dA_ijk) A_ijk
//
// without the paper's ReLU around it. The map has the signs of the activations:
// after a ReLU it has no negative values. The paper's scaling, tanh(gamma L /
// max L), which fuses several layers, is left out.
func LayerCAM(activations, gradients explain.Volume) explain.Grid {
	if checkPair(activations, gradients) != nil {
		return explain.Grid{}
	}
	positive := gradients
	positive.Values = slices.Clone(gradients.Values)
	for i, g := range positive.Values {
		positive.Values[i] = max(g, 0)
	}
	return HiResCAM(activations, positive)
}
