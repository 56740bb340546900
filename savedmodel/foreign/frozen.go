package foreign

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
	"oscar/internal/paths"
)

// IsFrozen reports whether path is a frozen graph: a .pb file with a GraphDef whose weights are
// constants, as in TensorFlow 1.
func IsFrozen(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && strings.HasSuffix(strings.ToLower(path), ".pb") && info.Name() != "saved_model.pb"
}

// readFrozen reads a frozen graph. The signature's input is the Placeholder of images. Its outputs
// are the tensors that no other operation uses, by the names of their operations. If output is not
// empty, it names another operation.
func readFrozen(path, output string) (*Model, error) {
	b, err := paths.ReadFile(path, paths.Graph)
	if err != nil {
		return nil, err
	}
	def := &graph_go_proto.GraphDef{}
	if err := proto.Unmarshal(b, def); err != nil || len(def.Node) == 0 || slices.ContainsFunc(def.Node, func(n *node_def_go_proto.NodeDef) bool { return n.Op == "" }) {
		return nil, fmt.Errorf("%s is not a graph: want a GraphDef with constants for weights, or the folder of a SavedModel", path)
	}
	signature := &pb.SignatureDef{Inputs: map[string]*pb.TensorInfo{}, Outputs: map[string]*pb.TensorInfo{}}
	taken := map[string]bool{}
	for _, n := range def.Node {
		for _, in := range n.Input {
			name, _, _ := strings.Cut(strings.TrimPrefix(in, "^"), ":")
			taken[name] = true
		}
	}
	for _, n := range def.Node {
		switch t := n.Attr["dtype"].GetType(); {
		case n.Op == "VariableV2" || n.Op == "VarHandleOp" || n.Op == "Variable":
			return nil, fmt.Errorf("%s has variables (%s) and no values for them: freeze it, or save it as a SavedModel", path, n.Name)
		case n.Op == "Placeholder":
			shape := n.Attr["shape"].GetShape()
			if s := shapeOf(shape); s != nil && len(s) != 4 || !slices.Contains(imageTypes, graph.DType(t)) {
				continue // another input, such as a dropout rate
			}
			if len(shape.GetDim()) == 0 {
				shape = &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}
			}
			signature.Inputs[n.Name] = &pb.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: n.Name + ":0"}, Dtype: t, TensorShape: shape}
		case !taken[n.Name] && n.Op != "NoOp" && n.Op != "Const" && n.Op != "Assert" || n.Name == output:
			signature.Outputs[n.Name] = &pb.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: n.Name + ":0"}, Dtype: types_go_proto.DataType_DT_FLOAT}
		}
	}
	m, err := newModel(&pb.MetaGraphDef{GraphDef: def, SignatureDef: map[string]*pb.SignatureDef{"serving_default": signature}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.dir, m.frozen = path, true
	return m, nil
}
