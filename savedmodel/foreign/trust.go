package foreign

import (
	"fmt"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// harmless are the operations that TensorFlow calls stateful, but that cannot reach files, the
// network or other programs and keep nothing beyond the session. All other stateful operations are
// refused.
var harmless = setOf(`Assert AssignVariableOp AssignAddVariableOp AssignSubVariableOp Case CheckNumerics CheckNumericsV2 DeepCopy
	Empty GuaranteeConst If Multinomial ParameterizedTruncatedNormal RandomCrop RandomGamma RandomPoisson RandomPoissonV2
	RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt ReadVariableOp ResourceGather ResourceGatherNd
	RngReadAndSkip RngSkip SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 StatefulPartitionedCall StatefulRandomBinomial StatefulStandardNormal
	StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt StatefulUniformInt StatelessRandomGetAlg
	TensorArrayV3 TensorArrayWriteV3 TensorArrayReadV3 TensorArrayGatherV3 TensorArrayScatterV3 TensorArrayConcatV3 TensorArraySplitV3
	TensorArraySizeV3 TensorArrayCloseV3 TensorArrayGradV3 TruncatedNormal VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2 While`)

// reaching are words in the names of stateless operations that can reach files, the network, Python,
// foreign code or a device's programs.
var reaching = []string{"File", "PyFunc", "Dataset", "Debug", "Reader", "Iterator", "Rpc", "Remote", "TfLite", "Tpu", "TPU", "Xla", "Collective", "Host", "Checkpoint", "Print", "Summary", "Sharded", "Barrier", "Queue", "Session"}

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// suspicious reports whether an operation must not run in an untrusted
// model.
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

// checkTrust returns an error if a flat graph has suspicious operations.
func (m *Model) checkTrust(nodes []*node_def_go_proto.NodeDef) error {
	used := map[string]bool{}
	for _, n := range nodes {
		used[n.Op] = true
	}
	for name := range m.closure(nodes) {
		for _, n := range m.functions[name].def.NodeDef {
			used[n.Op] = true
		}
	}
	var bad []string
	for _, op := range sortedKeys(used) {
		if !m.calls(op) && m.suspicious(op) {
			bad = append(bad, op)
		}
	}
	return refusal(bad)
}

// refusal returns the error for a model with suspicious operations, or nil if there are none.
func refusal(ops []string) error {
	if len(ops) == 0 {
		return nil
	}
	return fmt.Errorf("the model can reach files, the network or other programs, or keep a state, by %s; use it with --trust if you know where it is from", strings.Join(ops, ", "))
}

// calls reports whether an operation calls one of the model's functions.
// A function with the name of an operation does not count.
func (m *Model) calls(op string) bool { return m.functions[op] != nil && m.ops[op] == nil }

// CheckTrust returns an error if [Suspicious] returns operations.
func CheckTrust(dir string) error {
	ops, err := Suspicious(dir)
	if err == nil {
		err = refusal(ops)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

// Suspicious returns the sorted types of operations with which the SavedModel in dir can reach
// files, the network, Python or foreign code, or keep state. It reads all graphs and functions, used
// or not. Operations that save and restore the model's own variables do not count. It does not run
// the model.
func Suspicious(dir string) ([]string, error) {
	b, err := readFile(dir)
	if err != nil {
		return nil, err
	}
	saved := &pb.SavedModel{}
	if err := proto.Unmarshal(b, saved); err != nil {
		return nil, fmt.Errorf("saved_model.pb is damaged: %w", err)
	}
	found := map[string]bool{}
	for _, meta := range saved.MetaGraphs { // the loader selects one by its tags
		m, err := newModel(meta)
		if err != nil {
			return nil, fmt.Errorf("saved_model.pb: %w", err)
		}
		m.addSuspicious(found)
	}
	return sortedKeys(found), nil
}

func (m *Model) addSuspicious(found map[string]bool) {
	for _, n := range m.main {
		if m.suspicious(n.Op) && !m.calls(n.Op) && !m.isSaver(n) {
			found[n.Op] = true
		}
	}
	for _, f := range m.functions {
		for _, n := range f.nodes {
			if m.suspicious(n.Op) && !m.calls(n.Op) {
				found[n.Op] = true
			}
		}
	}
	// For these the loader sets the file name to the model's own files.
	if ran := m.reached(m.loaded()...); ran["SaveV2"] != "" {
		found["SaveV2"] = true
	}
}

// isSaver reports whether an operation saves or restores variables in a file whose name only the
// caller can set.
func (m *Model) isSaver(n *node_def_go_proto.NodeDef) bool {
	if n.Op != "SaveV2" && n.Op != "RestoreV2" || len(n.Input) == 0 {
		return false
	}
	name, _, _ := strings.Cut(n.Input[0], ":")
	given, _, _ := strings.Cut(m.meta.GetSaverDef().GetFilenameTensorName(), ":")
	return name == given && m.main[name].GetOp() == "Placeholder"
}

// loaded returns the targets that TensorFlow's loader runs.
func (m *Model) loaded() []string {
	targets := []string{m.meta.GetSaverDef().GetRestoreOpName()}
	for _, key := range []string{"saved_model_main_op", "legacy_init_op", "saved_model_init_op"} {
		targets = append(targets, m.meta.GetCollectionDef()[key].GetNodeList().GetValue()...)
	}
	for _, info := range m.meta.GetSignatureDef()["__saved_model_init_op"].GetOutputs() {
		targets = append(targets, info.GetName())
	}
	return targets
}

// closure returns the functions that nodes need, including functions of loops and of conditionals
// that are evaluated at run time.
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

// reached returns the operations that run if a target runs (through inputs, control dependencies and
// calls): an example's name for each type.
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
		if !m.calls(n.Op) {
			found[n.Op] = n.Name
		}
	}
	return found
}
