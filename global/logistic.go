package global

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// linear is a linear classifier: positive if weights . x + bias > 0.
type linear struct {
	weights []float64
	bias    float64
}

func (l linear) at(x []float32) float64 {
	sum := l.bias
	for i, w := range l.weights {
		sum += w * float64(x[i])
	}
	return sum
}

// logistic is logistic regression with an L2 penalty: it minimizes over w and b
//
//	|w|^2 / 2 + C sum_i log(1 + exp(-y_i (w . x_i + b))),   y_i = 1 or -1
//
// the objective of scikit-learn's LogisticRegression, to machine precision, by
// Newton's method. Both sides need examples. The time grows with the cube of the
// number of examples or of values, whichever is smaller.
func logistic(x [][]float32, positive []bool, c float64) (linear, error) {
	reduced, back, err := reduce(x)
	if err != nil {
		return linear{}, err
	}
	n, d := reduced.Dims()
	design := mat.NewDense(n, d+1, nil) // with a column of ones for b
	design.Slice(0, n, 0, d).(*mat.Dense).Copy(reduced)
	signs := make([]float64, n)
	for i, p := range positive {
		design.Set(i, d, 1)
		signs[i] = -1
		if p {
			signs[i] = 1
		}
	}
	w := mat.NewVecDense(d+1, nil)
	for range newtonSteps {
		step, slope, err := newton(design, signs, c, w)
		if err != nil {
			return linear{}, err
		}
		if slope < 1e-14*(1+objective(design, signs, c, w)) {
			w.AddVec(w, step) // this last step squares the error
			weights := make([]float64, len(x[0]))
			back(w.SliceVec(0, d).(*mat.VecDense), weights)
			return linear{weights, w.AtVec(d)}, nil
		}
		// Halve the step until the objective falls by a fraction of the predicted amount (Armijo).
		before, size := objective(design, signs, c, w), 1.0
		next := mat.NewVecDense(d+1, nil)
		for ; ; size /= 2 {
			next.AddScaledVec(w, size, step)
			if objective(design, signs, c, next) <= before-1e-4*size*slope || size < 1e-10 {
				break
			}
		}
		w = next
	}
	return linear{}, errors.New("the classifier of concept and random images does not converge")
}

const newtonSteps = 200

// newton returns the step to the minimum of the objective's quadratic model, and the slope of the
// objective along it.
func newton(design *mat.Dense, signs []float64, c float64, w *mat.VecDense) (step *mat.VecDense, slope float64, err error) {
	n, d := design.Dims()
	var scores mat.VecDense
	scores.MulVec(design, w)
	gradient := mat.NewVecDense(d, nil)
	gradient.CopyVec(w)
	gradient.SetVec(d-1, 0) // the penalty does not apply to the bias
	weighted := mat.NewDense(n, d, nil)
	for i, y := range signs {
		wrong := 1 / (1 + math.Exp(y*scores.AtVec(i))) // probability of the wrong side
		gradient.AddScaledVec(gradient, -c*y*wrong, design.RowView(i))
		curvature := math.Sqrt(c * wrong * (1 - wrong))
		for j, v := range design.RawRowView(i) {
			weighted.Set(i, j, curvature*v)
		}
	}
	hessian := mat.NewSymDense(d, nil)
	hessian.SymOuterK(1, weighted.T())
	for j := range d {
		ridge := 1.0
		if j == d-1 {
			ridge = 1e-12 // if all examples are far from the boundary
		}
		hessian.SetSym(j, j, hessian.At(j, j)+ridge)
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(hessian) {
		return nil, 0, errors.New("the activations of concept and random images are not finite, or too large")
	}
	step = mat.NewVecDense(d, nil)
	if err := cholesky.SolveVecTo(step, gradient); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) {
			return nil, 0, err
		}
	}
	slope = mat.Dot(step, gradient)
	step.ScaleVec(-1, step)
	return step, slope, nil
}

func objective(design *mat.Dense, signs []float64, c float64, w *mat.VecDense) float64 {
	_, d := design.Dims()
	var scores mat.VecDense
	scores.MulVec(design, w)
	sum := 0.0
	for j := range d - 1 {
		sum += w.AtVec(j) * w.AtVec(j) / 2
	}
	for i, y := range signs {
		margin := y * scores.AtVec(i)
		sum += c * (max(-margin, 0) + math.Log1p(math.Exp(-math.Abs(margin))))
	}
	return sum
}

// reduce returns the examples in as few coordinates as there are examples, if they have more values.
// This is exact, because the penalized solution is a sum of examples. With X X' = V L V' the
// coordinates are the rows of V L^(1/2). back converts weights u of these coordinates to X' V
// L^(-1/2) u.
func reduce(x [][]float32) (out *mat.Dense, back func(*mat.VecDense, []float64), err error) {
	n, d := len(x), len(x[0])
	if d <= n {
		out = mat.NewDense(n, d, nil)
		for i, row := range x {
			for j, v := range row {
				out.Set(i, j, float64(v))
			}
		}
		return out, func(u *mat.VecDense, w []float64) { copy(w, u.RawVector().Data) }, nil
	}
	gram := mat.NewSymDense(n, nil)
	for i, a := range x {
		for j := range i + 1 {
			sum := 0.0
			for k, v := range a {
				sum += float64(v) * float64(x[j][k])
			}
			gram.SetSym(i, j, sum)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(gram, true) {
		return nil, nil, errors.New("the activations of concept and random images are not finite, or too large")
	}
	var v mat.Dense
	e.VectorsTo(&v)
	values := e.Values(nil)
	for k, value := range values {
		values[k] = math.Sqrt(max(value, 0))
	}
	out = mat.NewDense(n, n, nil)
	out.Apply(func(i, k int, _ float64) float64 { return v.At(i, k) * values[k] }, out)
	return out, func(u *mat.VecDense, w []float64) {
		for i, row := range x {
			share := 0.0 // share of the example in the weights
			for k, value := range values {
				if value > 1e-8*values[n-1] {
					share += v.At(i, k) * u.AtVec(k) / value
				}
			}
			for j, a := range row {
				w[j] += share * float64(a)
			}
		}
	}, nil
}
