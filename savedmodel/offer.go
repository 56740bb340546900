package savedmodel

import (
	"cmp"
	"slices"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// Offer describes a signature of a SavedModel: its inputs and outputs.
type Offer struct {
	Name    string          `json:"name"`
	Inputs  []OfferedTensor `json:"inputs"` // by name
	Outputs []OfferedTensor `json:"outputs"`
}

// OfferedTensor is an input or output of an [Offer].
type OfferedTensor struct {
	Name  string  `json:"name"`
	Shape []int64 `json:"shape"` // -1: any
}

// Offers reads the signatures of oscar's SavedModel, by name.
func Offers(dir string) ([]Offer, error) {
	_, graph, err := describe(dir)
	if err != nil {
		return nil, err
	}
	var out []Offer
	for name, s := range graph.SignatureDef {
		out = append(out, Offer{name, offered(s.Inputs), offered(s.Outputs)})
	}
	slices.SortFunc(out, func(a, b Offer) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func offered(tensors map[string]*pb.TensorInfo) []OfferedTensor {
	out := []OfferedTensor{}
	for name, t := range tensors {
		o := OfferedTensor{Name: name, Shape: []int64{}}
		for _, d := range t.GetTensorShape().GetDim() {
			o.Shape = append(o.Shape, d.Size)
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b OfferedTensor) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
