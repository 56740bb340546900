package foreign

import (
	"fmt"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
)

// branch resolves an output of a conditional whose predicate is constant, such as "training". known
// is false for all other operations.
func (c *frame) branch(n *node_def_go_proto.NodeDef, i int) (r ref, known bool, err error) {
	in := data(n)
	switch n.Op {
	case "If", "StatelessIf":
		if len(in) == 0 {
			return ref{}, false, fmt.Errorf("%s (%s) has no condition", n.Name, n.Op)
		}
		yes, known, err := c.constant(in[0])
		if err != nil || !known {
			return ref{}, false, err
		}
		name := "else_branch"
		if yes {
			name = "then_branch"
		}
		fn, err := c.lookup(n, n.Attr[name].GetFunc().GetName())
		if err != nil {
			return ref{}, false, err
		}
		r, err := c.call(n, fn, in[1:], i)
		return r, true, err
	case "Switch", "RefSwitch":
		if len(in) != 2 || i > 1 {
			return ref{}, false, fmt.Errorf("%s (%s) has %d inputs, want 2", n.Name, n.Op, len(in))
		}
		yes, known, err := c.constant(in[1])
		if err != nil || !known {
			return ref{}, false, err
		}
		if (i == 1) != yes {
			return ref{dead: true}, true, nil
		}
		r, err := c.resolve(in[0])
		return r, true, err
	case "Merge", "RefMerge":
		var alive []ref
		for _, name := range in {
			r, err := c.resolve(name)
			if err != nil {
				return ref{}, false, err
			}
			if !r.dead {
				alive = append(alive, r)
			}
		}
		if len(alive) == 1 && i == 0 {
			return alive[0], true, nil
		}
		if len(alive) == 0 {
			return ref{dead: true}, true, nil
		}
	}
	return ref{}, false, nil
}

// constant evaluates a predicate that is a constant of the flat graph.
func (c *frame) constant(name string) (yes, known bool, err error) {
	r, err := c.resolve(name)
	if err != nil {
		return false, false, err
	}
	n := c.byName[r.node]
	not := false
	for n != nil && n.Op == "LogicalNot" && len(n.Input) == 1 {
		n, not = c.byName[refOf(n.Input[0]).node], !not
	}
	t := n.GetAttr()["value"].GetTensor()
	if n.GetOp() != "Const" || t.GetDtype() != types_go_proto.DataType_DT_BOOL {
		return false, false, nil
	}
	yes = len(t.TensorContent) > 0 && t.TensorContent[0] != 0
	if len(t.BoolVal) > 0 {
		yes = t.BoolVal[0]
	}
	return yes != not, true, nil
}

// waitsForDead reports whether an operation has a control dependency on the pivot of a branch that
// is not taken, as in TensorFlow 1 conditionals.
func (c *frame) waitsForDead(name string) (bool, error) {
	if c.fn != nil {
		return false, nil
	}
	n := c.nodes[name]
	for range 10 {
		if n == nil || n.Op != "Identity" || len(data(n)) != 1 {
			break
		}
		in := data(n)[0]
		node, number, _ := strings.Cut(in, ":")
		p := c.nodes[node]
		if p != nil && p.Op == "Switch" {
			i := 0
			if number == "1" {
				i = 1
			}
			r, known, err := c.branch(p, i)
			return known && r.dead, err
		}
		n = p
	}
	return false, nil
}

// hidden returns the error for an operation that gets a variable and not its value.
func hidden(n *node_def_go_proto.NodeDef, variable string) error {
	switch n.Op {
	case "While", "StatelessWhile":
		return fmt.Errorf("%s (%s) is a loop that reads the variable %s, and oscar cannot look into loops: recurrent layers such as LSTM can be used if the model is exported with unroll=True", n.Name, n.Op, variable)
	case "If", "StatelessIf", "Case", "StatelessCase":
		return fmt.Errorf("%s (%s) reads the variable %s under a condition that is known only when the model runs: export the model without the condition", n.Name, n.Op, variable)
	}
	return fmt.Errorf("%s (%s) uses the variable %s other than by reading its value, which oscar cannot copy: export the model for inference", n.Name, n.Op, variable)
}
