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

// ended is a model of some outputs: weighted means of an image's colors, with an activation
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

// mixed is a model whose outputs are probabilities without one activation that gives them: two
// heads of an activation, joined.
func mixed(outputs int, squash, join string) []*node {
	nodes := ended(outputs, squash, "")
	nodes = nodes[:len(nodes)-1]
	weights := make([]float32, 3*outputs)
	for i := range weights {
		weights[i] = float32(i%7-3) / 2
	}
	nodes = append(nodes, constant("others", []int{3, outputs}, weights...), op("other", "MatMul", "mean", "others"), op("also", squash, "other"))
	number := func(name string, v float32) string {
		nodes = append(nodes, constant(name, []int{}, v))
		return name
	}
	switch join {
	case "Average":
		nodes = append(nodes, op("sum", "AddV2", "squash", "also"))
		return append(nodes, op("out", "Mul", "sum", number("half", 0.5)))
	case "Weighted":
		nodes = append(nodes, op("a", "Mul", "squash", number("many", 0.7)), op("b", "Mul", number("few", 0.3), "also"))
		return append(nodes, op("out", "AddN", "a", "b"))
	case "Concat":
		n := op("out", "ConcatV2", "squash", "also", "axis")
		n.Attr["Tidx"] = int32s
		axis := integers("axis", 1)
		axis.Attr["value"].GetTensor().TensorShape = shapeAttr().GetShape()
		return append(nodes, axis, n)
	}
	panic(join)
}

// Outputs that are probabilities without one activation: oscar's probabilities are the model's
// outputs, and the record says how the logits were made of them.
func TestMixedProbabilities(t *testing.T) {
	for _, outputs := range []int{1, 2, 5} {
		for _, squash := range []string{"Softmax", "Sigmoid"} {
			for _, join := range []string{"Average", "Weighted", "Concat"} {
				if squash == "Softmax" && (outputs == 1 || join == "Concat") {
					continue
				}
				t.Run(fmt.Sprint(outputs, squash, join), func(t *testing.T) {
					nodes := mixed(outputs, squash, join)
					for _, n := range nodes {
						if n.Op == "AddN" || n.Op == "ConcatV2" {
							n.Attr["N"] = &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: 2}}
						}
					}
					out := filepath.Join(t.TempDir(), "model")
					a, err := Adopt(t.Context(), write(t, saved(nodes)), out, Options{Image: Image{Scale: "0..1"}})
					if err != nil {
						t.Fatal(err)
					}
					several := squash == "Sigmoid" && (outputs > 1 || join == "Concat")
					if logits := a.Metadata.Origin.Logits; !strings.Contains(logits, "log(p") {
						t.Errorf("logits %q", logits)
					}
					if (a.Metadata.MultiLabel != nil) != several {
						t.Errorf("several labels: %v", a.Metadata.MultiLabel)
					}
					if why := a.Metadata.Origin.NoGradient["image"]; why != "" {
						t.Errorf("no gradient: %s", why)
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
					p, err := b.Predict(t.Context(), in)
					if err != nil {
						t.Fatal(err)
					}
					for i := range in.N {
						want := mixedTruth(in.Pixels[i*in.Size():(i+1)*in.Size()], outputs, squash, join)
						for k, w := range want {
							if got := float64(p.Probabilities[i][k]); !(math.Abs(got-w) <= 1e-5) {
								t.Errorf("image %d: probability %d is %g, want %g", i, k, got, w)
							}
						}
					}
				})
			}
		}
	}
}

// mixedTruth computes the outputs of mixed.
func mixedTruth(pixels []float32, outputs int, squash, join string) []float64 {
	var heads [2][]float64
	for h := range heads {
		p, sum := make([]float64, outputs), 0.0
		for at, v := range pixels {
			for k := range p {
				i := at%3*outputs + k
				w := []float64{float64(i%5-2) / 3, float64(i%7-3) / 2}[h]
				p[k] += float64(v) / 255 / 64 * w
			}
		}
		for k, z := range p {
			p[k] = math.Exp(z)
			sum += p[k]
		}
		for k := range p {
			if squash == "Sigmoid" {
				sum = 1 + p[k]
			}
			p[k] /= sum
		}
		heads[h] = p
	}
	if join == "Concat" {
		return append(heads[0], heads[1]...)
	}
	share := map[string]float64{"Average": 0.5, "Weighted": 0.7}[join]
	for k := range heads[0] {
		heads[0][k] = share*heads[0][k] + (1-share)*heads[1][k]
	}
	if outputs == 1 {
		return []float64{1 - heads[0][0], heads[0][0]}
	}
	return heads[0]
}

// A note says how one output without a Sigmoid was read, and which other outputs there are.
func TestOneNumber(t *testing.T) {
	for _, squash := range []string{"", "Sigmoid"} {
		for _, outputs := range []int{1, 2} {
			for _, second := range []bool{false, true} {
				m, o := saved(ended(outputs, squash, "")), Options{Image: Image{Scale: "0..1"}}
				if second {
					all := m.MetaGraphs[0].SignatureDef["serving_default"].Outputs
					all["species"], o.Output = all["out"], "out"
				}
				a, err := Adopt(t.Context(), write(t, m), filepath.Join(t.TempDir(), "model"), o)
				if err != nil {
					t.Fatal(err)
				}
				notes := strings.Join(a.Notes, "\n")
				one := squash == "" && outputs == 1
				if strings.Contains(notes, "one number without a Sigmoid") != one || strings.Contains(notes, "--output names another output: species") != (one && second) {
					t.Errorf("%d outputs, %q, another output: %v: notes %q", outputs, squash, second, notes)
				}
			}
		}
	}
}

// An operation that gets a variable itself is refused with what can be done.
func TestHiddenVariables(t *testing.T) {
	for kind, want := range map[string]string{
		"While": "loop that reads the variable weights, and oscar cannot look into loops: recurrent layers such as LSTM can be used if the model is exported with unroll=True",
		"If":    "reads the variable weights under a condition that is known only when the model runs",
		"Relu":  "uses the variable weights other than by reading its value",
	} {
		weights := &node{Name: "weights", Op: "VarHandleOp", Attr: attrs{"dtype": float, "shape": shapeAttr(3)}}
		_, err := Adopt(t.Context(), write(t, saved([]*node{image(), weights, op("out", kind, "image", "weights")})), filepath.Join(t.TempDir(), "model"), Options{Trust: true})
		wantError(t, err, "out ("+kind+")")
		wantError(t, err, want)
	}
}
