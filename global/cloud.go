package global

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// cloud is a normal distribution with the covariance of some points: the null hypothesis that the
// points are one group. Its mean is zero, because distances do not depend on it.
type cloud struct{ centered *mat.Dense }

func newCloud(points [][]float64) cloud {
	mean := means(points, make([]int, len(points)), 1)[0]
	c := mat.NewDense(len(points), len(mean), nil)
	for i, p := range points {
		floats.SubTo(c.RawRowView(i), p, mean)
	}
	return cloud{c}
}

// draw draws as many points as newCloud got. Weighted sums of the centered points x_i, with
// independent normal weights z_i,
//
//	sum_i z_i x_i / sqrt(n-1)
//
// have exactly the covariance of the points, so that no decomposition is needed.
func (c cloud) draw(random *rand.Rand) [][]float64 {
	n, _ := c.centered.Dims()
	z := mat.NewDense(n, n, nil)
	for i := range n {
		row := z.RawRowView(i)
		for j := range row {
			row[j] = random.NormFloat64() / math.Sqrt(float64(n-1))
		}
	}
	var drawn mat.Dense
	drawn.Mul(z, c.centered)
	out := make([][]float64, n)
	for i := range out {
		out[i] = drawn.RawRowView(i)
	}
	return out
}
