package tfmodel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
)

// The backward pass of the gradcam signature is TensorFlow's own, at every
// layer of architectures that hold every kind of layer.
func TestBackwardEqualsTensorFlow(t *testing.T) {
	pools := []Architecture{}
	for _, p := range []Padding{Same, Valid} {
		for size := 1; size <= 4; size++ {
			for stride := 1; stride <= 4; stride++ {
				name := fmt.Sprintf("%d/%d %s", size, stride, p)
				pools = append(pools,
					pooling("max "+name, &MaxPool2D{size, stride, p}),
					pooling("average "+name, &AveragePool2D{size, stride, p}),
					pooling("depthwise "+name, &DepthwiseConv2D{Kernel: size, Stride: stride, Padding: p}),
					pooling("convolution "+name, &Conv2D{Filters: 2, Kernel: size, Stride: stride, Padding: p}))
			}
		}
	}
	everything := Architecture{Name: "everything", Input: Shape{19, 21, 3}, Layers: []Named{
		{"scale", &Rescaling{Scale: 0.5, Offset: -1}},
		{"pad", &ZeroPadding2D{Size: 2}},
		{"conv1", &Conv2D{Filters: 6, Kernel: 5, Stride: 2, Padding: Same}},
		{"bn1", &BatchNormalization{}},
		{"relu1", &ReLU{}},
		{"pool1", &MaxPool2D{Size: 3, Stride: 2, Padding: Same}},
		{"drop1", &Dropout{Rate: 0.5}},
		{"conv2", &Conv2D{Filters: 7, Kernel: 3, Stride: 1, Padding: Same}},
		{"pool2", &AveragePool2D{Size: 2, Stride: 1, Padding: Same}},
		{"conv3", &Conv2D{Filters: 7, Kernel: 2, Stride: 1, Padding: Valid, UseBias: new(false)}},
		{"block", &Residual{
			Body: []Named{
				{"conv1", &Conv2D{Filters: 5, Kernel: 3, Stride: 2, Padding: Same}}, {"bn1", &BatchNormalization{}}, {"relu1", &ReLU{}},
				{"inner", &Residual{Body: []Named{{"conv", &Conv2D{Filters: 5, Kernel: 3, Stride: 1, Padding: Same}}, {"relu", &ReLU{}}}}},
			},
			Shortcut: []Named{{"project", &Conv2D{Filters: 5, Kernel: 1, Stride: 2, Padding: Same}}},
		}},
		{"relu_block", &ReLU{}},
		{"gap", &GlobalAveragePool2D{}},
		{"fc", &Dense{Units: 6}},
	}}
	mobile := Architecture{Name: "mobile", Input: Shape{13, 12, 3}, Layers: []Named{
		{"norm", &Normalization{Mean: []float64{1, 2, 0.5}, Std: []float64{0.5, 2, 1}}},
		{"conv1", &Conv2D{Filters: 8, Kernel: 3, Stride: 2, Padding: Same, UseBias: new(false)}},
		{"swish1", &Swish{}},
		{"se1", &SqueezeExcitation{Units: 3}},
		{"dw1", &DepthwiseConv2D{Kernel: 5, Stride: 2, Padding: Same, UseBias: new(false)}},
		{"bn1", &BatchNormalization{}},
		{"relu6", &ReLU{MaxValue: 0.5}},
		{"ln1", &LayerNormalization{}},
		{"hard", &HardSwish{}},
		{"se2", &SqueezeExcitation{Units: 5, Activation: "swish", Gate: "hard_sigmoid"}},
		{"gap", &GlobalAveragePool2D{}},
		{"ln2", &LayerNormalization{Epsilon: 1e-5}},
		{"fc", &Dense{Units: 6}},
	}}
	kinds := map[string]bool{}
	for _, a := range append(pools, everything, mobile, Tiny(6)) {
		rows, err := a.Summary()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			kinds[r.Kind] = true
		}
		t.Run(a.Name, func(t *testing.T) { checkBackward(t, a) })
	}
	for _, k := range Kinds() {
		if !kinds[k] {
			t.Errorf("no architecture of this test has a %s", k)
		}
	}
}

// pooling puts a layer over a small odd-sized image.
func pooling(name string, l Layer) Architecture {
	return Architecture{Name: name, Input: Shape{9, 10, 3}, Layers: []Named{
		{"bn", &BatchNormalization{}},
		{"windows", l},
		{"flatten", &Flatten{}},
		{"fc", &Dense{Units: 6}},
	}}
}

func checkBackward(t *testing.T, a Architecture) {
	r := rand.New(rand.NewPCG(1, 2))
	values := map[string][]float32{}
	layers, err := a.steps()
	if err != nil {
		t.Fatal(err)
	}
	layers.forEachParam(func(name string, p Param) {
		v := make([]float32, Shape(p.Shape).Elements())
		for k := range v {
			v[k] = 0.3 * float32(r.NormFloat64())
			if p.Role == "moving_variance" {
				v[k] = 0.2 + v[k]*v[k]
			}
		}
		values[name] = v
	})
	n, err := CompileFrozen(a, values)
	if err != nil {
		t.Fatal(err)
	}
	const batch = 3
	images := make([]float32, batch*a.Input.Elements())
	for i := range images {
		images[i] = float32(r.IntN(4)) // few values: ties in every window
	}
	target := n.Graph.Const(graph.FromInt64s(graph.Shape{batch}, []int64{5, 0, 2}))
	score := n.Graph.Sum(n.Graph.Mul(n.Logits, n.Graph.OneHot(target, 6)), false, 1)
	var fetch []graph.Tensor
	for i, out := range n.outputs {
		fetch = append(fetch, n.backward(n.Graph.In("ours"), target, i), n.Graph.Grad(score, out)[0])
	}
	if err := n.Graph.Err(); err != nil {
		t.Fatal(err)
	}
	session, err := n.Graph.NewSession(graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.Run(t.Context(), []graph.Feed{{To: n.Image, Value: graph.FromFloat32s(append(graph.Shape{batch}, a.Input...), images)}}, fetch)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range layers {
		got, want := out[2*i].Float32s(), out[2*i+1].Float32s()
		if len(got) != len(want) {
			t.Errorf("%s: %d values, want %d", l.name, len(got), len(want))
			continue
		}
		if slices.Max(want) == slices.Min(want) {
			t.Errorf("%s: the gradient is %g everywhere", l.name, want[0])
		}
		agreement.Check(t, agreement.Line{
			Group: agreement.Layer, Subject: l.layer.Kind(), Oracle: "TensorFlow " + graph.Version() + "'s gradient operations",
			Compared: "gradient at its output, windows and strides of 1 to 4, ties", Difference: agreement.Apart(got, want),
			Of: "its largest value", Bound: 1e-6,
		})
	}
}
