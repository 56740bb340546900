package graph

import (
	"fmt"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
)

// DType is the type of a tensor's elements.
type DType = tf.DataType

// The element types that oscar uses.
const (
	Float  DType = tf.Float
	Int32  DType = tf.Int32
	Int64  DType = tf.Int64
	Uint8  DType = tf.Uint8
	Bool   DType = tf.Bool
	String DType = tf.String
)

// Shape is the size of each dimension, -1 if it is unknown.
type Shape []int

// Elements returns the number of elements. An unknown dimension counts as one.
func (s Shape) Elements() int {
	n := 1
	for _, d := range s {
		if d >= 0 {
			n *= d
		}
	}
	return n
}

// String returns the shape as [N,227,227,3], with N for an unknown dimension.
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = fmt.Sprint(d)
		if d < 0 {
			parts[i] = "N"
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (s Shape) int64s() []int64 {
	out := make([]int64, len(s))
	for i, d := range s {
		out[i] = int64(d)
	}
	return out
}

// Tensor is the output of an operation in a graph under construction. Operations return the
// zero Tensor after an error, and accept it as an input.
type Tensor struct {
	out   tf.Output
	valid bool
}

// Valid reports whether t is the output of an operation.
func (t Tensor) Valid() bool { return t.valid }

// Op returns the operation whose output t is.
func (t Tensor) Op() Op { return Op{t.out.Op} }

// Name returns the tensor's name, such as "conv1/Conv2D:0".
func (t Tensor) Name() string {
	if !t.valid {
		return ""
	}
	return fmt.Sprintf("%s:%d", t.out.Op.Name(), t.out.Index)
}

// DType returns the element type, or zero for an invalid tensor.
func (t Tensor) DType() DType {
	if !t.valid {
		return 0
	}
	return t.out.DataType()
}

// Shape returns the shape as far as it is known. It is nil if the number of dimensions is
// unknown.
func (t Tensor) Shape() Shape {
	if !t.valid {
		return nil
	}
	shape := t.out.Shape()
	dims, err := shape.ToSlice()
	if err != nil {
		return nil
	}
	s := make(Shape, len(dims))
	for i, d := range dims {
		s[i] = int(d)
	}
	return s
}

// Op is an operation that is run for its effect.
type Op struct{ op *tf.Operation }

// Name returns the operation's name, or "" for the zero Op.
func (o Op) Name() string {
	if o.op == nil {
		return ""
	}
	return o.op.Name()
}

// Needs reports whether t is computed from x on a path that avoids cut.
func (t Tensor) Needs(x, cut Tensor) bool {
	seen := map[string]bool{}
	for stack := []Tensor{t}; len(stack) > 0; {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at.Name() == cut.Name() || seen[at.Name()] {
			continue
		}
		if at.Name() == x.Name() {
			return true
		}
		seen[at.Name()] = true
		op := Op{at.out.Op}
		for i := range op.op.NumInputs() {
			stack = append(stack, op.input(i))
		}
	}
	return false
}
