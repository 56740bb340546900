package foreign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"oscar/internal/graph"
	"oscar/internal/named"
)

// Signature is a signature of the model.
type Signature struct {
	Name            string
	Inputs, Outputs []Argument // sorted by name
}

// Argument is an input or an output of a signature.
type Argument struct {
	Name   string
	Tensor string // in the graph, "serving_default_x:0"
	DType  graph.DType
	Shape  graph.Shape // nil: the rank is unknown
}

// String returns "image float32 [N,224,224,3]".
func (a Argument) String() string {
	shape := "of any shape"
	if a.Shape != nil {
		shape = a.Shape.String()
	}
	return fmt.Sprintf("%s %s %s", a.Name, typeName(a.DType), shape)
}

func typeName(t graph.DType) string {
	switch t {
	case graph.Float:
		return "float32"
	case graph.Uint8:
		return "uint8"
	case graph.Half:
		return "float16"
	case graph.Bfloat16:
		return "bfloat16"
	case graph.String:
		return "string"
	}
	return fmt.Sprintf("type %d", t)
}

// String returns the signature in one line.
func (s Signature) String() string {
	return fmt.Sprintf("%s (%s -> %s)", s.Name, join(s.Inputs), join(s.Outputs))
}

func join(all []Argument) string {
	var parts []string
	for _, a := range all {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, ", ")
}

// Signatures lists the signatures by name.
func (m *Model) Signatures() []Signature {
	var out []Signature
	for _, name := range sortedKeys(m.meta.GetSignatureDef()) {
		if name == "__saved_model_init_op" {
			continue
		}
		def := m.meta.SignatureDef[name]
		out = append(out, Signature{name, arguments(def.GetInputs()), arguments(def.GetOutputs())})
	}
	return out
}

func arguments(infos map[string]*pb.TensorInfo) []Argument {
	var out []Argument
	for _, name := range sortedKeys(infos) {
		info := infos[name]
		out = append(out, Argument{name, info.GetName(), graph.DType(info.GetDtype()), shapeOf(info.GetTensorShape())})
	}
	return out
}

// shapeOf reads a shape; nil if it is missing or its rank is unknown.
func shapeOf(s *tensor_shape_go_proto.TensorShapeProto) graph.Shape {
	if s == nil || s.UnknownRank {
		return nil
	}
	shape := graph.Shape{}
	for _, d := range s.Dim {
		shape = append(shape, int(max(-1, d.GetSize())))
	}
	return shape
}

// imageTypes are the possible types of an image input.
var imageTypes = []graph.DType{graph.Float, graph.Uint8, graph.Half, graph.Bfloat16}

// classifies returns nil if the signature has one image input and an output of that name. An empty
// name means the only output.
func (s Signature) classifies(output string) error {
	switch {
	case len(s.Inputs) != 1:
		return fmt.Errorf("signature %s takes %d inputs, want one image: %s", s.Name, len(s.Inputs), s)
	case s.Inputs[0].DType == graph.String:
		return fmt.Errorf("signature %s takes strings (encoded images), want one that takes pixels", s.Name)
	case !slices.Contains(imageTypes, s.Inputs[0].DType) || s.Inputs[0].Shape != nil && len(s.Inputs[0].Shape) != 4:
		return fmt.Errorf("signature %s takes no image: %s", s.Name, s)
	case len(s.Outputs) == 0:
		return fmt.Errorf("signature %s has no output", s.Name)
	}
	_, err := s.output(output)
	return err
}

func (s Signature) output(name string) (Argument, error) {
	var names []string
	for _, o := range s.Outputs {
		if o.Name == name || name == "" && len(s.Outputs) == 1 {
			return o, nil
		}
		names = append(names, o.Name)
	}
	if name == "" {
		return Argument{}, needsOption("signature %s has several outputs; name one with --output: %s", s.Name, strings.Join(names, ", "))
	}
	return Argument{}, needsOption("signature %s: %w", s.Name, named.Unknown("output", name, names))
}

// choose returns the signature of that name. Without a name it is serving_default, or else the only
// one that classifies images.
func (m *Model) choose(name, output string) (Signature, error) {
	all := m.Signatures()
	if len(all) == 0 {
		return Signature{}, fmt.Errorf("the model has no signature; save it with one (tf.saved_model.save(model, dir, signatures=...))")
	}
	var lines []string
	var fitting []Signature
	for _, s := range all {
		lines = append(lines, s.String())
		if s.Name == name {
			return s, s.classifies(output)
		}
		if s.classifies(output) == nil {
			fitting = append(fitting, s)
		}
	}
	have := "; have " + strings.Join(lines, "; ")
	if name != "" {
		return Signature{}, needsOption("no signature %q%s", name, have)
	}
	for _, s := range all {
		if s.Name == "serving_default" && (len(fitting) != 1 || s.classifies(output) == nil) {
			return s, s.classifies(output)
		}
	}
	switch {
	case len(fitting) == 1 || len(fitting) > 1 && sameTensors(fitting):
		return fitting[0], nil
	case len(fitting) > 1:
		return Signature{}, needsOption("several signatures take an image; name one with --signature%s", have)
	case len(all) == 1:
		return all[0], all[0].classifies(output)
	}
	return Signature{}, fmt.Errorf("no signature takes an image and gives one output%s", have)
}

// sameTensors reports whether the signatures have the same inputs and outputs.
func sameTensors(all []Signature) bool {
	for _, s := range all[1:] {
		if s.Inputs[0].Tensor != all[0].Inputs[0].Tensor || !slices.EqualFunc(s.Outputs, all[0].Outputs, func(a, b Argument) bool { return a.Tensor == b.Tensor }) {
			return false
		}
	}
	return true
}
