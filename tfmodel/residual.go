package tfmodel

import (
	"errors"
	"fmt"
	"slices"

	"oscar/internal/graph"
)

// Residual is a block of two branches whose outputs are added (He et al. 2016,
// arXiv:1512.03385, eq. 1 and 2): body(x) + shortcut(x). Without a shortcut it
// is body(x) + x. An activation after the sum is a layer of its own.
//
// The layers within have names of their own, unique within the block; from
// outside, in variables, edits and tables, they are block/layer, as in
// block1/conv1. The block's own name is that of the sum.
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
	out, beside := body[len(l.Body)], shortcut[len(l.Shortcut)]
	if !slices.Equal(out, beside) {
		return nil, fmt.Errorf("its body gives %v, its shortcut %v, which cannot be added: a 1x1 convolution in the shortcut can bring them together", out, beside)
	}
	return out, nil
}

// Params are those of the layers within, with roles such as conv1/kernel.
func (l *Residual) Params(in Shape) (params []Param) {
	list := func(layers []Named) {
		s, _ := steps(nil).lay("", layers, in, -1)
		s.forEachParam(func(name string, p Param) {
			p.Role = name
			params = append(params, p)
		})
	}
	list(l.Body)
	list(l.Shortcut)
	return params
}

// Apply adds both branches and their sum. Networks are compiled layer by
// layer, from what [steps] makes of the block; this is for a block alone.
func (l *Residual) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	outputs := l.steps(b, x).apply(b, x)
	return outputs[len(outputs)-1]
}

// Backward adds the branches once more, for what lies within them.
func (l *Residual) Backward(b *Builder, x, _, dy graph.Tensor) graph.Tensor {
	s := l.steps(b, x)
	n := &Network{Image: x, vars: b.vars, steps: s, outputs: s.apply(b, x)}
	dx, err := n.walk(b.Graph, plainGradient(), dy, -1)
	b.Fail(err)
	return dx
}

func (l *Residual) steps(b *Builder, x graph.Tensor) steps {
	return steps(nil).open(l, b.layer, Shape(x.Shape()[1:]), -1)
}

// sum is where the branches of a block meet. As every step it is given the sum
// of what it takes.
type sum struct{}

func (sum) Kind() string                                            { return (*Residual)(nil).Kind() }
func (sum) OutShape(in Shape) (Shape, error)                        { return in, nil }
func (sum) Params(Shape) []Param                                    { return nil }
func (sum) Apply(_ *Builder, x graph.Tensor) graph.Tensor           { return x }
func (sum) Backward(_ *Builder, _, _, dy graph.Tensor) graph.Tensor { return dy }
