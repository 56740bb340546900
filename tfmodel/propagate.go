package tfmodel

import (
	"fmt"
	"slices"
)

// Fold is the rule for an [Affine] layer, y = a x + s for each channel in inference: batch
// normalization and rescaling. It merges the layer with a [Weighted] layer, so that rules treat both
// together as one linear layer.
//
//		into the layer before      into the layer after           alone
//
//		 x                          x                              x
//		 |                          |                              |
//		conv  w, b  \              bn    a, s  \                  relu
//		 |           > a w,         |           |                  |
//		bn    a, s  /  a b + s     pad           > a w,           bn    a, s: Epsilon
//		 |                          |           |  b + sum s w     |
//		 y                         conv  w, b  /                  relu
//		                            |                              |
//		                            y                              y
//
//	  - If the layer right before is weighted, it is merged into that one, as by zennit's
//	    canonizers. The relevance at the weighted layer's output is the one at y.
//	  - Else, if the next layer is weighted, it is merged into that one. Dropout, zero
//	    padding and flatten may lie between. The zeros of the padding are no inputs of the
//	    merged layer: they add nothing, neither to a x w nor to s w. At the border the bias
//	    is therefore another one. It is computed as the convolution of an image of s.
//	    AlexNet02 (conv, relu, pool, bn, conv) is such a network. Zennit does not merge
//	    there, but hands relevance on as if a were 1 and s were 0.
//	  - Else, as between two nonlinear layers or before a block's two branches, [Epsilon]
//	    treats it as a linear layer.
//
// In each case the shift s keeps its share like a bias. Zero padding that is not merged passes
// relevance on as a gradient.
type Fold struct{}

func (Fold) Propagate(l FoldedLayer, r Tensor) Tensor {
	if l.Layer.Traits().Rearranges {
		return Gradient{}.Propagate(l, r)
	}
	return Epsilon{stabilizer}.Propagate(l, r)
}

// ruleStep is one application of a rule on the path back.
type ruleStep struct {
	layer  int // the step whose rule it is
	rule   Rule
	first  int   // the first of the earlier steps that are merged in; -1: none
	after  int   // the later step that is merged in; -1: none
	inputs []int // the steps that receive the signal; -1: the image
}

// path returns the rule steps from the logits back to the output of step to; -1 is the image. It
// leaves out steps that do not depend on that output. A layer at the end of the path is not merged
// with a layer beyond it.
func (s steps) path(rules []Rule, to int) []ruleStep {
	target := s.foldTargets(rules)
	dependent := s.dependents(to)
	var path []ruleStep
	for k := len(s) - 1; k > to; k-- {
		if !dependent[k] {
			continue
		}
		step := ruleStep{layer: k, rule: rules[k], first: -1, after: -1}
		if k > 0 && target[k] == k-1 { // merged into the layer before, whose rule step includes this one
			step.rule = Pass{}
		} else if k+1 < len(s) && target[k+1] == k {
			step.after = k + 1
		}
		for j := k - 1; j > to; j-- {
			if target[j] == step.layer {
				step.first, k = j, j
			}
		}
		for _, from := range s[k].from {
			if from == to || from > to && dependent[from] {
				step.inputs = append(step.inputs, from)
			}
		}
		path = append(path, step)
	}
	return path
}

// dependents reports for each step whether its output depends on the output of step on; -1 is the
// image.
func (s steps) dependents(on int) []bool {
	dependent := make([]bool, len(s))
	for k, step := range s {
		dependent[k] = slices.ContainsFunc(step.from, func(from int) bool { return from == on || from >= 0 && dependent[from] })
	}
	return dependent
}

// foldTargets returns for each step the weighted step that it is merged into, or -1.
func (s steps) foldTargets(rules []Rule) []int {
	target := make([]int, len(s))
	for k := range target {
		target[k] = -1
		_, affine := s[k].layer.(Affine)
		if rules[k] != (Fold{}) || len(s[k].in) != 3 {
			continue
		}
		if k > 0 && affine && s.feedsOnlyNext(k-1) && s.weighted(k-1) {
			target[k] = k - 1
			continue
		}
		j := k + 1
		for j < len(s) && s.feedsOnlyNext(j-1) && s[j].layer.Traits().Rearranges {
			j++
		}
		if j < len(s) && s.feedsOnlyNext(j-1) && s.weighted(j) {
			target[k] = j
		}
	}
	return target
}

// feedsOnlyNext reports whether step i is the only input of the next step, and the next step is its
// only user.
func (s steps) feedsOnlyNext(i int) bool {
	return slices.Equal(s.users(i), []int{i + 1}) && slices.Equal(s[i+1].from, []int{i})
}

// nonNegative reports whether no value of a step's output can be negative. The image can be
// negative, because it may have been shifted.
func (s steps) nonNegative(i int) bool {
	if i < 0 {
		return false
	}
	t := s[i].layer.Traits()
	return t.NonNegative ||
		(t.KeepsSign || t.Rearranges) && !slices.ContainsFunc(s[i].from, func(from int) bool { return !s.nonNegative(from) })
}

// afterAffine reports whether a step's output has passed an affine layer.
func (s steps) afterAffine(i int) bool {
	if i < 0 {
		return false
	}
	_, affine := s[i].layer.(Affine)
	return affine || slices.ContainsFunc(s[i].from, s.afterAffine)
}

// propagate carries the signal r from the logits back to the output of step to; -1 is the image.
// Signals that reach a step through several branches are added.
func (n *Network) propagate(g *Graph, c Composite, r Tensor, to int) (Tensor, error) {
	if n.adopted != nil {
		return n.adoptedGradient(g, c, r, to)
	}
	rules, err := c.rules(n.steps)
	if err != nil {
		return Tensor{}, err
	}
	if n.steps.imports() {
		return g.Grad(g.Sum(g.Mul(n.output(len(n.steps)-1), r), false, 1), n.output(to))[0], g.Err()
	}
	signals := map[int]Tensor{len(n.steps) - 1: r}
	for _, step := range n.steps.path(rules, to) {
		name := n.steps[step.layer].name
		for _, from := range step.inputs {
			if _, ok := step.rule.(ZBox); ok && n.steps.afterAffine(from) {
				return Tensor{}, fmt.Errorf("composite %s: what layer %s sees has been normalized, rule %T is about the image", c.Name, name, step.rule)
			}
			signal := n.skipFolded(g, step, step.rule.Propagate(n.foldedLayer(g, step, from), signals[step.layer]))
			if other, ok := signals[from]; ok {
				signal = g.In(name).Add(signal, other)
			}
			signals[from] = signal
		}
	}
	return signals[to], g.Err()
}

// skipFolded carries a signal from the weighted layer's input back through the layers that rearrange
// it, to the input of the first merged layer.
func (n *Network) skipFolded(g *Graph, step ruleStep, r Tensor) Tensor {
	for i := step.layer - 1; i >= step.first && step.first >= 0; i-- {
		if layer := n.steps[i].layer; layer.Traits().Rearranges {
			r = layer.Backward(n.builder(g, i), n.output(n.steps[i].from[0]), n.output(i), r)
		}
	}
	return r
}

// FoldedLayer is a layer as a [Rule] sees it: alone, or merged with an affine layer before or after
// it (see [Fold]). The rule adds operations with the Builder, which has the layer's parameters.
type FoldedLayer struct {
	*Builder
	Layer        Layer
	X, Y         Tensor // input and output, [N, ...]
	Kernel, Bias Tensor // merged kernel and bias of a Weighted layer; the bias may depend on the position
	NonNegative  bool   // no value of X is negative

	in        Shape               // of the first merged layer
	rearrange func(Tensor) Tensor // applies the layers between the affine layer and the kernel to a tensor of shape in
}

// foldedLayer returns the layer of a rule step, with the layers merged into it. from is the step
// whose output is the layer's input.
func (n *Network) foldedLayer(g *Graph, step ruleStep, from int) FoldedLayer {
	s := n.steps[step.layer]
	l := FoldedLayer{
		Builder: n.builder(g, step.layer), Layer: s.layer,
		X: n.output(from), Y: n.output(step.layer), NonNegative: n.steps.nonNegative(from),
		in: s.in, rearrange: func(x Tensor) Tensor { return x },
	}
	if !n.steps.weighted(step.layer) {
		return l
	}
	l.Kernel = l.Param("kernel")
	if l.declared("bias") {
		l.Bias = l.Param("bias")
	} else {
		l.Bias = l.Fill(Shape{s.out[len(s.out)-1]}, 0)
	}
	if step.first >= 0 {
		n.mergeBefore(&l, g, step)
	}
	if step.after >= 0 {
		scale, shift := n.affine(g, step.after)
		l.Kernel, l.Bias = l.scaleOutputs(scale), l.Add(l.Mul(l.Bias, scale), shift)
		l.Y = n.output(step.after)
	}
	return l
}

// scaleOutputs returns the kernel with each output channel multiplied by its scale.
func (l FoldedLayer) scaleOutputs(scale Tensor) Tensor {
	s := l.Kernel.Shape()
	if channels := scale.Shape()[0]; s[len(s)-1] != channels { // each channel has its own kernel
		scale = l.Reshape(scale, Shape{channels, 1})
	}
	return l.Mul(l.Kernel, scale)
}

// mergeBefore merges the steps from step.first on into the layer after them.
func (n *Network) mergeBefore(l *FoldedLayer, g *Graph, step ruleStep) {
	between := step.first // the first rearranging step
	_, affine := n.steps[step.first].layer.(Affine)
	if affine {
		between++
	}
	l.rearrange = func(x Tensor) Tensor {
		for i := between; i < step.layer; i++ {
			x = n.steps[i].layer.Apply(n.builder(g, i), x)
		}
		return x
	}
	l.X, l.in = l.rearrange(l.X), n.steps[step.first].in
	if !affine {
		return
	}
	scale, shift := n.affine(g, step.first)
	l.Bias = l.apply(l.constantInput(shift), l.Kernel, l.Bias)
	inputs := l.Kernel.Shape()[len(l.Kernel.Shape())-2] // channels, or channels of all positions
	repeated := l.Mul(l.Fill(Shape{inputs / scale.Shape()[0], 1}, 1), scale)
	l.Kernel = l.Mul(l.Kernel, l.Reshape(repeated, Shape{inputs, 1}))
}

// affine returns the scale and shift of a step's channels.
func (n *Network) affine(g *Graph, i int) (scale, shift Tensor) {
	s := n.steps[i]
	return s.layer.(Affine).Affine(n.builder(g, i), s.in[len(s.in)-1])
}

// apply returns x times the kernel, plus the bias if there is one.
func (l FoldedLayer) apply(x, kernel, bias Tensor) Tensor {
	z := l.Layer.(Weighted).Product(l.Builder, x, kernel)
	if bias.Valid() {
		z = l.Add(z, bias)
	}
	return z
}

// transposed returns dz times the transposed kernel. For a linear layer without a kernel, such as
// average pooling, it returns dz times the transpose of the layer.
func (l FoldedLayer) transposed(kernel, dz Tensor) Tensor {
	if !kernel.Valid() {
		return l.Layer.Backward(l.Builder, l.X, l.Y, dz)
	}
	return l.Layer.(Weighted).Transposed(l.Builder, l.X, kernel, dz)
}

// constantInput returns one example with X's shape. At every position of the first merged layer's
// input it has the given values of the channels.
func (l FoldedLayer) constantInput(channels Tensor) Tensor {
	n := channels.Shape()[0]
	flat := l.Mul(l.Fill(Shape{1, l.in.Elements() / n, 1}, 1), channels)
	return l.rearrange(l.Reshape(flat, append(Shape{1}, l.in...)))
}
