package gradcam

import (
	"slices"

	"oscar/explain"
)

// LayerCAM is LayerCAM of one layer (Jiang et al. 2021, IEEE TIP 30,
// doi:10.1109/TIP.2021.3089943): every position is weighed by its own
// gradient, where that is positive,
//
//	L_ij = sum_k ReLU(dy/dA_ijk) A_ijk
//
// without the paper's ReLU around it. The map is signed as the activations are:
// behind a ReLU it has no negative values. The paper's scaling, tanh(gamma L /
// max L), which serves to fuse several layers, is not done.
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
