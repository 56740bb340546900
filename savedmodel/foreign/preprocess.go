package foreign

import (
	"errors"
	"fmt"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"

	"oscar/internal/graph"
)

// scaling returns the input scale. It never guesses, because with a wrong scale the model can still
// be confident.
func (a *adoption) scaling(inside bool) (Scaling, error) {
	o := a.options.Image
	name := o.Scale
	if name == "" {
		if !inside && a.signature.Inputs[0].DType != graph.Uint8 {
			return Scaling{}, needsOption("%w; give the scale of its training with --input-scale:\n%s", ErrScale, scaleHelp)
		}
		name = "0..255"
	}
	s, err := lookupScaling(name)
	if err != nil {
		return Scaling{}, err
	}
	if a.signature.Inputs[0].DType == graph.Uint8 && s.Name != "0..255" {
		return Scaling{}, needsOption("the model takes bytes; its input scale is 0..255, not %s", s.Name)
	}
	if o.Channels != "" {
		s.BGR = o.Channels == "BGR"
	}
	return s, nil
}

// ErrScale is returned if a model needs an input scale and none is given.
var ErrScale = errors.New("the model does not record the scale of its input")

const scaleHelp = `  0..255   pixels as they are (EfficientNet, ConvNeXt and MobileNetV3 of Keras scale by themselves;
           also if the model standardizes each image, as tf.image.per_image_standardization does)
  0..1     x / 255
  -1..1    x / 127.5 - 1 (Keras's Xception, Inception, MobileNet, ResNetV2, NASNet)
  torch    x / 255, less the mean and over the deviation of ImageNet (Keras's DenseNet, PyTorch)
  caffe    BGR, less the mean of ImageNet (Keras's VGG, ResNet)`

// preprocess converts the image to the model's input, a tensor of shape in.
func (a *adoption) preprocess(g *graph.Graph, s Scaling, in graph.Shape) (graph.Tensor, error) {
	x := a.image
	first := few(in[1]) && !few(in[3])
	channels := in[3]
	if first {
		channels = in[1]
	}
	mean, std := s.Mean[:], s.Std[:]
	switch channels {
	case 3:
		if s.BGR {
			x = g.Reverse(x, 3)
		}
	case 1:
		if s.Mean[0] != s.Mean[1] || s.Std[0] != s.Std[1] {
			return x, needsOption("the model takes gray images; the input scale %s is for colors", s.Name)
		}
		// luma by ITU-R BT.601
		x = g.Sum(g.Mul(x, g.Const(graph.FromFloat32s(graph.Shape{3}, []float32{0.299, 0.587, 0.114}))), true, 3)
		if a.signature.Inputs[0].DType == graph.Uint8 {
			// a whole number, with the gradient of the luma
			x = g.Add(x, g.StopGradient(g.Sub(g.Round(x), x)))
		}
		mean, std = mean[:1], std[:1]
	default:
		return x, fmt.Errorf("the model takes images of %d channels; want 3, or 1", channels)
	}
	if s.By != 1 {
		x = g.Div(x, g.Scalar(s.By))
	}
	if s.Mean != [3]float32{} {
		x = g.Sub(x, g.Const(graph.FromFloat32s(graph.Shape{len(mean)}, mean)))
	}
	if s.Std != one {
		x = g.Div(x, g.Const(graph.FromFloat32s(graph.Shape{len(std)}, std)))
	}
	if first {
		x = g.Permute(x, 0, 3, 1, 2)
	}
	if t := graph.DType(a.flat.image.Attr["dtype"].GetType()); t != graph.Float {
		x = g.Cast(x, t)
	}
	return g.Identity("scaled", x), g.Err()
}

// takeFloats makes a model with byte input take the image before the cast to bytes. Bytes have no
// gradient, and most models cast them back to floats immediately. Other operations get the nearest
// byte.
func (a *adoption) takeFloats() {
	float, bytes := types_go_proto.DataType_DT_FLOAT, types_go_proto.DataType_DT_UINT8
	image := a.flat.image
	if image.Attr["dtype"].GetType() != bytes {
		return
	}
	image.Attr["dtype"] = typeAttr(float)
	toBytes := a.nearestByte(image.Name)
	last := toBytes[len(toBytes)-1].Name
	var nodes []*node_def_go_proto.NodeDef
	for _, n := range a.flat.nodes {
		nodes = append(nodes, n)
		if n == image {
			nodes = append(nodes, toBytes...)
		}
		for i, in := range n.Input {
			if in != image.Name {
				continue
			}
			if n.Op == "Cast" && graph.IsFloat(graph.DType(n.Attr["DstT"].GetType())) {
				n.Attr["SrcT"] = typeAttr(float)
			} else {
				n.Input[i] = last
			}
		}
	}
	a.flat.nodes = nodes
}

// nearestByte returns operations that convert the float tensor from to bytes. Numbers below 0 and
// above 255 are clipped, because a cast wraps them around.
func (a *adoption) nearestByte(from string) []*node_def_go_proto.NodeDef {
	float, bytes := typeAttr(types_go_proto.DataType_DT_FLOAT), typeAttr(types_go_proto.DataType_DT_UINT8)
	var nodes []*node_def_go_proto.NodeDef
	add := func(name, op string, attributes attrs, in ...string) string {
		n := &node_def_go_proto.NodeDef{Name: a.free(from + name), Op: op, Input: in, Attr: attributes}
		nodes, a.byName[n.Name] = append(nodes, n), n
		return n.Name
	}
	number := func(name string, v float32) string {
		t := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_FLOAT, FloatVal: []float32{v}, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}}
		return add(name, "Const", attrs{"dtype": float, "value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: t}}})
	}
	x := add("/from_0", "Maximum", attrs{"T": float}, from, number("/lowest", 0))
	x = add("/to_255", "Minimum", attrs{"T": float}, x, number("/highest", 255))
	x = add("/nearest", "Round", attrs{"T": float}, x)
	add("/bytes", "Cast", attrs{"SrcT": float, "DstT": bytes, "Truncate": {Value: &attr_value_go_proto.AttrValue_B{}}}, x)
	return nodes
}
