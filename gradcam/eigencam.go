package gradcam

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"oscar/explain"
)

// EigenCAM is Eigen-CAM (Muhammad and Yeasin 2020, arXiv:2008.00299). With O
// the activations as a matrix of H W rows and C columns, centred, and v_1 its
// first right singular vector,
//
//	O = U S V^T,  L = O v_1
//
// The map is of the activations alone, whatever the class; the gradients are
// not looked at. The paper does not centre; as in pytorch-grad-cam, each
// channel's mean is taken off, so that the map adds up to zero and has both
// signs unless it is all zero. Which sign is which, a singular vector leaves
// open: the map is turned so that its largest magnitude is positive, as in
// Seg-Eigen-CAM (doi:10.3390/app15137562, eq. 13), or else its first value.
// Activations with a NaN or an infinity give a map of NaN.
func EigenCAM(activations, _ explain.Volume) explain.Grid {
	if checkVolume(activations) != nil {
		return explain.Grid{}
	}
	if !finite(activations) {
		return undefined(activations)
	}
	projection, ok := firstComponent(centred(activations))
	if !ok {
		return undefined(activations)
	}
	turn(projection)
	out := explain.NewGrid(activations.Height, activations.Width)
	for p := range out.Values {
		out.Values[p] = float32(projection[p])
	}
	return out
}

// centred is O less the mean of each column.
func centred(v explain.Volume) *mat.Dense {
	positions := v.Height * v.Width
	o := mat.NewDense(positions, v.Channels, nil)
	for k, sum := range channelSums(v) {
		mean := sum / float64(positions)
		for p := range positions {
			o.Set(p, k, float64(v.Values[p*v.Channels+k])-mean)
		}
	}
	return o
}

// firstComponent is O v_1 by way of the smaller of two symmetric matrices: the
// last eigenvector of O^T O is v_1, that of O O^T is u_1, and O v_1 = s_1 u_1.
func firstComponent(o *mat.Dense) (component []float64, ok bool) {
	rows, columns := o.Dims()
	var (
		gram    mat.SymDense
		eigen   mat.EigenSym
		vectors mat.Dense
		out     mat.VecDense
	)
	if columns < rows {
		gram.SymOuterK(1, o.T())
	} else {
		gram.SymOuterK(1, o)
	}
	if !eigen.Factorize(&gram, true) {
		return nil, false
	}
	eigen.VectorsTo(&vectors)
	last := min(rows, columns) - 1 // eigenvalues ascend
	if columns < rows {
		out.MulVec(o, vectors.ColView(last))
	} else {
		s1 := math.Sqrt(max(eigen.Values(nil)[last], 0))
		out.ScaleVec(s1, vectors.ColView(last))
	}
	return out.RawVector().Data, true
}

// turn gives the largest magnitude a positive sign; of two equal ones, the
// first value that is not zero.
func turn(values []float64) {
	low, high, first := 0.0, 0.0, 0.0
	for _, v := range values {
		low, high = min(low, v), max(high, v)
		if first == 0 {
			first = v
		}
	}
	if -low > high || -low == high && first < 0 {
		for p := range values {
			values[p] = -values[p]
		}
	}
}
