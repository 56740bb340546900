package tfmodel

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"oscar/internal/graph"
)

// layerCase is a layer with what it must make of an input.
type layerCase struct {
	layer   Layer
	in, out Shape
	params  []string // see describe
}

// layerCases has the cases of every kind.
var layerCases = map[string][]layerCase{
	"conv2d": {
		{&Conv2D{Filters: 3, Kernel: 3, Stride: 1, Padding: Same}, Shape{5, 4, 2}, Shape{5, 4, 3},
			[]string{"kernel [3,3,2,3] glorot_uniform", "bias [3] zeros"}},
		{&Conv2D{Filters: 2, Kernel: 3, Stride: 2, Padding: Valid}, Shape{6, 7, 3}, Shape{2, 3, 2},
			[]string{"kernel [3,3,3,2] glorot_uniform", "bias [2] zeros"}},
		{&Conv2D{Filters: 1, Kernel: 2, Stride: 3, Padding: Same}, Shape{5, 7, 1}, Shape{2, 3, 1},
			[]string{"kernel [2,2,1,1] glorot_uniform", "bias [1] zeros"}},
		{&Conv2D{Filters: 2, Kernel: 3, Stride: 1, Padding: Same, UseBias: new(false), Initializer: HeNormal, L2: 0.5}, Shape{4, 5, 2}, Shape{4, 5, 2},
			[]string{"kernel [3,3,2,2] he_normal l2 0.5"}},
	},
	"dense": {
		{&Dense{Units: 4}, Shape{6}, Shape{4}, []string{"kernel [6,4] glorot_uniform", "bias [4] zeros"}},
		{&Dense{Units: 1, L2: 0.01}, Shape{3}, Shape{1}, []string{"kernel [3,1] glorot_uniform l2 0.01", "bias [1] zeros"}},
		{&Dense{Units: 2, Initializer: HeNormal}, Shape{3}, Shape{2}, []string{"kernel [3,2] he_normal", "bias [2] zeros"}},
	},
	"relu": {
		{&ReLU{}, Shape{3, 3, 2}, Shape{3, 3, 2}, nil},
		{&ReLU{}, Shape{7}, Shape{7}, nil},
		{&ReLU{MaxValue: 6}, Shape{4, 3, 40}, Shape{4, 3, 40}, nil},
		{&ReLU{MaxValue: 0.5}, Shape{9}, Shape{9}, nil},
	},
	"swish": {
		{&Swish{}, Shape{3, 3, 2}, Shape{3, 3, 2}, nil},
		{&Swish{}, Shape{7}, Shape{7}, nil},
	},
	"hard_swish": {
		{&HardSwish{}, Shape{4, 5, 10}, Shape{4, 5, 10}, nil},
		{&HardSwish{}, Shape{7}, Shape{7}, nil},
	},
	"squeeze_excitation": {
		{&SqueezeExcitation{Units: 5}, Shape{3, 3, 4}, Shape{3, 3, 4},
			[]string{"reduce/kernel [4,5] glorot_uniform", "reduce/bias [5] zeros", "expand/kernel [5,4] glorot_uniform", "expand/bias [4] zeros"}},
		{&SqueezeExcitation{Units: 5, Activation: "swish", Gate: "hard_sigmoid"}, Shape{2, 3, 4}, Shape{2, 3, 4},
			[]string{"reduce/kernel [4,5] glorot_uniform", "reduce/bias [5] zeros", "expand/kernel [5,4] glorot_uniform", "expand/bias [4] zeros"}},
	},
	"layer_normalization": {
		{&LayerNormalization{}, Shape{3, 2, 5}, Shape{3, 2, 5}, []string{"gamma [5] ones", "beta [5] zeros"}},
		{&LayerNormalization{Epsilon: 1e-6}, Shape{6}, Shape{6}, []string{"gamma [6] ones", "beta [6] zeros"}},
	},
	"normalization": {
		{&Normalization{Mean: []float64{1, -2}, Std: []float64{0.5, 3}}, Shape{3, 2, 2}, Shape{3, 2, 2}, nil},
	},
	"depthwise_conv2d": {
		{&DepthwiseConv2D{Kernel: 3, Stride: 1, Padding: Same}, Shape{5, 4, 2}, Shape{5, 4, 2},
			[]string{"kernel [3,3,2,1] glorot_uniform", "bias [2] zeros"}},
		{&DepthwiseConv2D{Kernel: 5, Stride: 2, Padding: Same, UseBias: new(false), Initializer: HeNormal, L2: 0.5}, Shape{6, 7, 3}, Shape{3, 4, 3},
			[]string{"kernel [5,5,3,1] he_normal l2 0.5"}},
		{&DepthwiseConv2D{Kernel: 3, Stride: 3, Padding: Valid}, Shape{8, 7, 2}, Shape{2, 2, 2},
			[]string{"kernel [3,3,2,1] glorot_uniform", "bias [2] zeros"}},
	},
	"max_pool2d": {
		{&MaxPool2D{Size: 3, Stride: 2, Padding: Valid}, Shape{5, 7, 2}, Shape{2, 3, 2}, nil},
		{&MaxPool2D{Size: 2, Stride: 2, Padding: Same}, Shape{5, 5, 1}, Shape{3, 3, 1}, nil},
	},
	"average_pool2d": {
		{&AveragePool2D{Size: 3, Stride: 2, Padding: Valid}, Shape{5, 7, 2}, Shape{2, 3, 2}, nil},
		{&AveragePool2D{Size: 2, Stride: 1, Padding: Same}, Shape{4, 3, 2}, Shape{4, 3, 2}, nil},
	},
	"global_average_pool2d": {
		{&GlobalAveragePool2D{}, Shape{4, 3, 5}, Shape{5}, nil},
	},
	"batch_normalization": {
		{&BatchNormalization{}, Shape{4, 3, 2}, Shape{4, 3, 2},
			[]string{"gamma [2] ones", "beta [2] zeros", "moving_mean [2] zeros frozen", "moving_variance [2] ones frozen"}},
		{&BatchNormalization{Momentum: 0.9, Epsilon: 0.01}, Shape{1, 3, 3}, Shape{1, 3, 3},
			[]string{"gamma [3] ones", "beta [3] zeros", "moving_mean [3] zeros frozen", "moving_variance [3] ones frozen"}},
	},
	"dropout": {
		{&Dropout{Rate: 0.5}, Shape{12}, Shape{12}, nil},
		{&Dropout{Rate: 0.25}, Shape{3, 3, 2}, Shape{3, 3, 2}, nil},
		{&Dropout{}, Shape{4}, Shape{4}, nil},
	},
	"flatten": {
		{&Flatten{}, Shape{3, 2, 4}, Shape{24}, nil},
		{&Flatten{}, Shape{5}, Shape{5}, nil},
	},
	"rescaling": {
		{&Rescaling{Scale: 0.25, Offset: -2}, Shape{3, 2, 2}, Shape{3, 2, 2}, nil},
		{&Rescaling{Scale: -3}, Shape{4}, Shape{4}, nil},
	},
	"zero_padding2d": {
		{&ZeroPadding2D{Size: 1}, Shape{2, 3, 2}, Shape{4, 5, 2}, nil},
		{&ZeroPadding2D{Size: 3}, Shape{1, 2, 1}, Shape{7, 8, 1}, nil},
	},
	"residual": { // a ReLU within would give numeric gradients kinks; TestBackwardEqualsTensorFlow has some
		{&Residual{Body: []Named{
			{"conv", &Conv2D{Filters: 2, Kernel: 3, Stride: 1, Padding: Same}}, {"drop", &Dropout{Rate: 0.4}},
		}}, Shape{3, 4, 2}, Shape{3, 4, 2}, []string{"conv/kernel [3,3,2,2] glorot_uniform", "conv/bias [2] zeros"}},
		{&Residual{
			Body: []Named{
				{"conv1", &Conv2D{Filters: 2, Kernel: 3, Stride: 2, Padding: Same, UseBias: new(false)}},
				{"inner", &Residual{Body: []Named{{"bn", &BatchNormalization{}}}}},
			},
			Shortcut: []Named{{"conv0", &Conv2D{Filters: 2, Kernel: 1, Stride: 2, Padding: Same}}},
		}, Shape{3, 4, 1}, Shape{2, 2, 2}, []string{
			"conv1/kernel [3,3,1,2] glorot_uniform", "inner/bn/gamma [2] ones", "inner/bn/beta [2] zeros",
			"inner/bn/moving_mean [2] zeros frozen", "inner/bn/moving_variance [2] ones frozen",
			"conv0/kernel [1,1,1,2] glorot_uniform", "conv0/bias [2] zeros",
		}},
		{&Residual{Body: []Named{{"scale", &Rescaling{Scale: 2}}}}, Shape{3}, Shape{3}, nil},
	},
}

// forEachCase runs a test on every case of every kind in the table of layers.
func forEachCase(t *testing.T, test func(t *testing.T, c layerCase)) {
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			if len(layerCases[kind]) == 0 {
				t.Fatalf("layer kind %q has no cases: add them to layerCases", kind)
			}
			for i, c := range layerCases[kind] {
				t.Run(fmt.Sprint(i), func(t *testing.T) { test(t, c) })
			}
		})
	}
}

func TestTableOfLayers(t *testing.T) {
	seen := map[string]bool{}
	for _, newLayer := range kinds {
		l := newLayer()
		kind := l.Kind()
		if seen[kind] {
			t.Errorf("two kinds are called %q", kind)
		}
		seen[kind] = true
		if v := reflect.ValueOf(l); v.Kind() != reflect.Pointer || v.Elem().NumField() > 0 && l == newLayer() {
			t.Errorf("%q does not make a new pointer each time", kind)
		}
		for _, c := range layerCases[kind] {
			if c.layer.Kind() != kind {
				t.Errorf("a case of %q is a %s", kind, c.layer.Kind())
			}
		}
		if l.Traits().LRP == nil {
			t.Errorf("layer kind %q has no rule for layer-wise relevance propagation: name one in its Traits", kind)
		}
	}
	for name := range layerCases {
		if !seen[name] {
			t.Errorf("there are cases for %q, which is no kind", name)
		}
	}
	_, err := newLayer("conv3d")
	wantError(t, "an unknown kind", err, `"conv3d"`, "have conv2d, depthwise_conv2d,", "flatten")
}

func TestLayerShapeIsTheGraphs(t *testing.T) {
	forEachCase(t, func(t *testing.T, c layerCase) {
		got, err := c.layer.OutShape(c.in)
		if err != nil || !slices.Equal(got, c.out) {
			t.Fatalf("OutShape(%v) = %v, %v; want %v", c.in, got, err, c.out)
		}
		for _, training := range []bool{false, true} {
			r := newRig(t, c.layer, c.in, training)
			if static := r.y.Shape(); len(static) == 0 || !slices.Equal(static[1:], graph.Shape(c.out)) {
				t.Errorf("training %v: the graph's shape is %v, want [N] and %v", training, static, c.out)
			}
			if n := len(r.apply(r.point(3))); n != 3*c.out.Elements() {
				t.Errorf("training %v: three inputs give %d values, want 3 times %v", training, n, c.out)
			}
		}
	})
}

func TestLayerParameters(t *testing.T) {
	forEachCase(t, func(t *testing.T, c layerCase) {
		var got []string
		for _, p := range c.layer.Params(c.in) {
			got = append(got, describe(p))
		}
		if !slices.Equal(got, c.params) {
			t.Errorf("parameters %q, want %q", got, c.params)
		}
	})
}

func TestLayerJSON(t *testing.T) {
	forEachCase(t, func(t *testing.T, c layerCase) {
		b, err := json.Marshal(Named{"one", c.layer})
		if err != nil {
			t.Fatal(err)
		}
		var back Named
		if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, Named{"one", c.layer}) {
			t.Errorf("%s came back as %+v, %v", b, back.Layer, err)
		}
		unknown := append(b[:len(b)-1], `,"dilation":2}`...)
		wantError(t, string(unknown), json.Unmarshal(unknown, &back), "layer one", c.layer.Kind(), `"dilation"`)
	})
}

func TestLayerTreatsExamplesAlikeInInference(t *testing.T) {
	forEachCase(t, func(t *testing.T, c layerCase) {
		r := newRig(t, c.layer, c.in, false)
		p := r.point(4)
		all := r.apply(p)
		in, out := c.in.Elements(), c.out.Elements()
		for i := range p.n {
			one := p
			one.n, one.x = 1, p.x[i*in:(i+1)*in]
			near(t, fmt.Sprintf("example %d alone", i), r.apply(one), all[i*out:(i+1)*out], 1e-6)
		}
	})
}

// The gradients are TensorFlow's; that each is registered, and right for the
// attributes in use, is not to be taken for granted.
func TestLayerGradients(t *testing.T) {
	forEachCase(t, func(t *testing.T, c layerCase) {
		for _, training := range []bool{false, true} {
			r := newRig(t, c.layer, c.in, training)
			p := r.point(3)
			mix := spread(p.n*c.out.Elements(), 99)
			for i := range mix {
				mix[i] += 0.4 // or they would sum to zero, and a gradient of their sum show nothing
			}
			got := r.run(p, mix, append([]graph.Tensor{r.dx}, r.dp...))
			near(t, fmt.Sprintf("training %v: d/dx", training), got[0], r.numeric(p, mix, p.x), gradientTolerance)
			for _, param := range c.layer.Params(c.in) {
				if param.Trainable {
					got = got[1:]
					near(t, fmt.Sprintf("training %v: d/d%s", training, param.Role), got[0], r.numeric(p, mix, p.params[param.Role]), gradientTolerance)
				}
			}
		}
	})
}

// gradientTolerance is three times what float32, and the curvature of batch
// normalization, leave of a difference over half a gap.
const gradientTolerance = 3e-4

// What a layer's traits say holds of its outputs.
func TestLayerTraits(t *testing.T) {
	forEachCase(t, func(t *testing.T, c layerCase) {
		r := newRig(t, c.layer, c.in, false)
		traits := c.layer.Traits()
		p := r.point(3)
		negative := func(p point) bool { return slices.Min(r.apply(p)) < 0 }
		if traits.NonNegative && negative(p) {
			t.Error("NonNegative, but an output is negative")
		}
		if traits.Activation && !slices.Equal(c.out, c.in) {
			t.Errorf("Activation, but %v becomes %v", c.in, c.out)
		}
		if traits.Rearranges {
			one, other := r.apply(p), p
			other.x = slices.Clone(p.x)
			for i := range other.x {
				other.x[i] = -2 * other.x[i]
			}
			for i, y := range r.apply(other) {
				if y != -2*one[i] || one[i] != 0 && !slices.Contains(p.x, one[i]) {
					t.Fatalf("Rearranges, but output %d is %g, and %g for inputs times -2", i, one[i], y)
				}
			}
		}
		_, residual := c.layer.(*Residual) // its traits are those of the sum alone
		if (traits.KeepsSign || traits.Rearranges) && !residual {
			for i := range p.x {
				p.x[i] = float32(math.Abs(float64(p.x[i])))
			}
			if negative(p) {
				t.Error("KeepsSign or Rearranges, but positive inputs have a negative output")
			}
		}
		if weighted, ok := c.layer.(Weighted); ok {
			if roles := c.layer.Params(c.in); !slices.ContainsFunc(roles, func(p Param) bool { return p.Role == "kernel" }) {
				t.Errorf("%T is Weighted, but has no parameter kernel", weighted)
			}
		}
	})
}

// A program's own kind of layer is read like the others.
func TestRegisterLayer(t *testing.T) {
	before := kinds
	t.Cleanup(func() { kinds = before })
	for name, wrong := range map[string]func() Layer{
		"exists":      func() Layer { return &ReLU{} },
		"has no kind": func() Layer { return nil },
	} {
		wantError(t, name, RegisterLayer(wrong), name)
	}
	if err := RegisterLayer(func() Layer { return &half{By: 2} }); err != nil {
		t.Fatal(err)
	}
	var got Named
	if err := json.Unmarshal([]byte(`{"name":"one","kind":"half"}`), &got); err != nil || got.Layer.(*half).By != 2 {
		t.Errorf("came back as %+v, %v", got, err)
	}
	if !slices.Contains(Kinds(), "half") {
		t.Errorf("Kinds() is %v", Kinds())
	}
}

// half has the methods that it does not need from ReLU, and no traits.
type half struct {
	ReLU
	By float64 `json:"by"`
}

func (*half) Kind() string   { return "half" }
func (*half) Traits() Traits { return Traits{} }

// The zero Traits are correct for every layer, but LRP asks for a rule.
func TestLayerWithoutRule(t *testing.T) {
	a := Architecture{Name: "odd", Input: Shape{4, 4, 1}, Layers: []Named{
		{"half", &half{}}, {"flatten", &Flatten{}}, {"fc", &Dense{Units: 2}},
	}}
	c, err := LookupLRP("")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.rules(laid(t, a))
	wantError(t, "LRP", err, "layer half", "kind half")
	rules, err := c.With(Line{Kind: "half", Rule: Pass{}}).rules(laid(t, a))
	if err != nil || rules[0] != (Pass{}) {
		t.Errorf("rules are %v, %v", rules, err)
	}
}
