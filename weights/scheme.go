package weights

import (
	"slices"

	"oscar/tfmodel"
)

// scheme has a program's tensor names, memory layout and preprocessing for an architecture.
type scheme struct {
	program      string // for messages
	architecture string // "": any
	layout       layout
	// module returns the program's name of a layer, or "" if it does not have the layer.
	module func(layer string) string
	// prepare returns the architecture with the program's preprocessing and padding. nil: unchanged.
	prepare func(tfmodel.Architecture) (tfmodel.Architecture, error)
	bgr     bool // its images and first kernel are BGR
	// kernel returns the layout of a layer's kernel, a tensor of that shape: the tensor is viewed with
	// shape view, and then its axes are permuted. nil: the layout's axes.
	kernel func(layer string, shape []int) (view, axes []int)
	path   string // a part of the file's path that distinguishes schemes with the same names
	note   string // for the user
}

// layout has a program's names and axes for the parameters of a kind of layer.
type layout struct {
	separator string
	roles     map[string][]string // by oscar's role; several are alternatives; nil: the same roles
	// axes are the program's axes in oscar's order, by the kind of the layer; nil: the same.
	axes   map[string][]int
	ignore []string // suffixes of tensors that are not parameters
}

// parameter is a candidate tensor for a variable.
type parameter struct {
	names []string
	axes  []int // nil: no transposition
}

// parameter returns the candidate tensors for a variable of a layer, or none if the program does not
// have the layer.
func (s scheme) parameter(v tfmodel.LayerVariable) parameter {
	module := s.module(v.Layer)
	roles := s.layout.roles[v.Role]
	if s.layout.roles == nil {
		roles = []string{v.Role}
	}
	if module == "" {
		return parameter{}
	}
	p := parameter{}
	for _, role := range roles {
		p.names = append(p.names, module+s.layout.separator+role)
	}
	if v.Role == "kernel" {
		p.axes = s.layout.axes[v.Kind]
	}
	return p
}

// arrange returns the shape that a variable's tensor is viewed with, the permutation of its axes
// (nil: none), and the resulting shape. If the variable has fewer axes, the first ones are joined.
func (s scheme) arrange(v tfmodel.LayerVariable, shape []int) (view, axes, got []int) {
	view, axes = shape, s.parameter(v).axes
	if v.Role == "kernel" && s.kernel != nil {
		if otherView, otherAxes := s.kernel(v.Layer, shape); otherAxes != nil {
			view, axes = otherView, otherAxes
		}
	}
	if len(axes) != len(view) {
		return view, nil, view
	}
	for _, a := range axes {
		got = append(got, view[a])
	}
	for len(got) > len(v.Shape) {
		got = append([]int{got[0] * got[1]}, got[2:]...)
	}
	return view, axes, got
}

var (
	oscarLayout = layout{separator: "/"}

	// kerasLayout is Keras's layout: kernels have oscar's axes. In a saved file a variable's name can
	// contain its layer twice, such as conv1/conv1/kernel:0; see canonical.
	kerasLayout = layout{separator: "/", roles: map[string][]string{
		"kernel": {"kernel", "depthwise_kernel"}, "bias": {"bias"}, "gamma": {"gamma"}, "beta": {"beta"},
		"moving_mean": {"moving_mean"}, "moving_variance": {"moving_variance"},
	}}

	// torchLayout is PyTorch's layout: a kernel is [outputs,inputs,height,width], a dense one
	// [outputs,inputs].
	torchLayout = layout{separator: ".", roles: map[string][]string{
		"kernel": {"weight"}, "bias": {"bias"}, "gamma": {"weight"}, "beta": {"bias"},
		"moving_mean": {"running_mean"}, "moving_variance": {"running_var"},
	}, axes: map[string][]int{
		"conv2d": {2, 3, 1, 0}, "depthwise_conv2d": {2, 3, 0, 1}, "dense": {1, 0},
	}, ignore: []string{".num_batches_tracked"}}
)

// schemesOf returns the schemes for an architecture. Oscar's own comes first.
func schemesOf(name string) []scheme {
	own := scheme{program: "oscar", layout: oscarLayout, module: func(layer string) string { return layer }}
	return append([]scheme{own}, slices.DeleteFunc(slices.Clone(schemes), func(s scheme) bool { return s.architecture != name })...)
}

// transpose returns the values of a tensor with permuted axes.
func transpose(values []float32, shape, axes []int) []float32 {
	strides := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i], n = n, n*shape[i]
	}
	to := make([]int, len(axes))
	for i, a := range axes {
		to[i] = shape[a]
	}
	out := make([]float32, 0, n)
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(axes) {
			out = append(out, values[at])
			return
		}
		for range to[axis] {
			walk(axis+1, at)
			at += strides[axes[axis]]
		}
	}
	walk(0, 0)
	return out
}
