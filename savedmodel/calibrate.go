package savedmodel

import (
	"fmt"
	"path/filepath"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/paths"
)

// The nodes that [Calibrate] adds.
const (
	scaleNode   = "calibration/scale" // 1 / temperature
	scaledNode  = "calibration/logits"
	softmaxNode = "calibration/softmax"
)

// Calibrate writes a copy of a model whose logits are divided by a temperature, above 0 (temperature
// scaling, Guo et al. 2017). This changes the probabilities of all signatures. The metadata records
// the temperature, multiplied by that of an already calibrated model. The order of classes and the
// pattern of heatmaps do not change.
func Calibrate(dir, out string, temperature float64) error {
	meta, _, err := Describe(dir)
	if err != nil {
		return err
	}
	if meta.Temperature != 0 {
		temperature *= meta.Temperature
	}
	meta.Temperature = temperature
	text, err := paths.ReadFile(filepath.Join(dir, "saved_model.pb"), paths.Graph)
	if err != nil {
		return err
	}
	saved := &pb.SavedModel{}
	if err := proto.Unmarshal(text, saved); err != nil {
		return err
	}
	if len(saved.MetaGraphs) != 1 {
		return fmt.Errorf("%s has %d graphs, want one as oscar writes it", dir, len(saved.MetaGraphs))
	}
	if err := scaleLogits(saved.MetaGraphs[0].GraphDef, float32(1/temperature)); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return writeCopy(dir, out, meta, saved)
}

// scaleLogits multiplies the logits node by a constant, and computes the probabilities from the
// product.
func scaleLogits(g *graph_go_proto.GraphDef, scale float32) error {
	nodes := map[string]*node_def_go_proto.NodeDef{}
	for _, n := range g.GetNode() {
		nodes[n.Name] = n
	}
	logits, probabilities := nodes["logits"], nodes["probabilities"]
	if logits == nil || probabilities == nil || logits.Op != "Identity" || probabilities.Op != "Identity" || len(logits.Input) != 1 || len(probabilities.Input) != 1 {
		return fmt.Errorf("the graph has no logits and probabilities as oscar writes them")
	}
	if squash := nodes[probabilities.Input[0]]; squash == nil || squash.Op != "Softmax" {
		return fmt.Errorf("the probabilities are not those of a softmax, which a temperature is for")
	}
	value := &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: &tensor_go_proto.TensorProto{
		Dtype: types_go_proto.DataType_DT_FLOAT, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, FloatVal: []float32{scale},
	}}}
	if constant := nodes[scaleNode]; constant != nil {
		constant.Attr["value"] = value
		return nil
	}
	float := func() *attr_value_go_proto.AttrValue {
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Type{Type: types_go_proto.DataType_DT_FLOAT}}
	}
	add := func(name, op, kind string, inputs ...string) *node_def_go_proto.NodeDef {
		n := &node_def_go_proto.NodeDef{Name: name, Op: op, Input: inputs, Attr: map[string]*attr_value_go_proto.AttrValue{kind: float()}}
		g.Node = append(g.Node, n)
		return n
	}
	add(scaleNode, "Const", "dtype").Attr["value"] = value
	add(scaledNode, "Mul", "T", logits.Input[0], scaleNode)
	add(softmaxNode, "Softmax", "T", "logits")
	logits.Input[0], probabilities.Input[0] = scaledNode, softmaxNode
	return nil
}
