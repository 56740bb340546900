package tfmodel

import (
	"fmt"

	"oscar/internal/named"
)

// SqueezeExcitation multiplies each channel by a gate between 0 and 1, which two dense
// layers compute from the means of all channels (Hu et al. 2018, arXiv:1709.01507, eq. 2 to
// 4): x gate(W2 activation(W1 mean(x) + b1) + b2).
type SqueezeExcitation struct {
	Units      int    `json:"units"`                // between the two dense layers
	Activation string `json:"activation,omitempty"` // after the first dense layer: relu (default) or swish
	Gate       string `json:"gate,omitempty"`       // after the second dense layer: sigmoid (default) or hard_sigmoid
}

func (*SqueezeExcitation) Kind() string { return "squeeze_excitation" }

// normalize writes a default always in the same way, so that equal layers have equal JSON.
func (l *SqueezeExcitation) normalize() {
	if l.Activation == "relu" {
		l.Activation = ""
	}
	if l.Gate == "sigmoid" {
		l.Gate = ""
	}
}

func (l *SqueezeExcitation) OutShape(in Shape) (Shape, error) {
	switch {
	case len(in) != 3:
		return nil, fmt.Errorf("input is %v, want [height,width,channels]", in)
	case l.Units < 1:
		return nil, fmt.Errorf("units is %d, want at least 1", l.Units)
	case l.Activation != "" && l.Activation != "relu" && l.Activation != "swish":
		return nil, named.Unknown("activation", l.Activation, []string{"relu", "swish"})
	case l.Gate != "" && l.Gate != "sigmoid" && l.Gate != "hard_sigmoid":
		return nil, named.Unknown("gate", l.Gate, []string{"sigmoid", "hard_sigmoid"})
	}
	return in, nil
}

func (l *SqueezeExcitation) Params(in Shape) []Param {
	bias := func(role string, n int) Param {
		return Param{Role: role, Shape: Shape{n}, Init: Zeros, Trainable: true}
	}
	reduce, expand := kernel("", 0, in[2], l.Units), kernel("", 0, l.Units, in[2])
	reduce.Role, expand.Role = "reduce/kernel", "expand/kernel"
	return []Param{reduce, bias("reduce/bias", l.Units), expand, bias("expand/bias", in[2])}
}

func (l *SqueezeExcitation) Apply(b *Builder, x Tensor) Tensor {
	return b.Mul(x, l.gate(b, x).map4(b))
}

// gate has the intermediate values of the gates.
type gate struct {
	activation   Layer
	hidden, seen Tensor // before and after the activation, [N,units]
	value        Tensor // [N,channels]
}

func (l *SqueezeExcitation) gate(b *Builder, x Tensor) gate {
	g := gate{activation: &ReLU{}}
	if l.Activation == "swish" {
		g.activation = &Swish{}
	}
	g.hidden = b.BiasAdd(b.MatMul(b.Mean(x, false, 1, 2), b.Param("reduce/kernel")), b.Param("reduce/bias"))
	g.seen = g.activation.Apply(b, g.hidden)
	z := b.BiasAdd(b.MatMul(g.seen, b.Param("expand/kernel")), b.Param("expand/bias"))
	if l.Gate == "hard_sigmoid" {
		g.value = hardSigmoid(b, z)
	} else {
		g.value = b.Sigmoid(z)
	}
	return g
}

// map4 returns the gates as [N,1,1,channels].
func (g gate) map4(b *Builder) Tensor {
	return b.Reshape(g.value, Shape{-1, 1, 1, g.value.Shape()[1]})
}

// Backward returns dy times the gates, plus the gradient through the means and the gates.
func (l *SqueezeExcitation) Backward(b *Builder, x, _, dy Tensor) Tensor {
	g := l.gate(b, x)
	var slope Tensor
	if l.Gate == "hard_sigmoid" {
		slope = hardSigmoidSlope(b, g.value)
	} else {
		slope = b.Mul(g.value, b.Sub(b.Scalar(1), g.value))
	}
	dz := b.Mul(b.Sum(b.Mul(dy, x), false, 1, 2), slope)
	dense := &Dense{}
	dHidden := g.activation.Backward(b, g.hidden, g.seen, dense.Transposed(b, g.seen, b.Param("expand/kernel"), dz))
	means := (&GlobalAveragePool2D{}).Backward(b, x, Tensor{}, dense.Transposed(b, x, b.Param("reduce/kernel"), dHidden))
	return b.Add(b.Mul(dy, g.map4(b)), means)
}

// Traits treats the gates as constants: LRP passes all relevance through the multiplied channels
// (Arras et al. 2017, doi:10.18653/v1/W17-5221, section 3.2).
func (*SqueezeExcitation) Traits() Traits { return Traits{LRP: Pass{}, KeepsSign: true} }
