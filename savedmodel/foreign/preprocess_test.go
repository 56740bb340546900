package foreign

import (
	"path/filepath"
	"slices"
	"testing"

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
