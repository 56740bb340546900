package foreign

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// checkHead checks that the probabilities are the softmax of the logits, or the sigmoid of each
// if an image may have several labels.
func checkHead(t *testing.T, b *savedmodel.Bundle, in explain.Images) {
	t.Helper()
	p, err := b.Predict(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, logits := range p.Logits {
		want := make([]float64, len(logits))
		sum := 0.0
		for k, z := range logits {
			want[k] = math.Exp(float64(z))
			sum += want[k]
		}
		for k, w := range want {
			if b.Metadata.MultiLabel != nil {
				w /= 1 + w
			} else {
				w /= sum
			}
			if got := float64(p.Probabilities[i][k]); !(math.Abs(got-w) <= 1e-5) {
				t.Errorf("image %d: probability %d is %g, want %g of the logits %v", i, k, got, w, logits)
			}
		}
	}
}

// ended is a model of some outputs: weighted means of an image's colours, with an activation
// and an operation that keeps its values after it.
func ended(outputs int, squash, after string) []*node {
	weights := make([]float32, 3*outputs)
	for i := range weights {
		weights[i] = float32(i%5-2) / 3
	}
	mean := op("mean", "Mean", "image", "axes")
	mean.Attr["Tidx"] = int32s
	nodes := []*node{image(), integers("axes", 1, 2), mean, constant("weights", []int{3, outputs}, weights...), op("dense", "MatMul", "mean", "weights")}
	last := "dense"
	if squash != "" {
		nodes = append(nodes, op("squash", squash, last))
		last = "squash"
	}
	switch after {
	case "Reshape":
		n := op(after, after, last, "shape")
		n.Attr["Tshape"] = int32s
		nodes = append(nodes, integers("shape", -1, int32(outputs)), n)
		last = after
	case "Cast":
		nodes = append(nodes, &node{Name: after, Op: after, Input: []string{last}, Attr: attrs{"SrcT": float, "DstT": float}})
		last = after
	}
	return append(nodes, op("out", "Identity", last))
}

var int32s = typeAttr(types_go_proto.DataType_DT_INT32)

// integers is a constant list.
func integers(name string, v ...int32) *node {
	t := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_INT32, IntVal: v, TensorShape: shapeAttr(len(v)).GetShape()}
	return &node{Name: name, Op: "Const", Attr: attrs{"dtype": int32s, "value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: t}}}}
}

// Whatever the number of outputs and the activation: the model's own answers are among the
// probabilities or the logits, and the record says how they were read.
func TestHeads(t *testing.T) {
	for _, outputs := range []int{1, 2, 3, 10} {
		for _, squash := range []string{"", "Softmax", "LogSoftmax", "Sigmoid"} {
			for _, after := range []string{"", "Reshape", "Cast"} {
				t.Run(fmt.Sprint(outputs, squash, after), func(t *testing.T) {
					dir, out := write(t, saved(ended(outputs, squash, after))), filepath.Join(t.TempDir(), "model")
					a, err := Adopt(t.Context(), dir, out, Options{Image: Image{Scale: "0..1"}})
					if outputs == 1 && strings.HasSuffix(squash, "oftmax") {
						wantError(t, err, "ends with a "+squash+" of one number")
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					b, err := savedmodel.Open(out, graph.Config{})
					if err != nil {
						t.Fatal(err)
					}
					defer b.Close()
					in := explain.Images{N: 2, Height: 8, Width: 8, Channels: 3, Pixels: make([]float32, 2*8*8*3)}
					for i := range in.Pixels {
						in.Pixels[i] = float32(i * i % 256)
					}
					checkHead(t, b, in)
					origin := a.Metadata.Origin.Logits
					if half := strings.Contains(origin, "half"); half != (outputs == 1) || !strings.Contains(origin, squash) {
						t.Errorf("logits %s", origin)
					}
					if several := a.Metadata.MultiLabel; (several != nil) != (squash == "Sigmoid" && outputs > 1) {
						t.Errorf("several labels: %v", several)
					} else if several != nil && !slices.Equal(several.Thresholds, slices.Repeat([]float64{0.5}, outputs)) {
						t.Errorf("thresholds %v", several.Thresholds)
					}
					checkTruth(t, b, in, outputs, squash)
				})
			}
		}
	}
}

// checkTruth compares with the weighted means themselves.
func checkTruth(t *testing.T, b *savedmodel.Bundle, in explain.Images, outputs int, squash string) {
	t.Helper()
	p, err := b.Predict(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in.N {
		z := make([]float64, outputs)
		for at := range in.Size() {
			for k := range z {
				z[k] += float64(in.Pixels[i*in.Size()+at]) / 255 / 64 * float64(float32(((at%3)*outputs+k)%5-2)/3)
			}
		}
		if outputs == 1 {
			z = []float64{-z[0] / 2, z[0] / 2}
		}
		for k, want := range z {
			if got := float64(p.Logits[i][k]); !(math.Abs(got-want) <= 1e-6) {
				t.Errorf("%s: logit %d of image %d is %g, want %g", squash, k, i, got, want)
			}
		}
	}
}
