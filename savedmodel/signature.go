package savedmodel

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"oscar/internal/graph"
)

// Signature is an entry point of a model: named inputs and outputs.
type Signature struct {
	Inputs  map[string]graph.Tensor
	Outputs map[string]graph.Tensor
	Steps   int // number of points of an integral, for the metadata; 0: the signature has none
}

// proto returns the signature as a protocol buffer.
func (s Signature) proto() (*pb.SignatureDef, error) {
	def := &pb.SignatureDef{
		MethodName: "tensorflow/serving/predict",
		Inputs:     map[string]*pb.TensorInfo{},
		Outputs:    map[string]*pb.TensorInfo{},
	}
	for _, side := range []struct {
		from map[string]graph.Tensor
		to   map[string]*pb.TensorInfo
	}{{s.Inputs, def.Inputs}, {s.Outputs, def.Outputs}} {
		for _, key := range slices.Sorted(maps.Keys(side.from)) {
			t := side.from[key]
			if !t.Valid() {
				return nil, fmt.Errorf("signature: %q is not a tensor", key)
			}
			shape := &tensor_shape_go_proto.TensorShapeProto{UnknownRank: t.Shape() == nil}
			for _, d := range t.Shape() {
				shape.Dim = append(shape.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: int64(d)})
			}
			side.to[key] = &pb.TensorInfo{
				Encoding:    &pb.TensorInfo_Name{Name: t.Name()},
				Dtype:       types_go_proto.DataType(t.DType()),
				TensorShape: shape,
			}
		}
	}
	return def, nil
}
