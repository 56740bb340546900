package tfmodel

import (
	"fmt"

	"oscar/internal/graph"
)

// exchange lets a tower's batch normalization use the mean and variance of the images of all towers.
// The tower sends the moments of its own images to the chief and receives those of all images, which
// are placeholders in its graph. In the backward pass it sends the gradient with respect to the
// moments of all images and receives the gradient with respect to its own:
//
//	tower k     own moments of layer i  -->  chief    -->  moments of layer i      all towers
//	all towers  gradients of moments    -->  chief    -->  gradient of own moments    tower k
//
// Each tensor is a matrix [2, channels] of means and variances.
type exchange struct {
	graph  *Graph // of the tower
	layers []exchanged
}

// exchanged has the tensors of one layer.
type exchanged struct {
	channels               int
	own, all               [2]Tensor // mean and variance
	input, gradientOfInput string    // placeholders of a tower: all, and the gradient of own
	output, gradient       string    // a tower's outputs: own, and the gradient of all
}

// moments returns the mean and the variance of each channel of x over the images of all towers.
func (e *exchange) moments(b *Builder, x Tensor) (mean, variance Tensor) {
	mean = b.Mean(x, false, 0, 1, 2)
	// The mean is a constant in this formula: the variance has a zero gradient with respect to it.
	variance = b.Mean(b.Square(b.Sub(x, b.StopGradient(mean))), false, 0, 1, 2)
	i, c := len(e.layers), b.Param("gamma").Shape()[0]
	l := exchanged{
		channels: c, own: [2]Tensor{mean, variance},
		input: fmt.Sprintf("moments_%d", i), gradientOfInput: fmt.Sprintf("own_moments_gradient_%d", i),
		output: fmt.Sprintf("own_moments_%d", i), gradient: fmt.Sprintf("moments_gradient_%d", i),
	}
	l.all = rows(e.graph, e.graph.Placeholder(l.input, graph.Float, Shape{2, c}))
	e.layers = append(e.layers, l)
	e.graph.Identity(l.output, stacked(e.graph, l.own[0], l.own[1]))
	return l.all[0], l.all[1]
}

// rows returns the rows of a matrix [2, n] as vectors.
func rows(g *Graph, x Tensor) (out [2]Tensor) {
	n := x.Shape()[1]
	for i := range out {
		out[i] = g.Reshape(g.Slice(x, g.Ints(i, 0), g.Ints(1, n)), Shape{n})
	}
	return out
}

// stacked returns a matrix of two vectors as rows.
func stacked(g *Graph, x, y Tensor) Tensor {
	return g.Concat(0, g.Reshape(x, Shape{1, -1}), g.Reshape(y, Shape{1, -1}))
}

// gradients returns the gradients of a tower's loss with respect to the trained variables, including
// those through its own moments. It adds outputs for the gradients with respect to the received
// moments.
func (e *exchange) gradients(g *Graph, loss Tensor, trained *variables) []Tensor {
	if len(e.layers) == 0 {
		return trained.gradients(g, loss)
	}
	ys, dys, xs := []Tensor{loss}, []Tensor{g.Scalar(1)}, trained.reads()
	for _, l := range e.layers {
		d := rows(g, e.graph.Placeholder(l.gradientOfInput, graph.Float, Shape{2, l.channels}))
		ys, dys, xs = append(ys, l.own[:]...), append(dys, d[:]...), append(xs, l.all[:]...)
	}
	grads := g.GradOf(ys, dys, xs)
	n := len(trained.all)
	for i, l := range e.layers {
		e.graph.Identity(l.gradient, stacked(e.graph, grads[n+2*i], grads[n+2*i+1]))
	}
	return grads[:n]
}

// chiefScope is the scope of the chief's computation of moments.
const chiefScope = "moments"

// chief returns the part of the graph that computes on the chief, and its connections to the towers
// with those scopes. w_k is a tower's share of the images, and m_k, v_k are its own moments (Chan,
// Golub and LeVeque 1979, the updating formula for several parts):
//
//	mean     = Σ w_k m_k
//	variance = Σ w_k (v_k + (m_k - mean)²)
//	d m_k    = w_k (d mean + 2 (m_k - mean) d variance)
//	d v_k    = w_k d variance
//
// d mean and d variance are the sums over the towers. The derivative of the variance through the
// mean is Σ w_k 2 (mean - m_k), which is 0.
func (e *exchange) chief(towers []string) (graph.Part, map[string]string, error) {
	g, links := graph.New(), map[string]string{}
	from := func(tower, output, name string, shape Shape) Tensor {
		links[chiefScope+"/"+name] = tower + "/" + output
		return g.Placeholder(name, graph.Float, shape)
	}
	to := func(tower, input, name string, x Tensor) {
		g.Identity(name, x)
		links[tower+"/"+input] = chiefScope + "/" + name
	}
	sum := func(total, x Tensor) Tensor {
		if !total.Valid() {
			return x
		}
		return g.Add(total, x)
	}
	share := make([]Tensor, len(towers))
	for k, tower := range towers {
		share[k] = from(tower, "share", fmt.Sprintf("share_%d", k), Shape{})
	}
	for i, l := range e.layers {
		shape := Shape{2, l.channels}
		own := make([][2]Tensor, len(towers))
		var mean, variance, dMean, dVariance Tensor
		for k, tower := range towers {
			own[k] = rows(g, from(tower, l.output, fmt.Sprintf("%s_of_%d", l.output, k), shape))
			mean = sum(mean, g.Mul(share[k], own[k][0]))
		}
		apart := make([]Tensor, len(towers))
		for k, tower := range towers {
			apart[k] = g.Sub(own[k][0], mean)
			variance = sum(variance, g.Mul(share[k], g.Add(own[k][1], g.Square(apart[k]))))
			d := rows(g, from(tower, l.gradient, fmt.Sprintf("%s_of_%d", l.gradient, k), shape))
			dMean, dVariance = sum(dMean, d[0]), sum(dVariance, d[1])
		}
		all := stacked(g, mean, variance)
		for k, tower := range towers {
			to(tower, l.input, fmt.Sprintf("moments_%d_to_%d", i, k), all)
			dm := g.Add(dMean, g.Mul(g.Mul(g.Scalar(2), apart[k]), dVariance))
			to(tower, l.gradientOfInput, fmt.Sprintf("gradient_%d_to_%d", i, k), stacked(g, g.Mul(share[k], dm), g.Mul(share[k], dVariance)))
		}
	}
	def, err := g.Def()
	return graph.Part{Scope: chiefScope, Def: def}, links, err
}
