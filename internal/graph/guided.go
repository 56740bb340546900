package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
)

// rectifiers are the operations for which guided backpropagation has a rule. rectifierGradients are
// the operations of their gradients.
var (
	rectifiers         = []string{"Relu", "Relu6"}
	rectifierGradients = []string{"ReluGrad", "Relu6Grad"}
)

// unguided are activations without a rule, and parts of such activations: Erf and Tanh of GELU,
// Sigmoid of swish.
var unguided = strings.Fields("Elu Erf Erfc LeakyRelu Selu Sigmoid Softplus Softsign Tanh")

// GuidedGrad returns the gradient of sum(y) with respect to x by guided backpropagation
// (Springenberg et al. 2014, arXiv:1412.6806). With f a Relu or Relu6, and g the signal at its
// output, the signal at its input is f' max(g, 0). It costs as much as [Graph.Grad].
//
// TensorFlow adds the ordinary gradient. Then its operations are copied, with a Relu before each
// ReluGrad and Relu6Grad. Nothing uses the originals, so they never run. Call [CheckGuided] first.
func (g *Graph) GuidedGrad(y, x Tensor) Tensor {
	before := len(g.g.Operations())
	plain := g.Grad(y, x)[0]
	if g.err != nil {
		return Tensor{}
	}
	added := map[string]bool{}
	for _, op := range g.g.Operations()[before:] {
		added[op.Name()] = true
	}
	name, _, _ := strings.Cut(plain.Name(), ":")
	if !added[name] {
		return plain // no operation between x and y
	}
	positive := func(n *node_def_go_proto.NodeDef) []*node_def_go_proto.NodeDef {
		if !slices.Contains(rectifierGradients, n.Op) {
			return nil
		}
		relu := &node_def_go_proto.NodeDef{Name: n.Name + "/positive", Op: "Relu", Input: []string{n.Input[0]}}
		relu.Attr = map[string]*attr_value_go_proto.AttrValue{"T": n.Attr["T"]}
		n.Input[0] = relu.Name
		return []*node_def_go_proto.NodeDef{relu}
	}
	copied := g.copied("guided", g.nodes("guided gradient"), added, map[string]Tensor{}, positive)
	if g.err != nil {
		return Tensor{}
	}
	guided, err := copied.Imported(plain.Name())
	g.Fail(err)
	return guided
}

// CheckGuided returns an error if there is no Relu between x and y, or if operations between them
// have no guided gradient. The error names one operation of each such kind.
func CheckGuided(y, x Tensor) error {
	uses := usersOf(y.out.Op, x.out.Op)
	rectified := false
	without := map[string]string{} // an operation of each kind without a rule
	for name, op := range uses {
		if kind := unguidedBy(Op{op}, uses); kind != "" && (without[kind] == "" || name < without[kind]) {
			without[kind] = name
		}
		rectified = rectified || isRectifier(Op{op})
	}
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(without)) {
		list = append(list, fmt.Sprintf("%s (%s)", kind, without[kind]))
	}
	switch {
	case len(list) > 0:
		return fmt.Errorf("guided backpropagation has rules for Relu and Relu6 alone; the model has %s", strings.Join(list, ", "))
	case !rectified:
		return fmt.Errorf("guided backpropagation has rules for Relu and Relu6 alone; the model has neither")
	}
	return nil
}

func isRectifier(op Op) bool { return slices.Contains(rectifiers, op.op.Type()) }

// unguidedBy says what an operation is that has no guided gradient; "" if it has one.
// Relu, Maximum and Minimum can be parts of other activations.
func unguidedBy(op Op, uses map[string]*tf.Operation) string {
	kind := op.op.Type()
	depends := func(t Tensor) bool { return uses[t.out.Op.Name()] != nil }
	of := op
	if isRectifier(op) {
		of = past(Op{op.input(0).out.Op}, "Identity")
	}
	switch {
	case slices.Contains(unguided, kind):
		return kind
	case kind == "Maximum" && depends(op.input(0)) != depends(op.input(1)):
		x := op.input(0)
		if !depends(x) {
			x = op.input(1)
		}
		if !isRectifier(clipped(Op{x.out.Op}, depends)) {
			return "Maximum with a constant"
		}
	case of != op && of.op.Type() == "Neg":
		return "Relu of a negated tensor, as in PReLU"
	case kind == "Relu6" && slices.Contains([]string{"Add", "AddV2"}, of.op.Type()):
		for i := range 2 {
			if constant := of.input(i); !depends(constant) && len(constant.Shape()) == 0 {
				return "a hard sigmoid, Relu6 of a sum with a number"
			}
		}
	}
	return ""
}

// clipped follows minima with constants, and identities, back to the clipped operation.
func clipped(op Op, depends func(Tensor) bool) Op {
	for {
		switch op.op.Type() {
		case "Identity":
			op = Op{op.input(0).out.Op}
		case "Minimum":
			x := op.input(0)
			if !depends(x) {
				x = op.input(1)
			}
			op = Op{x.out.Op}
		default:
			return op
		}
	}
}

// past follows operations of a kind back.
func past(op Op, kind string) Op {
	for op.op.Type() == kind {
		op = Op{op.input(0).out.Op}
	}
	return op
}

// usersOf returns the operations that y depends on and that depend on x, by name.
func usersOf(y, x *tf.Operation) map[string]*tf.Operation {
	users, seen := map[string]*tf.Operation{}, map[string]bool{}
	var walk func(op *tf.Operation) bool
	walk = func(op *tf.Operation) bool {
		name := op.Name()
		if seen[name] {
			return users[name] != nil
		}
		seen[name] = true
		found := name == x.Name()
		if !found {
			for i := range op.NumInputs() {
				found = walk(Op{op}.input(i).out.Op) || found
			}
		}
		if found {
			users[name] = op
		}
		return found
	}
	walk(y)
	return users
}
