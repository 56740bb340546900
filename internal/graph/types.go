package graph

import tf "github.com/wamuir/graft/tensorflow"

// Element types in models of other programs.
const (
	Half     DType = tf.Half
	Bfloat16 DType = tf.Bfloat16
	Double   DType = tf.Double
)

// IsFloat reports whether gradients pass through elements of that type.
func IsFloat(t DType) bool { return t == Float || t == Half || t == Bfloat16 || t == Double }

// Str returns the only element of a string scalar; empty for any other value.
func (v Value) Str() string {
	s, _ := v.t.Value().(string)
	return s
}
