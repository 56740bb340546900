package foreign

import (
	"fmt"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
)

// harmless are the operations with a state outside the graph, in the words of
// the library, that can neither reach files, network or other programs nor keep
// anything beyond the session. All others with a state are refused.
var harmless = setOf(`Assert AssignVariableOp AssignAddVariableOp AssignSubVariableOp Case CheckNumerics CheckNumericsV2 DeepCopy
	Empty GuaranteeConst If Multinomial ParameterizedTruncatedNormal RandomCrop RandomGamma RandomPoisson RandomPoissonV2
	RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt ReadVariableOp ResourceGather ResourceGatherNd
	RngReadAndSkip RngSkip SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 StatefulPartitionedCall StatefulRandomBinomial StatefulStandardNormal
	StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt StatefulUniformInt StatelessRandomGetAlg
	TensorArrayV3 TensorArrayWriteV3 TensorArrayReadV3 TensorArrayGatherV3 TensorArrayScatterV3 TensorArrayConcatV3 TensorArraySplitV3
	TensorArraySizeV3 TensorArrayCloseV3 TensorArrayGradV3 TruncatedNormal VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2 While`)

// reaching are words in the names of operations without a state that reach
// files, network, Python, code of others or a device's own programs.
var reaching = []string{"File", "PyFunc", "Dataset", "Debug", "Reader", "Iterator", "Rpc", "Remote", "TfLite", "Tpu", "TPU", "Xla", "Collective", "Host", "Checkpoint", "Print", "Summary", "Sharded", "Barrier", "Queue", "Session"}

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// suspicious reports whether an operation must not run in a model of unknown
// origin.
func (m *Model) suspicious(op string) bool {
	def := m.ops[op]
	if def == nil {
		return true
	}
	if def.IsStateful {
		return !harmless[op]
	}
	for _, word := range reaching {
		if strings.Contains(op, word) {
			return true
		}
	}
	return false
}

// checkTrust refuses a flat graph that reaches beyond itself.
func (m *Model) checkTrust(nodes []*node_def_go_proto.NodeDef) error {
	used := map[string]bool{}
	for _, n := range nodes {
		used[n.Op] = true
	}
	for name := range m.closure(nodes) {
		for _, n := range m.functions[name].def.NodeDef {
			if m.functions[n.Op] == nil {
				used[n.Op] = true
			}
		}
	}
	var bad []string
	for _, op := range sortedKeys(used) {
		if m.suspicious(op) {
			bad = append(bad, op)
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("the model can reach files, the network or other programs, or keep a state, by %s; use it with --trust if you know where it is from", strings.Join(bad, ", "))
	}
	return nil
}

// closure are the names of the functions that nodes need: those of loops, and
// of conditions that are decided when the model runs.
func (m *Model) closure(nodes []*node_def_go_proto.NodeDef) map[string]bool {
	needed := map[string]bool{}
	for queue := nodes; len(queue) > 0; {
		n := queue[0]
		queue = queue[1:]
		names := []string{n.Op}
		for _, a := range n.Attr {
			names = append(names, a.GetFunc().GetName())
			for _, f := range a.GetList().GetFunc() {
				names = append(names, f.GetName())
			}
		}
		for _, name := range names {
			if f := m.functions[name]; f != nil && !needed[name] {
				needed[name] = true
				queue = append(queue[:len(queue):len(queue)], f.def.NodeDef...)
			}
		}
	}
	return needed
}

// reached are the operations that run if a target runs, through all that it
// takes, waits for and calls, by type, with an example's name.
func (m *Model) reached(targets ...string) map[string]string {
	found := map[string]string{}
	seen := map[string]bool{}
	type place struct{ function, node string }
	var queue []place
	push := func(function string, names ...string) {
		for _, name := range names {
			name, _, _ = strings.Cut(strings.TrimPrefix(name, "^"), ":")
			if key := function + "\x00" + name; !seen[key] {
				seen[key] = true
				queue = append(queue, place{function, name})
			}
		}
	}
	push("", targets...)
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		nodes := m.main
		if p.function != "" {
			nodes = m.functions[p.function].nodes
		}
		n := nodes[p.node]
		if n == nil {
			continue
		}
		push(p.function, n.Input...)
		for name := range m.closure([]*node_def_go_proto.NodeDef{n}) {
			for inner := range m.functions[name].nodes {
				push(name, inner)
			}
		}
		if m.functions[n.Op] == nil {
			found[n.Op] = n.Name
		}
	}
	return found
}
