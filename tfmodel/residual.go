package tfmodel

import (
	"errors"
	"fmt"
	"slices"
)

// Residual is a block of two branches whose outputs are added (He et al. 2016, arXiv:1512.03385, eq.
// 1 and 2): body(x) + shortcut(x). Without a shortcut it is body(x) + x. An activation after the sum
// is a separate layer.
//
// The names of the layers in a block are unique within it. Variables, edits and tables call them
// block/layer, such as block1/conv1. The block's own name means the sum.
type Residual struct {
	Body     []Named `json:"body"`
	Shortcut []Named `json:"shortcut,omitempty"`
}

func (*Residual) Kind() string { return "residual" }

func (l *Residual) OutShape(in Shape) (Shape, error) {
	if len(l.Body) == 0 {
		return nil, errors.New("its body is empty")
	}
	seen := map[string]bool{}
	body, err := shapes(l.Body, in, seen)
	if err != nil {
		return nil, err
	}
	shortcut, err := shapes(l.Shortcut, in, seen)
	if err != nil {
		return nil, err
	}
	out, other := body[len(l.Body)], shortcut[len(l.Shortcut)]
	if !slices.Equal(out, other) {
		return nil, fmt.Errorf("its body gives %v, its shortcut %v, which cannot be added: a 1x1 convolution in the shortcut can bring them together", out, other)
	}
	return out, nil
}

// Params returns the parameters of the block's layers, with roles such as conv1/kernel.
func (l *Residual) Params(in Shape) (params []Param) {
	list := func(layers []Named) {
		s, _ := steps(nil).appendLayers("", layers, in, -1)
		s.forEachParam(func(name string, p Param) {
			p.Role = name
			params = append(params, p)
		})
	}
	list(l.Body)
	list(l.Shortcut)
	return params
}

// Apply adds both branches and their sum, for a block outside of a network. In a network each layer
// of the block is a step; see [steps].
func (l *Residual) Apply(b *Builder, x Tensor) Tensor {
	outputs := l.steps(b, x).apply(b, x)
	return outputs[len(outputs)-1]
}

// Backward adds the branches a second time, because it needs their inner outputs.
func (l *Residual) Backward(b *Builder, x, _, dy Tensor) Tensor {
	s := l.steps(b, x)
	n := &Network{Image: x, vars: b.vars, steps: s, outputs: s.apply(b, x)}
	dx, err := n.propagate(b.Graph, plainGradient(), dy, -1)
	b.Fail(err)
	return dx
}

func (l *Residual) steps(b *Builder, x Tensor) steps {
	return steps(nil).appendBlock(l, b.layer, Shape(x.Shape()[1:]), -1)
}

// Traits returns the traits of the sum. Each layer of the branches has its own.
func (*Residual) Traits() Traits {
	return Traits{LRP: Epsilon{stabilizer}, Focus: true, KeepsSign: true, InPlace: true}
}

// sum is the step at the end of a block. A step with several inputs gets their sum, so that this
// step returns its input.
type sum struct{}

func (sum) Kind() string                                { return (*Residual)(nil).Kind() }
func (sum) OutShape(in Shape) (Shape, error)            { return in, nil }
func (sum) Params(Shape) []Param                        { return nil }
func (sum) Apply(_ *Builder, x Tensor) Tensor           { return x }
func (sum) Backward(_ *Builder, _, _, dy Tensor) Tensor { return dy }
func (sum) Traits() Traits                              { return (*Residual)(nil).Traits() }
