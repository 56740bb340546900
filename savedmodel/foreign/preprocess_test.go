package foreign

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// ofBytes is a model that takes bytes of a number of channels: weighted means of the image,
// after the operation that is the first one.
func ofBytes(channels int, first string) *pb.SavedModel {
	const outputs = 3
	bytes := typeAttr(types_go_proto.DataType_DT_UINT8)
	in := image()
	in.Attr = attrs{"dtype": bytes, "shape": shapeAttr(-1, 8, 8, channels)}
	nodes := []*node{in}
	cast := func(name, from string, source, target types_go_proto.DataType) {
		nodes = append(nodes, &node{Name: name, Op: "Cast", Input: []string{from}, Attr: attrs{"SrcT": typeAttr(source), "DstT": typeAttr(target)}})
	}
	last, kind := "image", types_go_proto.DataType_DT_UINT8
	switch first {
	case "int32":
		cast("whole", last, kind, types_go_proto.DataType_DT_INT32)
		last, kind = "whole", types_go_proto.DataType_DT_INT32
	case "ReverseV2":
		nodes = append(nodes, integers("columns", 2), &node{Name: "turned", Op: first, Input: []string{last, "columns"}, Attr: attrs{"T": bytes, "Tidx": int32s}})
		last = "turned"
	}
	cast("floats", last, kind, types_go_proto.DataType_DT_FLOAT)
	weights := make([]float32, channels*outputs)
	for i := range weights {
		weights[i] = float32(i%5-2) / 3
	}
	mean := op("mean", "Mean", "floats", "axes")
	mean.Attr["Tidx"] = int32s
	nodes = append(nodes, integers("axes", 1, 2), mean, constant("weights", []int{channels, outputs}, weights...), op("out", "MatMul", "mean", "weights"))
	m := saved(nodes)
	input := m.MetaGraphs[0].SignatureDef["serving_default"].Inputs["image"]
	input.Dtype, input.TensorShape = types_go_proto.DataType_DT_UINT8, shapeAttr(-1, 8, 8, channels).GetShape()
	return m
}

// A model of bytes has the answers of its original, whatever its channels and its first
// operation, and a gradient at the image where nothing but a cast to floats comes first. Where a
// byte is needed it gets the nearest one, also of numbers that no image has.
func TestByteInputs(t *testing.T) {
	for _, channels := range []int{1, 3} {
		for _, first := range []string{"float", "int32", "ReverseV2"} {
			t.Run(first+string(rune('0'+channels)), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "model")
				a, err := Adopt(t.Context(), write(t, ofBytes(channels, first)), out, Options{})
				if err != nil {
					t.Fatal(err)
				}
				origin := a.Metadata.Origin
				if origin.Difference == nil || *origin.Difference > 1e-6 {
					t.Errorf("difference %v, notes %v", origin.Difference, a.Notes)
				}
				if none := origin.NoGradient["image"] != ""; none != (first != "float") {
					t.Errorf("gradient of the image: %q", origin.NoGradient["image"])
				}
				if channels == 1 || first == "float" {
					return
				}
				b, err := savedmodel.Open(out, graph.Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				answer := func(pixel float32) []float32 {
					in := explain.Images{N: 1, Height: 8, Width: 8, Channels: 3, Pixels: slices.Repeat([]float32{pixel}, 8*8*3)}
					p, err := b.Predict(t.Context(), in)
					if err != nil {
						t.Fatal(err)
					}
					return p.Logits[0]
				}
				for pixel, nearest := range map[float32]float32{99.75: 100, 100.25: 100, -3: 0, 256: 255, 400: 255} {
					if got, want := answer(pixel), answer(nearest); !slices.Equal(got, want) {
						t.Errorf("a pixel of %g has the logits %v, want those of %g: %v", pixel, got, nearest, want)
					}
				}
			})
		}
	}
}

// turning is a model that turns its image a number of times before a convolution, with sizes that
// it takes from the shapes of its tensors, as Keras's random rotation does.
func turning(times int, kind types_go_proto.DataType) *pb.SavedModel {
	transform := constant("transform", []int{1, 8}, 1, 0, 0, 0, 1, 0, 0, 0)
	nodes := []*node{image(), transform, integers("one", 1), integers("three", 3), integers("step", 1)}
	number := constant("fill", []int{}, 0)
	nodes, last := append(nodes, number), "image"
	for i := range times {
		name := fmt.Sprint("turn", i)
		shape := op(name+"/shape", "Shape", last)
		shape.Attr["out_type"] = typeAttr(kind)
		size := &node{Name: name + "/size", Op: "StridedSlice", Input: []string{name + "/shape", "one", "three", "step"}, Attr: attrs{"T": typeAttr(kind), "Index": int32s}}
		nodes = append(nodes, shape, size)
		sizes := name + "/size"
		if kind != types_go_proto.DataType_DT_INT32 {
			sizes = name + "/sizes"
			nodes = append(nodes, &node{Name: sizes, Op: "Cast", Input: []string{name + "/size"}, Attr: attrs{"SrcT": typeAttr(kind), "DstT": int32s}})
		}
		turn := &node{Name: name + "/turn", Op: "ImageProjectiveTransformV3", Input: []string{last, "transform", sizes, "fill"}, Attr: attrs{
			"dtype": float, "interpolation": {Value: &attr_value_go_proto.AttrValue_S{S: []byte("BILINEAR")}}, "fill_mode": {Value: &attr_value_go_proto.AttrValue_S{S: []byte("REFLECT")}}}}
		nodes, last = append(nodes, turn), turn.Name
	}
	weights := make([]float32, 3*3*3*4)
	for i := range weights {
		weights[i] = float32(i%7-3) / 5
	}
	convolution := op("convolution/Conv2D", "Conv2D", last, "kernel")
	convolution.Attr["strides"] = &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{I: []int64{1, 1, 1, 1}}}}
	convolution.Attr["padding"] = &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: []byte("VALID")}}
	mean := op("mean", "Mean", "convolution/Relu", "axes")
	mean.Attr["Tidx"] = int32s
	return saved(append(nodes, constant("kernel", []int{3, 3, 3, 4}, weights...), convolution, op("convolution/Relu", "Relu", "convolution/Conv2D"),
		integers("axes", 1, 2), mean, op("out", "Softmax", "mean")))
}

// A layer after operations without a gradient, whose size comes from a tensor's shape, is listed
// and explained by default; the layers before have no gradient.
func TestSizesFromShapes(t *testing.T) {
	for _, kind := range []types_go_proto.DataType{types_go_proto.DataType_DT_INT32, types_go_proto.DataType_DT_INT64} {
		for times := range 4 {
			t.Run(fmt.Sprint(kind, times), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "model")
				a, err := Adopt(t.Context(), write(t, turning(times, kind)), out, Options{Image: Image{Scale: "0..1"}})
				if err != nil {
					t.Fatal(err)
				}
				m := a.Metadata
				i := slices.IndexFunc(m.Layers, func(l savedmodel.Layer) bool { return l.Name == m.Explain })
				if i < 0 || !strings.HasPrefix(m.Explain, "convolution") || !slices.Equal(m.Layers[i].Output, []int{6, 6, 4}) {
					t.Errorf("explains %q of %v; %q", m.Explain, m.Layers, a.Notes)
				}
				if why := m.Origin.NoGradient["image"]; strings.Contains(why, "ImageProjectiveTransformV3") != (times > 0) {
					t.Errorf("image: %q", why)
				}
			})
		}
	}
}
