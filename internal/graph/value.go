package graph

import (
	"bytes"
	"fmt"
	"runtime"
	"unsafe"

	tf "github.com/wamuir/graft/tensorflow"
)

// Value is a tensor with contents, which is fed to or fetched from a session.
type Value struct{ t *tf.Tensor }

// number is the type of a flat buffer's elements.
type number interface {
	~uint8 | ~int32 | ~int64 | ~float32
}

func asBytes[T number](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// from copies a flat row-major buffer into a tensor.
func from[T number](dtype DType, shape Shape, buf []T) Value {
	if shape.Elements() != len(buf) {
		panic(fmt.Sprintf("graph: %d elements do not fill %v", len(buf), shape))
	}
	t, err := tf.ReadTensor(dtype, shape.int64s(), bytes.NewReader(asBytes(buf)))
	if err != nil {
		panic(fmt.Sprintf("graph: tensor of %v: %v", shape, err))
	}
	return Value{t}
}

// FromUint8s copies buf, row-major, into a tensor. It panics unless len(buf) is the number of
// the shape's elements.
func FromUint8s(shape Shape, buf []uint8) Value { return from(Uint8, shape, buf) }

// FromFloat32s is [FromUint8s] for float32.
func FromFloat32s(shape Shape, buf []float32) Value { return from(Float, shape, buf) }

// FromInt64s is [FromUint8s] for int64.
func FromInt64s(shape Shape, buf []int64) Value { return from(Int64, shape, buf) }

// FromInt32s is [FromUint8s] for int32.
func FromInt32s(shape Shape, buf []int32) Value { return from(Int32, shape, buf) }

// FromString returns a scalar string tensor.
func FromString(s string) Value {
	t, err := tf.NewTensor(s)
	if err != nil {
		panic(fmt.Sprintf("graph: string tensor: %v", err))
	}
	return Value{t}
}

// FromStrings returns a string vector.
func FromStrings(s []string) Value {
	t, err := tf.NewTensor(s)
	if err != nil {
		panic(fmt.Sprintf("graph: string tensor: %v", err))
	}
	return Value{t}
}

// Shape returns the value's shape.
func (v Value) Shape() Shape {
	s := make(Shape, len(v.t.Shape()))
	for i, d := range v.t.Shape() {
		s[i] = int(d)
	}
	return s
}

// DType returns the type of the elements.
func (v Value) DType() DType { return v.t.DataType() }

// to returns a copy of the contents. It panics if dtype is not the value's type.
func to[T number](v Value, dtype DType) []T {
	if v.t.DataType() != dtype {
		panic(fmt.Sprintf("graph: tensor of type %v read as %v", v.t.DataType(), dtype))
	}
	out := make([]T, v.Shape().Elements())
	if _, err := v.t.WriteContentsTo(&sink{asBytes(out)}); err != nil {
		panic(fmt.Sprintf("graph: read tensor: %v", err))
	}
	runtime.KeepAlive(v.t) // otherwise its finalizer could free the contents during the copy
	return out
}

// sink is a writer that fills a buffer.
type sink struct{ rest []byte }

func (s *sink) Write(p []byte) (int, error) {
	n := copy(s.rest, p)
	s.rest = s.rest[n:]
	return n, nil
}

// Float32s returns a copy of the contents, row-major. It panics if they have another type.
func (v Value) Float32s() []float32 { return to[float32](v, Float) }

// Rows returns the float32 values of each index of the first dimension.
func (v Value) Rows() [][]float32 {
	flat := v.Float32s()
	out := make([][]float32, v.Shape()[0])
	size := len(flat) / max(len(out), 1)
	for i := range out {
		out[i] = flat[i*size : (i+1)*size]
	}
	return out
}

// uint8s is [Value.Float32s] for uint8.
func (v Value) uint8s() []uint8 { return to[uint8](v, Uint8) }

// Int64s is [Value.Float32s] for int64.
func (v Value) Int64s() []int64 { return to[int64](v, Int64) }

// Float32 returns the only element of a float scalar.
func (v Value) Float32() float32 { return v.Float32s()[0] }

// size returns the size of the contents in bytes.
func (v Value) size() int64 {
	width := int64(4)
	switch v.t.DataType() {
	case Int64:
		width = 8
	case Uint8, Bool:
		width = 1
	}
	return int64(v.Shape().Elements()) * width
}
