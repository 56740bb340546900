package foreign

import (
	"fmt"
	"math"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"

	"oscar/internal/graph"
)

// gridder converts every layer's tensor to a map, float32 [N,height,width,channels], if necessary.
// It then converts the map back, and the rest of the graph uses the result. So the gradient at the
// map corresponds to the gradient at the tensor.
type gridder struct {
	*flat
	shapes        func(string) (graph.Shape, graph.DType)
	rows, columns int // of the token grid; 0: a square
	channelsFirst map[string]bool
	done          map[ref]grid
	users         map[ref][]user
	inserted      map[string][]*node_def_go_proto.NodeDef // new nodes, by the node before them
}

type user struct {
	n     *node_def_go_proto.NodeDef
	input int
}

// grid is a layer's map.
type grid struct {
	tensor ref
	output []int // shape for one example
	token  bool  // a first token for the whole image was removed
}

func (f *flat) gridder(shapes func(string) (graph.Shape, graph.DType), tokens string) (*gridder, error) {
	g := &gridder{flat: f, shapes: shapes, channelsFirst: f.first, done: map[ref]grid{}, users: map[ref][]user{}, inserted: map[string][]*node_def_go_proto.NodeDef{}}
	if tokens != "" {
		var err error
		if g.rows, g.columns, err = ParseSize(tokens); err != nil {
			return nil, fmt.Errorf("tokens: %w", err)
		}
	}
	for _, n := range f.nodes {
		for i, in := range n.Input {
			r := refOf(in)
			g.users[r] = append(g.users[r], user{n, i})
		}
	}
	return g, nil
}

// lay returns a layer's map. ok is false if the layer's tensor has an unknown shape or a type
// without gradients.
func (g *gridder) lay(r ref) (out grid, ok bool) {
	if done, ok := g.done[r]; ok {
		return done, true
	}
	s, t := g.shapes(r.String())
	if !graph.IsFloat(t) || len(s) < 2 {
		return grid{}, false
	}
	for _, d := range s[1:] {
		if d < 1 {
			return grid{}, false
		}
	}
	defer func() {
		if ok {
			g.done[r] = out
		}
	}()
	switch len(s) {
	case 2:
		return grid{tensor: r, output: s[1:]}, true
	case 3:
		rows, columns, first := g.tokens(s[1])
		if rows == 0 {
			return grid{tensor: r, output: s[1:]}, true
		}
		return g.fold(r, t, rows, columns, s[2], first), true
	case 4:
		if g.channelsFirst[r.node] {
			if !g.imageLike(s[2], s[3]) {
				return grid{}, false
			}
			return g.turn(r, t, s), true
		}
		if !g.imageLike(s[1], s[2]) {
			return grid{}, false
		}
		if t != graph.Float {
			return g.cast(r, t, s), true
		}
		return grid{tensor: r, output: s[1:]}, true
	}
	return grid{tensor: r, output: s[1:]}, true
}

// imageLike reports whether a map has about the aspect ratio of the image. This excludes tensors of
// attention heads.
func (g *gridder) imageLike(height, width int) bool {
	in := shapeOf(g.image.Attr["shape"].GetShape())
	if few(in[1]) && !few(in[3]) {
		in = in[1:]
	}
	stretched := float64(height*in[2]) / float64(width*in[1])
	return height*width == 1 || stretched > 0.5 && stretched < 2
}

// tokens returns the grid of n tokens, or 0 if there is none. first is 1 if the first token is for
// the whole image.
func (g *gridder) tokens(n int) (rows, columns, first int) {
	for first := range 2 {
		m := n - first
		if g.rows > 0 && g.rows*g.columns == m {
			return g.rows, g.columns, first
		}
		if side := int(math.Round(math.Sqrt(float64(m)))); g.rows == 0 && side > 1 && side*side == m {
			return side, side, first
		}
	}
	return 0, 0, 0
}

// fold converts tokens [N,T,C] to a map [N,rows,columns,C].
func (g *gridder) fold(r ref, t graph.DType, rows, columns, channels, first int) grid {
	a := attrs{"T": typeAttr(types_go_proto.DataType(t))}
	reshape := attrs{"T": a["T"], "Tshape": typeAttr(types_go_proto.DataType_DT_INT32)}
	slice := attrs{"T": a["T"], "Index": typeAttr(types_go_proto.DataType_DT_INT32)}
	x := r.String()
	tokens := x
	if first > 0 {
		tokens = g.insert(r, "tokens", "Slice", slice, x, g.ints(r, 0, first, 0), g.ints(r, -1, -1, -1))
	}
	folded := g.insert(r, "grid", "Reshape", reshape, tokens, g.ints(r, -1, rows, columns, channels))
	wide := g.fed(r, g.widen(r, t, folded))
	back := g.insert(r, "tokens", "Reshape", reshape, g.narrow(r, t, wide), g.ints(r, -1, rows*columns, channels))
	if first > 0 {
		whole := g.insert(r, "whole", "Slice", slice, x, g.ints(r, 0, 0, 0), g.ints(r, -1, first, -1))
		join := attrs{"T": a["T"], "Tidx": typeAttr(types_go_proto.DataType_DT_INT32), "N": {Value: &attr_value_go_proto.AttrValue_I{I: 2}}}
		back = g.insert(r, "all_tokens", "ConcatV2", join, whole, back, g.scalar(r, 1))
	}
	g.reroute(r, back)
	return grid{refOf(wide), []int{rows, columns, channels}, first > 0}
}

// turn converts [N,C,H,W] to [N,H,W,C].
func (g *gridder) turn(r ref, t graph.DType, s graph.Shape) grid {
	a := attrs{"T": typeAttr(types_go_proto.DataType(t)), "Tperm": typeAttr(types_go_proto.DataType_DT_INT32)}
	turned := g.insert(r, "map", "Transpose", a, r.String(), g.ints(r, 0, 2, 3, 1))
	wide := g.fed(r, g.widen(r, t, turned))
	g.reroute(r, g.insert(r, "back", "Transpose", a, g.narrow(r, t, wide), g.ints(r, 0, 3, 1, 2)))
	return grid{tensor: refOf(wide), output: []int{s[2], s[3], s[1]}}
}

// cast converts a 16 bit map to 32 bits.
func (g *gridder) cast(r ref, t graph.DType, s graph.Shape) grid {
	wide := g.fed(r, g.widen(r, t, r.String()))
	g.reroute(r, g.narrow(r, t, wide))
	return grid{tensor: refOf(wide), output: s[1:]}
}

// fed returns a map that can be fed. TensorFlow's optimizer removes two successive transpositions or
// reshapes even if the tensor between them is fed; an Identity prevents this.
func (g *gridder) fed(r ref, x string) string {
	return g.insert(r, "map", "Identity", attrs{"T": typeAttr(types_go_proto.DataType_DT_FLOAT)}, x)
}

func (g *gridder) widen(r ref, t graph.DType, x string) string {
	return g.convert(r, x, t, graph.Float)
}

func (g *gridder) narrow(r ref, t graph.DType, x string) string {
	return g.convert(r, x, graph.Float, t)
}

func (g *gridder) convert(r ref, x string, from, to graph.DType) string {
	if from == to {
		return x
	}
	return g.insert(r, "cast", "Cast", attrs{"SrcT": typeAttr(types_go_proto.DataType(from)), "DstT": typeAttr(types_go_proto.DataType(to)), "Truncate": {Value: &attr_value_go_proto.AttrValue_B{}}}, x)
}

// insert adds an operation after the node of r.
func (g *gridder) insert(r ref, suffix, op string, a attrs, in ...string) string {
	n := &node_def_go_proto.NodeDef{Name: g.free(r.node + "/" + suffix), Op: op, Input: in, Attr: a}
	g.byName[n.Name] = n
	g.inserted[r.node] = append(g.inserted[r.node], n)
	return n.Name
}

func (g *gridder) ints(r ref, v ...int) string { return g.constant(r, []int{len(v)}, v) }

func (g *gridder) scalar(r ref, v int) string { return g.constant(r, nil, []int{v}) }

func (g *gridder) constant(r ref, shape []int, v []int) string {
	t := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_INT32, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}}
	for _, d := range shape {
		t.TensorShape.Dim = append(t.TensorShape.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: int64(d)})
	}
	for _, x := range v {
		t.IntVal = append(t.IntVal, int32(x))
	}
	return g.insert(r, "const", "Const", attrs{"dtype": typeAttr(types_go_proto.DataType_DT_INT32), "value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: t}}})
}

// reroute makes all operations that use r use back, the tensor that was converted back.
func (g *gridder) reroute(r ref, back string) {
	for _, u := range g.users[r] {
		u.n.Input[u.input] = back
	}
}

// finish inserts the new nodes into the graph.
func (g *gridder) finish() {
	var nodes []*node_def_go_proto.NodeDef
	for _, n := range g.nodes {
		nodes = append(append(nodes, n), g.inserted[n.Name]...)
	}
	g.flat.nodes = nodes
}
