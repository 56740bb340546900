package foreign

import (
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
)

// scaled returns the result of the model's own scaling of the image. It follows the image through
// arithmetic with constants and variables, up to the first other operation. ok is false if there is
// no such arithmetic.
func (f *flat) scaled() (r ref, ok bool) {
	fromImage := f.dependents(f.image.Name)
	users := map[string][]*node_def_go_proto.NodeDef{}
	for _, n := range f.nodes {
		for _, in := range n.Input {
			name := refOf(in).node
			users[name] = append(users[name], n)
		}
	}
	r = ref{node: f.image.Name}
	for {
		var next *node_def_go_proto.NodeDef
		for _, n := range users[r.node] {
			if keepsImage[n.Op] {
				if next != nil && next != n {
					return r, ok // used twice: the scaling ends here
				}
				next = n
			}
		}
		if next == nil {
			return r, ok
		}
		if arithmetic[next.Op] {
			for _, in := range next.Input {
				if name := refOf(in).node; name != r.node && fromImage[name] {
					return r, ok
				}
			}
			ok = true
		}
		r = ref{node: next.Name}
	}
}

// arithmetic are the operations of a scaling.
var arithmetic = setOf("Mul AddV2 Add Sub RealDiv Div")

// keepsImage are the operations whose output is still an image.
var keepsImage = setOf("Mul AddV2 Add Sub RealDiv Div Cast ReverseV2 Transpose ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea Slice StridedSlice Pad ConcatV2 Split Unpack")
