package graph

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// Grad returns d sum(y) / d x for every x. It adds the operations in a new scope.
//
// TensorFlow adds the gradients of all operations except two, whose gradients it computes slowly.
// Ours have the same numbers except for rounding:
//
//   - d(x W)/dx is computed as (W dyᵀ)ᵀ instead of dy Wᵀ. A large W is then read along its
//     rows, which takes a third of the time or less for a batch of 32.
//   - The gradient of a strided convolution with respect to an image is computed on the
//     image folded into channels, in a quarter of the time; see [strided].
//
// The graph is cut at the last such product p that the xs go through, and the halves are
// differentiated one after the other:
//
//	x1 ... --> left --+
//	                  p = left · right --> ... --> y
//	x2 ... --> right -+                     ^
//	                            x3 ---------+
//
//	1. TensorFlow differentiates y with respect to p and to the xs after p (x3).
//	2. backward multiplies dy/dp by the other factor: d left, d right.
//	3. The same begins again with left as y and d left as dy for the xs upstream of left
//	   (x1), and with right for those upstream of right (x2).
func (g *Graph) Grad(y Tensor, xs ...Tensor) []Tensor {
	none := make([]Tensor, len(xs))
	if g.err != nil {
		return none
	}
	for _, t := range append([]Tensor{y}, xs...) {
		if !t.valid {
			g.Fail(fmt.Errorf("gradient: an input is not a tensor"))
			return none
		}
	}
	b := backward{&Graph{g.state, g.unique("gradients"), g.device}, g}
	grads := b.gradients(y, Tensor{}, xs)
	if g.err != nil {
		return none
	}
	return grads
}

// GradOf returns the sum over i of d sum(dys[i] ys[i]) / d x for every x. It does not need dys[i] if
// x has no influence on ys[i]. So dys may depend on other gradients of the same call.
func (g *Graph) GradOf(ys, dys, xs []Tensor) []Tensor {
	none := make([]Tensor, len(xs))
	if g.err != nil {
		return none
	}
	outputs := func(ts []Tensor) []tf.Output {
		out := make([]tf.Output, len(ts))
		for i, t := range ts {
			if !t.valid {
				g.Fail(fmt.Errorf("gradient: an input is not a tensor"))
			}
			out[i] = t.out
		}
		return out
	}
	y, dy, x := outputs(ys), outputs(dys), outputs(xs)
	if g.err != nil {
		return none
	}
	grads, err := g.g.AddGradients(g.unique("gradients"), y, x, dy)
	if err != nil {
		g.Fail(fmt.Errorf("gradient of %d tensors: %w", len(ys), err))
		return none
	}
	out := make([]Tensor, len(xs))
	for i, d := range grads {
		if d.Index < 0 { // as in [backward.builtin]
			g.Fail(fmt.Errorf("gradient: %s has no influence", xs[i].Name()))
			return none
		}
		out[i] = Tensor{d, true}
	}
	return out
}

// backward adds gradients in a new scope, and reports errors in its caller's scope.
type backward struct {
	*Graph
	caller *Graph
}

// gradients returns the gradients with respect to xs. dy is the gradient with respect to y; the zero
// tensor means ones.
func (b backward) gradients(y, dy Tensor, xs []Tensor) []Tensor {
	grads := make([]Tensor, len(xs))
	targets := make([]Tensor, 0, len(xs)+1) // tensors that TensorFlow differentiates to
	p, sides := lastProduct(y, xs)
	if p.op != nil {
		targets = append(targets, p.Output(0))
	}
	var direct []int // the xs that are not upstream of p
	for i, x := range xs {
		if sides[i] == notUpstream {
			direct, targets = append(direct, i), append(targets, x)
		}
	}
	found := b.builtin(y, dy, targets)
	if p.op != nil {
		dp := found[0]
		found = found[1:]
		left, right := p.input(0), p.input(1)
		convolution, isConvolution := stridedOf(p.op)
		b.upstream(left, upstreamOfLeft, sides, xs, grads, func() Tensor {
			if isConvolution {
				return b.imageGradient(convolution, right, dp)
			}
			return b.leftGradient(right, dp)
		})
		b.upstream(right, upstreamOfRight, sides, xs, grads, func() Tensor {
			return b.one("MatMul", attributes{"transpose_a": true}, left, dp)
		})
	}
	for k, i := range direct {
		grads[i] = found[k]
	}
	return grads
}

// leftGradient returns dy Wᵀ, computed as (W dyᵀ)ᵀ.
func (b backward) leftGradient(w, dy Tensor) Tensor {
	return b.Transpose(b.MatMul(w, b.Transpose(dy)))
}

// upstream sets the gradients of the xs on one side of a product. factor is the product's
// input on that side, and gradient returns the gradient with respect to it.
func (b backward) upstream(factor Tensor, s side, sides []side, xs, grads []Tensor, gradient func() Tensor) {
	var targets []Tensor
	for i := range xs {
		if sides[i] == s {
			targets = append(targets, xs[i])
		}
	}
	if len(targets) == 0 {
		return
	}
	found := b.gradients(factor, gradient(), targets)
	for i := range xs {
		if sides[i] == s {
			grads[i], found = found[0], found[1:]
		}
	}
}

// builtin returns TensorFlow's gradients of y. It asks TensorFlow once for each tensor, because
// TensorFlow returns no gradient, and no error, for the second of two equal tensors.
func (b backward) builtin(y, dy Tensor, xs []Tensor) []Tensor {
	out := make([]Tensor, len(xs))
	if b.err != nil || len(xs) == 0 {
		return out
	}
	var distinct []tf.Output
	index := map[string]int{} // in distinct, by name
	for _, x := range xs {
		if _, ok := index[x.Name()]; !ok {
			index[x.Name()] = len(distinct)
			distinct = append(distinct, x.out)
		}
	}
	var dys []tf.Output
	if dy.valid {
		dys = []tf.Output{dy.out}
	}
	grads := dys
	if _, self := index[y.Name()]; !self || len(distinct) > 1 || !dy.valid {
		var err error
		if grads, err = b.g.AddGradients(b.unique("part"), []tf.Output{y.out}, distinct, dys); err != nil {
			b.caller.Fail(fmt.Errorf("gradient of %s: %w", y.Name(), err))
			return out
		}
	}
	for i, x := range xs {
		d := grads[index[x.Name()]]
		if d.Index < 0 { // the bindings' value for no gradient; its Op must not be used
			b.caller.Fail(fmt.Errorf("gradient of %s: %s has no influence on it", y.Name(), x.Name()))
			return make([]Tensor, len(xs))
		}
		out[i] = Tensor{d, true}
	}
	return out
}

// side is the position of a tensor relative to a product.
type side int

const (
	notUpstream side = iota
	upstreamOfLeft
	upstreamOfRight
)

// lastProduct returns the operation nearest to y at which the graph can be cut, and the side of each
// x. The operation is a MatMul with some xs upstream, each on one side only and without another path
// to y, or a strided convolution with such xs upstream of its image. It is zero if there is none.
func lastProduct(y Tensor, xs []Tensor) (p Op, sides []side) {
	for _, op := range ancestorsOf(y.out.Op, "").products {
		p := Op{op}
		bypass := ancestorsOf(y.out.Op, op.Name()) // paths to y that avoid p
		left, right := ancestorsOf(p.input(0).out.Op, ""), ancestorsOf(p.input(1).out.Op, "")
		both := op.Type() == "MatMul" // for a convolution TensorFlow computes the kernel's gradient
		sides := make([]side, len(xs))
		fits := slices.ContainsFunc(xs, func(x Tensor) bool { return left.has(x) || both && right.has(x) })
		for i, x := range xs {
			l, r := left.has(x), right.has(x)
			switch {
			case !l && !r:
			case l && r || bypass.has(x):
				fits = false
			case l:
				sides[i] = upstreamOfLeft
			case both:
				sides[i] = upstreamOfRight
			}
		}
		if fits {
			return p, sides
		}
	}
	return Op{}, make([]side, len(xs))
}

// ancestors are the operations that an operation depends on, and itself.
type ancestors struct {
	names    map[string]bool
	products []*tf.Operation // MatMuls without transposition and strided convolutions, the nearest first
}

func (a ancestors) has(x Tensor) bool { return a.names[x.out.Op.Name()] }

// ancestorsOf returns an operation's ancestors on the paths that avoid the operation named without.
func ancestorsOf(op *tf.Operation, without string) ancestors {
	a := ancestors{names: map[string]bool{}}
	for queue := []*tf.Operation{op}; len(queue) > 0; queue = queue[1:] {
		op := queue[0]
		name := op.Name()
		if name == without || a.names[name] {
			continue
		}
		a.names[name] = true
		if _, isConvolution := stridedOf(op); isConvolution || op.Type() == "MatMul" && !transposes(op) {
			a.products = append(a.products, op)
		}
		for i := range op.NumInputs() {
			queue = append(queue, Op{op}.input(i).out.Op)
		}
	}
	return a
}

// transposes reports whether a MatMul transposes a factor.
func transposes(op *tf.Operation) bool {
	for _, name := range []string{"transpose_a", "transpose_b"} {
		if v, err := op.Attr(name); err != nil || v == true {
			return true
		}
	}
	return false
}

// input returns the operation's i-th input.
func (o Op) input(i int) Tensor {
	return Tensor{tf.Consumer{Op: o.op, Index: i}.Producer(), true}
}
