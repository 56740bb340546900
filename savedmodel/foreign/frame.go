package foreign

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
)

// ref is a tensor of the flat graph.
type ref struct {
	node  string
	index int
	// dead means that the tensor belongs to the branch that is not taken.
	dead bool
	// handle is the variable whose handle this is; nil: a value.
	handle *variable
}

// String returns the tensor's name as an input, "conv/Relu" or "split:1".
func (r ref) String() string {
	if r.index == 0 {
		return r.node
	}
	return r.node + ":" + strconv.Itoa(r.index)
}

// refOf parses an input of the flat graph.
func refOf(input string) ref {
	node, number, _ := strings.Cut(input, ":")
	index, _ := strconv.Atoi(number)
	return ref{node: node, index: index}
}

// variable is a variable that the flat graph reads. The graph has a tensor of its name, with its
// value.
type variable struct {
	name  string // name of its handle in the model
	dtype graph.DType
	shape graph.Shape // nil: unknown
}

// flattener inlines called functions into one graph. It starts at an output and follows inputs, so
// operations that the output does not need are left out.
type flattener struct {
	*Model
	nodes     []*node_def_go_proto.NodeDef // each node after its inputs
	byName    map[string]*node_def_go_proto.NodeDef
	variables []*variable
	aliases   map[string]ref // inputs of operations that return their input, by operation
	taken     map[string]int // last suffix that free appended to a name
	root      *frame
	frames    map[string]*frame
	depth     int
}

func (m *Model) flattener() *flattener {
	f := &flattener{Model: m, byName: map[string]*node_def_go_proto.NodeDef{}, aliases: map[string]ref{}, taken: map[string]int{}, frames: map[string]*frame{}}
	f.root = &frame{flattener: f, nodes: m.main, done: map[string]ref{}, busy: map[string]bool{}}
	return f
}

// frame is one call of a function, or the main graph.
type frame struct {
	*flattener
	fn    *function // nil: the main graph
	nodes map[string]*node_def_go_proto.NodeDef
	path  string         // names of the enclosing calls
	scope string         // prefix of the names of its operations
	args  map[string]ref // of fn
	calls int            // depth of calls
	done  map[string]ref // resolved outputs, by "name:index"
	busy  map[string]bool

	wrapper bool // see wraps
}

// data returns the inputs that are tensors, without control dependencies.
func data(n *node_def_go_proto.NodeDef) []string {
	var in []string
	for _, name := range n.Input {
		if !strings.HasPrefix(name, "^") {
			in = append(in, name)
		}
	}
	return in
}

// resolve returns the tensor of the flat graph for a name in the frame. In the main graph names are
// "node" or "node:1", in a function "argument" or "node:output:1".
func (c *frame) resolve(name string) (ref, error) {
	parts := strings.Split(name, ":")
	if c.fn != nil && len(parts) == 1 {
		if r, ok := c.args[name]; ok {
			return r, nil
		}
		return ref{}, fmt.Errorf("function %s has no argument %q", c.fn.def.GetSignature().GetName(), name)
	}
	n := c.nodes[parts[0]]
	if n == nil {
		return ref{}, fmt.Errorf("no operation %q, which another takes as its input", parts[0])
	}
	index := 0
	if len(parts) > 1 {
		var err error
		if index, err = strconv.Atoi(parts[len(parts)-1]); err != nil || index < 0 || index > maxNodes {
			return ref{}, fmt.Errorf("%q names no output", name)
		}
	}
	if c.fn == nil {
		return c.output(n, index)
	}
	if len(parts) != 3 {
		return ref{}, fmt.Errorf("%q names no output; want operation:output:index", name)
	}
	first, err := c.firstOutput(n, parts[1])
	if err != nil {
		return ref{}, err
	}
	return c.output(n, first+index)
}

// firstOutput returns the index of the first tensor of a named output.
func (c *frame) firstOutput(n *node_def_go_proto.NodeDef, name string) (int, error) {
	if fn := c.functions[n.Op]; fn != nil {
		for i, out := range fn.def.GetSignature().GetOutputArg() {
			if out.Name == name {
				return i, nil
			}
		}
		return 0, fmt.Errorf("function %s has no output %q", n.Op, name)
	}
	op := c.ops[n.Op]
	if op == nil {
		return 0, unknownOp(n)
	}
	at := 0
	for _, out := range op.OutputArg {
		if out.Name == name {
			return at, nil
		}
		count := int64(1)
		switch {
		case out.NumberAttr != "":
			count = n.Attr[out.NumberAttr].GetI()
		case out.TypeListAttr != "":
			count = int64(len(n.Attr[out.TypeListAttr].GetList().GetType()))
		}
		if count < 0 || count > maxNodes {
			return 0, fmt.Errorf("%s (%s) has %d tensors in its output %s", n.Name, n.Op, count, out.Name)
		}
		at += int(count)
	}
	return 0, fmt.Errorf("%s (%s) has no output %q", n.Name, n.Op, name)
}

func unknownOp(n *node_def_go_proto.NodeDef) error {
	return fmt.Errorf("%s is an operation %s, which TensorFlow %s does not have: it is code of the model's own, or of another version", n.Name, n.Op, graph.Version())
}

// passing are operations that return their input. They are skipped, because TensorFlow has no
// gradient for most of them.
var passing = map[string]bool{
	"Identity": true, "IdentityN": true, "PreventGradient": true, "EnsureShape": true,
	"PlaceholderWithDefault": true, "CheckNumerics": true, "Snapshot": true,
}

// output returns the flat graph's tensor for an output of an operation.
func (c *frame) output(n *node_def_go_proto.NodeDef, i int) (r ref, err error) {
	key := n.Name + ":" + strconv.Itoa(i)
	if r, ok := c.done[key]; ok {
		return r, nil
	}
	if c.busy[key] {
		return ref{}, fmt.Errorf("the graph has a cycle through %s (%s)", n.Name, n.Op)
	}
	if c.depth++; c.depth > maxDepth {
		return ref{}, fmt.Errorf("the graph has a path of more than %d operations", maxDepth)
	}
	c.busy[key] = true
	defer func() {
		c.depth--
		delete(c.busy, key)
		if err == nil {
			c.done[key] = r
		}
	}()
	fn, err := c.callee(n)
	if err != nil {
		return ref{}, err
	}
	in := data(n)
	switch {
	case fn != nil:
		return c.call(n, fn, in, i)
	case passing[n.Op]:
		if i >= len(in) {
			return ref{}, fmt.Errorf("%s (%s) has no output %d", n.Name, n.Op, i)
		}
		r, err := c.resolve(in[i])
		if err == nil && !r.dead && r.handle == nil {
			c.aliases[c.scope+n.Name] = r
		}
		return r, err
	case n.Op == "ReadVariableOp":
		h, err := c.handle(n)
		if err != nil {
			return ref{}, err
		}
		return ref{node: h.name}, nil
	case n.Op == "VarHandleOp":
		v, err := c.variable(n)
		return ref{handle: v}, err
	case n.Op == "VariableV2" || n.Op == "Variable":
		v, err := c.variable(n)
		if err != nil {
			return ref{}, err
		}
		return ref{node: v.name}, nil
	}
	if r, known, err := c.branch(n, i); known || err != nil {
		return r, err
	}
	r, err = c.emit(n)
	r.index = i
	return r, err
}

// handle returns the variable whose handle is an operation's first input.
func (c *frame) handle(n *node_def_go_proto.NodeDef) (*variable, error) {
	in := data(n)
	if len(in) == 0 {
		return nil, fmt.Errorf("%s (%s) has no input", n.Name, n.Op)
	}
	r, err := c.resolve(in[0])
	if err == nil && r.handle == nil {
		err = fmt.Errorf("%s (%s) takes %s, which is not a variable", n.Name, n.Op, in[0])
	}
	return r.handle, err
}

// variable records a variable that is read.
func (c *frame) variable(n *node_def_go_proto.NodeDef) (*variable, error) {
	v := &variable{name: c.scope + n.Name, dtype: graph.DType(n.Attr["dtype"].GetType()), shape: shapeOf(n.Attr["shape"].GetShape())}
	if c.byName[v.name] != nil {
		return nil, fmt.Errorf("two operations are called %s", v.name)
	}
	value := &node_def_go_proto.NodeDef{Name: v.name, Op: "Placeholder", Attr: attrs{"dtype": n.Attr["dtype"], "shape": n.Attr["shape"]}}
	for name, a := range value.Attr {
		if a == nil {
			return nil, fmt.Errorf("%s (%s) has no attribute %s", n.Name, n.Op, name)
		}
	}
	c.byName[v.name] = value
	c.flattener.nodes = append(c.flattener.nodes, value)
	c.flattener.variables = append(c.flattener.variables, v)
	return v, nil
}

// call resolves an output of a function that n calls with the inputs in.
func (c *frame) call(n *node_def_go_proto.NodeDef, fn *function, in []string, i int) (ref, error) {
	callee, err := c.enter(n, fn, in)
	if err != nil {
		return ref{}, err
	}
	sig := fn.def.GetSignature()
	if i >= len(sig.GetOutputArg()) {
		return ref{}, fmt.Errorf("function %s has no output %d", sig.GetName(), i)
	}
	return callee.resolve(fn.def.GetRet()[sig.GetOutputArg()[i].GetName()])
}

// enter returns the frame of a call. It creates the frame on first use.
func (c *frame) enter(n *node_def_go_proto.NodeDef, fn *function, in []string) (*frame, error) {
	sig := fn.def.GetSignature()
	key := c.path + n.Name + "\x00" // names do not contain zero bytes
	if callee := c.frames[key]; callee != nil {
		return callee, nil
	}
	switch {
	case c.calls >= maxCalls:
		return nil, fmt.Errorf("functions call each other more than %d deep: %s", maxCalls, sig.GetName())
	case len(c.frames) > maxFrames:
		return nil, fmt.Errorf("the graph has more than %d calls", maxFrames)
	case len(in) != len(sig.GetInputArg()):
		return nil, fmt.Errorf("%s calls %s with %d inputs; it has %d", n.Name, sig.GetName(), len(in), len(sig.GetInputArg()))
	}
	callee := &frame{flattener: c.flattener, fn: fn, nodes: fn.nodes, path: key, scope: c.scope, args: map[string]ref{}, calls: c.calls + 1, done: map[string]ref{}, busy: map[string]bool{}}
	if !c.wraps() {
		callee.scope = c.scope + n.Name + "/"
	}
	for k, arg := range sig.GetInputArg() {
		if arg.NumberAttr != "" || arg.TypeListAttr != "" {
			return nil, fmt.Errorf("function %s has a list as its argument %s", sig.GetName(), arg.Name)
		}
		r, err := c.resolve(in[k])
		if err != nil {
			return nil, err
		}
		callee.args[arg.Name] = r
	}
	c.frames[key] = callee
	return callee, nil
}

// wraps reports whether the frame only calls another function, as a signature's wrapper does. Then
// its name is not a layer's.
func (c *frame) wraps() bool {
	if c.fn == nil || c.wrapper {
		return true
	}
	for _, n := range c.nodes {
		switch n.Op {
		case "Const", "Identity", "NoOp":
		default:
			if fn, err := c.callee(n); fn == nil || err != nil {
				return false
			}
		}
	}
	c.wrapper = true
	return true
}

// emit adds an operation to the flat graph, after everything that it depends on.
func (c *frame) emit(n *node_def_go_proto.NodeDef) (ref, error) {
	if r, ok := c.done[n.Name]; ok {
		return r, nil
	}
	op := c.ops[n.Op]
	if op == nil {
		return ref{}, unknownOp(n)
	}
	out := proto.Clone(n).(*node_def_go_proto.NodeDef)
	out.Input, out.Device = nil, ""
	dead := false
	for _, name := range n.Input {
		if control, ok := strings.CutPrefix(name, "^"); ok {
			waits, err := c.waitsForDead(control)
			if err != nil {
				return ref{}, err
			}
			dead = dead || waits
			continue
		}
		r, err := c.resolve(name)
		switch {
		case err != nil:
			return ref{}, err
		case r.handle != nil && n.Op == "ResourceGather" && len(out.Input) == 0:
			r = ref{node: r.handle.name}
		case r.handle != nil:
			return ref{}, hidden(n, r.handle.name)
		}
		dead = dead || r.dead
		out.Input = append(out.Input, r.String())
	}
	if dead {
		c.done[n.Name] = ref{dead: true}
		return ref{dead: true}, nil
	}
	if err := c.complete(out, op); err != nil {
		return ref{}, err
	}
	if out.Op == "ResourceGather" {
		c.gather(out)
	}
	out.Name = c.free(c.scope + n.Name)
	if len(c.flattener.nodes) >= maxNodes {
		return ref{}, fmt.Errorf("the graph has more than %d operations", maxNodes)
	}
	c.add(out)
	r := ref{node: out.Name}
	c.done[n.Name] = r
	return r, nil
}

func (f *flattener) add(n *node_def_go_proto.NodeDef) {
	f.byName[n.Name] = n
	f.nodes = append(f.nodes, n)
}

// free returns name, or the first unused of name_1, name_2, ...
func (f *flattener) free(name string) string {
	candidate := name
	for f.byName[candidate] != nil {
		f.taken[name]++
		candidate = fmt.Sprintf("%s_%d", name, f.taken[name])
	}
	return candidate
}
