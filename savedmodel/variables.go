package savedmodel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"

	"oscar/internal/graph"
)

// Read returns the values of variables by name, such as "conv1/kernel", row-major.
func (b *Bundle) Read(ctx context.Context, names ...string) (map[string][]float32, error) {
	fetch := make([]graph.Tensor, len(names))
	for i, name := range names {
		var err error
		if fetch[i], err = b.graph.Tensor(name + "/Read/ReadVariableOp"); err != nil {
			return nil, fmt.Errorf("the model has no variable %s: %w", name, err)
		}
	}
	out, err := b.session.Run(ctx, nil, fetch)
	if err != nil {
		return nil, err
	}
	values := map[string][]float32{}
	for i, name := range names {
		values[name] = out[i].Float32s()
	}
	return values, nil
}

// Variables lists the variables that the logits depend on, in the order in which the image reaches
// them on its way to the logits.
func (b *Bundle) Variables() ([]string, error) {
	def, err := graphDef(b.graph)
	if err != nil {
		return nil, err
	}
	nodes := map[string]*node_def_go_proto.NodeDef{}
	for _, n := range def.Node {
		nodes[n.Name] = n
	}
	opOf := func(tensor string) string {
		op, _, _ := strings.Cut(strings.TrimPrefix(tensor, "^"), ":")
		return op
	}
	fromImage := map[string]bool{opOf(b.image.Name()): true}
	var depends func(op string) bool
	depends = func(op string) bool {
		yes, seen := fromImage[op]
		if !seen {
			fromImage[op] = false
			for _, in := range nodes[op].GetInput() {
				yes = depends(opOf(in)) || yes
			}
			fromImage[op] = yes
		}
		return yes
	}
	// A depth-first walk back from the logits visits an operation after its inputs. Among the inputs it
	// visits first the one that depends on the image, then the variables.
	var found []string
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		n := nodes[name]
		if n == nil || seen[name] {
			return
		}
		seen[name] = true
		for _, first := range []bool{true, false} {
			for _, in := range n.Input {
				if in := opOf(in); depends(in) == first {
					visit(in)
				}
			}
		}
		if n.Op == "VarHandleOp" && nodes[name+"/Read/ReadVariableOp"] != nil {
			found = append(found, name)
		}
	}
	visit(opOf(b.logits.Name()))
	return found, nil
}

// Assign sets variables of the opened model by name; values are row-major. The model's files do not
// change. A frozen model has no variables.
func (b *Bundle) Assign(ctx context.Context, values map[string][]float32) error {
	var (
		names = make([]string, 0, len(values))
		feeds []graph.Feed
		ops   []graph.Op
	)
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		a, err := b.assignment(name)
		if err != nil {
			return err
		}
		if got, want := len(values[name]), a.value.Shape().Elements(); got != want {
			return fmt.Errorf("%d values for %s, which has %d", got, name, want)
		}
		feeds = append(feeds, graph.Feed{To: a.value, Value: graph.FromFloat32s(a.value.Shape(), values[name])})
		ops = append(ops, a.op)
	}
	_, err := b.session.Run(ctx, feeds, nil, ops...)
	return err
}

// assignment sets a variable: feed the value and run the operation.
type assignment struct {
	value graph.Tensor
	op    graph.Op
}

// assignment returns the operations that set a variable. It adds them to the graph on first use.
func (b *Bundle) assignment(name string) (assignment, error) {
	b.grow.Lock()
	defer b.grow.Unlock()
	if a, ok := b.assignments[name]; ok {
		return a, nil
	}
	read, err := b.graph.Tensor(name + "/Read/ReadVariableOp")
	if err != nil {
		return assignment{}, fmt.Errorf("the model has no variable %s; a frozen model has none: %w", name, err)
	}
	handle, err := b.graph.Tensor(name)
	if err != nil {
		return assignment{}, err
	}
	g := b.graph.In("assign").In(name)
	value := g.Placeholder("value", graph.Float, read.Shape())
	a := assignment{value, g.Assign(handle, value)}
	if err := g.Err(); err != nil {
		return assignment{}, err
	}
	if b.assignments == nil {
		b.assignments = map[string]assignment{}
	}
	b.assignments[name] = a
	return a, nil
}
