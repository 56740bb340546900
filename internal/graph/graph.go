package graph

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
)

// Version returns the version of the TensorFlow library in use.
func Version() string { return tf.Version() }

// Graph is a graph under construction, seen from one scope. All scopes of a
// graph share its operations, names and first error.
type Graph struct {
	*state
	scope  string
	device string // of the operations; "": TensorFlow chooses
}

type state struct {
	g     *tf.Graph
	names map[string]int // how often each name was requested
	err   error
}

// New returns an empty graph.
func New() *Graph { return wrap(tf.NewGraph()) }

// wrap returns a Graph for a graph that may already have operations. Their scopes count as
// used names, since TensorFlow adds gradients only to an empty scope.
func wrap(g *tf.Graph) *Graph {
	s := &state{g: g, names: map[string]int{}}
	for _, op := range g.Operations() {
		for name := op.Name(); name != "." && s.names[name] == 0; name = path.Dir(name) {
			s.names[name] = 1
		}
	}
	return &Graph{state: s}
}

// In returns the graph, seen from a scope below this one.
func (g *Graph) In(scope string) *Graph { return &Graph{g.state, g.path(scope), g.device} }

// On returns the graph, seen from the same scope, with operations on a device such as
// "/job:worker/task:1".
func (g *Graph) On(device string) *Graph { return &Graph{g.state, g.scope, device} }

func (g *Graph) path(name string) string {
	if g.scope == "" {
		return name
	}
	return g.scope + "/" + name
}

// unique returns the name below the scope, with _1, _2, ... appended if it is used.
func (g *Graph) unique(name string) string {
	path := g.path(name)
	for {
		n := g.names[path]
		g.names[path]++
		if n == 0 {
			return path
		}
		candidate := fmt.Sprintf("%s_%d", path, n)
		if g.names[candidate] == 0 {
			g.names[candidate] = 1
			return candidate
		}
	}
}

// Err returns the first error that occurred while the graph was built.
func (g *Graph) Err() error { return g.err }

// Fail records err with the current scope, unless there is an earlier error.
func (g *Graph) Fail(err error) {
	if g.err != nil || err == nil {
		return
	}
	text := firstLine(err)
	if g.scope != "" {
		text = g.scope + ": " + text
	}
	g.state.err = fmt.Errorf("%s", text)
}

// attributes are the attributes of an operation.
type attributes map[string]any

// add adds one operation; inputs are Tensors or []Tensors.
func (g *Graph) add(kind, name string, attrs attributes, inputs ...any) Op {
	return g.addAfter(kind, name, attrs, nil, inputs...)
}

// addAfter is add with control dependencies: the operation runs after those of after.
func (g *Graph) addAfter(kind, name string, attrs attributes, after []Op, inputs ...any) Op {
	if g.err != nil {
		return Op{}
	}
	if name == "" {
		name = kind
	}
	spec := tf.OpSpec{Type: kind, Name: g.unique(name), Attrs: attrs, Device: g.device}
	for i, in := range inputs {
		switch in := in.(type) {
		case Tensor:
			if !in.valid {
				g.Fail(fmt.Errorf("%s: input %d is not a tensor", kind, i))
				return Op{}
			}
			spec.Input = append(spec.Input, in.out)
		case []Tensor:
			list := make(tf.OutputList, len(in))
			for j, t := range in {
				if !t.valid {
					g.Fail(fmt.Errorf("%s: input %d holds something that is not a tensor", kind, i))
					return Op{}
				}
				list[j] = t.out
			}
			spec.Input = append(spec.Input, list)
		default:
			panic(fmt.Sprintf("graph: %s: input %d is a %T", kind, i, in))
		}
	}
	for _, op := range after {
		spec.ControlDependencies = append(spec.ControlDependencies, op.op)
	}
	op, err := g.g.AddOperation(spec)
	if err != nil {
		g.Fail(err)
		return Op{}
	}
	return Op{op}
}

// one adds an operation and returns its first output.
func (g *Graph) one(kind string, attrs attributes, inputs ...any) Tensor {
	return g.add(kind, "", attrs, inputs...).Output(0)
}

// Output returns the i-th output of the operation.
func (o Op) Output(i int) Tensor {
	if o.op == nil {
		return Tensor{}
	}
	return Tensor{o.op.Output(i), true}
}

// Tensor returns the tensor of that name, "conv1/Relu:0" or "conv1/Relu".
func (g *Graph) Tensor(name string) (Tensor, error) {
	base, index := name, 0
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		base = name[:i]
		if _, err := fmt.Sscanf(name[i+1:], "%d", &index); err != nil {
			return Tensor{}, fmt.Errorf("tensor name %q: want operation:index", name)
		}
	}
	op := g.g.Operation(base)
	if op == nil || index < 0 || index >= op.NumOutputs() {
		return Tensor{}, fmt.Errorf("no tensor %q in the graph", name)
	}
	return Tensor{op.Output(index), true}, nil
}

// Operations returns the number of operations of each type.
func (g *Graph) Operations() map[string]int {
	counts := map[string]int{}
	for _, op := range g.g.Operations() {
		counts[op.Type()]++
	}
	return counts
}

// Def returns the graph as a serialized GraphDef.
func (g *Graph) Def() ([]byte, error) {
	if g.err != nil {
		return nil, g.err
	}
	var b bytes.Buffer
	if _, err := g.g.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("serialize the graph: %w", err)
	}
	return b.Bytes(), nil
}
