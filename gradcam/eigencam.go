package gradcam

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"oscar/explain"
)

// EigenCAM is Eigen-CAM (Muhammad and Yeasin 2020, arXiv:2008.00299). O is the
// matrix of activations, H W rows and C columns, centered; v_1 is its first right
// singular vector:
//
//	O = U S V^T,  L = O v_1
//
// The map depends on the activations alone. It is the same for every class. The
// paper does not center. As in pytorch-grad-cam, each channel's mean is
// subtracted, so that the map's sum is zero and it has both signs unless it is
// zero everywhere. The sign of a singular vector is arbitrary: the map's largest
// magnitude is made positive, as in Seg-Eigen-CAM (doi:10.3390/app15137562, eq.
// 13); if two are equal, its first value is. If an activation is NaN or infinite,
// the map is NaN.
func EigenCAM(activations, _ explain.Volume) explain.Grid {
	if checkVolume(activations) != nil {
		return explain.Grid{}
	}
	if !finite(activations) {
		return undefined(activations)
	}
	projection, ok := firstComponent(centered(activations))
	if !ok {
		return undefined(activations)
	}
	fixSign(projection)
	out := explain.NewGrid(activations.Height, activations.Width)
	for p := range out.Values {
		out.Values[p] = float32(projection[p])
	}
	return out
}

// centered returns O minus the mean of each column.
func centered(v explain.Volume) *mat.Dense {
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

// firstComponent returns O v_1. It uses the eigenvectors of the smaller of two symmetric matrices.
// The last eigenvector of O^T O is v_1. That of O O^T is u_1, and O v_1 = s_1 u_1.
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

// fixSign makes the value with the largest magnitude positive. If two are equal, it makes the first
// nonzero value positive.
func fixSign(values []float64) {
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
