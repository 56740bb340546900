package tfmodel

import (
	"cmp"
	"fmt"

	"oscar/internal/graph"
)

// weighted is a layer that multiplies by a kernel, and may add a bias: what the
// rules of layer-wise relevance propagation look into.
type weighted interface {
	Layer
	// product is x times the kernel.
	product(b *Builder, x, kernel graph.Tensor) graph.Tensor
	// transposed is dy times the transposed kernel: the gradient with respect to x.
	transposed(b *Builder, x, kernel, dy graph.Tensor) graph.Tensor
}

// kernel is the parameter of that name. The zero initialiser is
// [GlorotUniform].
func kernel(i Initializer, l2 float64, shape ...int) Param {
	return Param{Role: "kernel", Shape: shape, Init: cmp.Or(i, GlorotUniform), Trainable: true, L2: l2}
}

func checkKernel(i Initializer, l2 float64) error {
	switch {
	case i != "" && i != GlorotUniform && i != HeNormal:
		return fmt.Errorf("no initializer %q; have %s, %s", i, GlorotUniform, HeNormal)
	case !(l2 >= 0): // nor NaN
		return fmt.Errorf("l2 is %g, want at least 0", l2)
	}
	return nil
}
