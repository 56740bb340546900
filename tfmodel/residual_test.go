package tfmodel

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/internal/graph"
)

// branched has blocks with and without a shortcut of their own, one within
// another, what LRP folds in every branch, and dropout within.
func branched(classes int) Architecture {
	conv := func(filters, kernel, stride int) *Conv2D {
		return &Conv2D{Filters: filters, Kernel: kernel, Stride: stride, Padding: Same, UseBias: new(false)}
	}
	return Architecture{Name: "branched", Input: Shape{12, 10, 3}, Layers: []Named{
		{"scale", &Rescaling{Scale: 1 / 127.5, Offset: -1}},
		{"conv1", conv(4, 3, 1)}, {"bn1", &BatchNormalization{}}, {"relu1", &ReLU{}},
		{"block1", &Residual{Body: []Named{
			{"conv1", conv(4, 3, 1)}, {"bn1", &BatchNormalization{}}, {"relu1", &ReLU{}}, {"drop", &Dropout{Rate: 0.3}},
			{"conv2", conv(4, 3, 1)}, {"bn2", &BatchNormalization{}},
		}}},
		{"relu_block1", &ReLU{}},
		{"block2", &Residual{
			Body: []Named{
				{"conv1", conv(6, 3, 2)}, {"bn1", &BatchNormalization{}}, {"relu1", &ReLU{}},
				{"inner", &Residual{Body: []Named{{"conv", &Conv2D{Filters: 6, Kernel: 3, Stride: 1, Padding: Same}}, {"relu", &ReLU{}}}}},
			},
			Shortcut: []Named{{"conv0", conv(6, 1, 2)}, {"bn0", &BatchNormalization{}}},
		}},
		{"relu_block2", &ReLU{}},
		{"gap", &GlobalAveragePool2D{}},
		{"fc", &Dense{Units: classes}},
	}}
}

var branchedNames = strings.Fields("scale conv1 bn1 relu1 block1/conv1 block1/bn1 block1/relu1 block1/drop block1/conv2 block1/bn2 block1 relu_block1" +
	" block2/conv1 block2/bn1 block2/relu1 block2/inner/conv block2/inner/relu block2/inner block2/conv0 block2/bn0 block2 relu_block2 gap fc")

func TestBlocksAreLaidOutFlat(t *testing.T) {
	rows, err := branched(6).Summary()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Name)
	}
	if !slices.Equal(got, branchedNames) {
		t.Errorf("rows %v, want %v", got, branchedNames)
	}
	for i, want := range map[int]Row{
		8:  {"block1/conv2", "conv2d", Shape{12, 10, 4}, 144, 0},
		10: {"block1", "residual", Shape{12, 10, 4}, 0, 0},
		17: {"block2/inner", "residual", Shape{6, 5, 6}, 0, 0},
		18: {"block2/conv0", "conv2d", Shape{6, 5, 6}, 24, 0},
		19: {"block2/bn0", "batch_normalization", Shape{6, 5, 6}, 24, 12},
	} {
		if !reflect.DeepEqual(rows[i], want) {
			t.Errorf("row %d is %v, want %v", i, rows[i], want)
		}
	}
	s := laid(t, branched(6))
	for name, want := range map[string][]int{
		"scale": {-1}, "block1/conv1": {3}, "block1": {9, 3}, "block2/inner": {16, 14}, "block2/conv0": {11}, "block2": {17, 19}, "gap": {21},
	} {
		if got := s[s.index(name)].from; !slices.Equal(got, want) {
			t.Errorf("%s takes the outputs of %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"block1": "relu_block1", "block2": "relu_block2", "block2/inner": "block2/inner", "block2/inner/conv": "block2/inner/relu", "conv1": "conv1",
		"block2/relu1": "block2/relu1",
	} {
		if got := s[s.feature(s.index(name))].name; got != want {
			t.Errorf("%s is looked at in %s, want %s", name, got, want)
		}
	}
}

// A convolution that both the body's activation and the shortcut take is not
// looked at after that activation.
func TestFeatureBeforeAFork(t *testing.T) {
	a := Architecture{Name: "fork", Input: Shape{4, 4, 3}, Layers: []Named{
		{"conv", &Conv2D{Filters: 2, Kernel: 3, Stride: 1, Padding: Same}},
		{"block", &Residual{Body: []Named{{"relu", &ReLU{}}}}},
	}}
	if s := laid(t, a); s.feature(0) != 0 {
		t.Errorf("conv is looked at in %s", s[s.feature(0)].name)
	}
}

func TestEditsReachIntoBlocks(t *testing.T) {
	base := branched(6)
	text, err := json.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	drop := Named{"more", &Dropout{Rate: 0.1}}
	for _, test := range []struct {
		what        string
		edit        func() (Architecture, error)
		gone, added []string
	}{
		{"a kind", func() (Architecture, error) { return base.Without("batch_normalization") },
			[]string{"bn1", "block1/bn1", "block1/bn2", "block2/bn1", "block2/bn0"}, nil},
		{"a name", func() (Architecture, error) { return base.Without("block1/bn1") }, []string{"block1/bn1"}, nil},
		{"a block", func() (Architecture, error) { return base.Without("block1") },
			[]string{"block1/conv1", "block1/bn1", "block1/relu1", "block1/drop", "block1/conv2", "block1/bn2", "block1"}, nil},
		{"all blocks", func() (Architecture, error) { return base.Without("residual") }, branchedNames[4:11:11], nil},
		{"within two", func() (Architecture, error) { return base.Without("block2/inner/relu") }, []string{"block2/inner/relu"}, nil},
		{"before", func() (Architecture, error) { return base.InsertBefore("block2/bn0", drop) }, nil, []string{"block2/more"}},
		{"after", func() (Architecture, error) { return base.InsertAfter("block2/inner/conv", drop) }, nil, []string{"block2/inner/more"}},
		{"a block before", func() (Architecture, error) { return base.InsertBefore("block1", drop) }, nil, []string{"more"}},
		{"replaced", func() (Architecture, error) { return base.Replace("block1/relu1", &Dropout{}) }, nil, nil},
	} {
		got, err := test.edit()
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		if test.what == "all blocks" { // block2 halves the image and goes as well
			test.gone = append(test.gone, branchedNames[12:21]...)
		}
		rows, err := got.Summary()
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		var names []string
		for _, r := range rows {
			names = append(names, r.Name)
		}
		for _, name := range branchedNames {
			if slices.Contains(names, name) == slices.Contains(test.gone, name) {
				t.Errorf("%s: %s is there: %v", test.what, name, slices.Contains(names, name))
			}
		}
		if want := len(branchedNames) - len(test.gone) + len(test.added); len(names) != want || !slices.ContainsFunc(names, func(n string) bool {
			return len(test.added) == 0 || slices.Contains(test.added, n)
		}) {
			t.Errorf("%s: %v", test.what, names)
		}
		if now, _ := json.Marshal(base); string(now) != string(text) {
			t.Fatalf("%s: the architecture it began with is now %s", test.what, now)
		}
	}
	if a, _ := base.Replace("block1/relu1", &Dropout{}); laid(t, a)[6].layer.Kind() != "dropout" {
		t.Error("block1/relu1 was not replaced")
	}
	_, err = base.Without("block2/inner/bn")
	wantError(t, "no such layer within", err, `no layer "block2/inner/bn" (block2/inner/conv?) in branched`, "have block2/inner/conv, block2/inner/relu")
	_, err = base.InsertAfter("block3/conv", drop)
	wantError(t, "no such block", err, `no layer "block3/conv"`, "have scale, conv1, bn1, relu1, block1, relu_block1, block2, relu_block2, gap, fc")
	a, err := base.Without("block2/conv0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Shapes()
	wantError(t, "a shortcut that does not fit", err, "architecture branched: layer block2 (residual)", "body gives [6,5,6]", "shortcut [12,10,4]")
	a, err = base.Without("block1/conv1", "block1/bn1", "block1/relu1", "block1/drop", "block1/conv2", "block1/bn2")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Shapes()
	wantError(t, "an empty body", err, "layer block1 (residual)", "body is empty")
}

func TestBlockText(t *testing.T) {
	text := `{"name":"b","kind":"residual","body":[{"name":"c","kind":"conv2d","filters":3,"kernel":3,"stride":1,"padding":"SAME","use_bias":false}],"shortcut":[{"name":"r","kind":"relu"}]}`
	want := Named{"b", &Residual{
		Body:     []Named{{"c", &Conv2D{Filters: 3, Kernel: 3, Stride: 1, Padding: Same, UseBias: new(false)}}},
		Shortcut: []Named{{"r", &ReLU{}}},
	}}
	if got, err := json.Marshal(want); err != nil || string(got) != text {
		t.Errorf("got  %s, %v\nwant %s", got, err, text)
	}
	var back Named
	if err := json.Unmarshal([]byte(text), &back); err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("came back as %+v, %v", back, err)
	}
	// The default has one form, so that equal layers have equal JSON.
	var named, unnamed Named
	err := errors.Join(json.Unmarshal([]byte(`{"name":"c","kind":"conv2d","filters":3,"kernel":3,"use_bias":true}`), &named),
		json.Unmarshal([]byte(`{"name":"c","kind":"conv2d","filters":3,"kernel":3}`), &unnamed))
	if err != nil || !reflect.DeepEqual(named, unnamed) {
		t.Errorf("use_bias: true is %+v, want %+v, %v", named.Layer, unnamed.Layer, err)
	}
	for wrong, words := range map[string][]string{
		`{"name":"b","kind":"residual","body":[{"name":"c","kind":"conv"}]}`:          {"layer b (residual)", "layer c", `kind "conv"`},
		`{"name":"b","kind":"residual","body":[{"name":"c","kind":"relu","leak":1}]}`: {"layer b (residual)", "layer c (relu)", `"leak"`},
		`{"name":"b","kind":"residual","branch":[]}`:                                  {"layer b (residual)", `"branch"`},
		`{"name":"c","kind":"conv2d","filters":3,"kernel":3,"use_bias":"no"}`:         {"layer c (conv2d)", "use_bias is a string"},
	} {
		wantError(t, wrong, json.Unmarshal([]byte(wrong), &back), words...)
	}
}

// blockTwin is a block once more, slowly, in training or in inference.
func blockTwin(gs []grid, p map[string][]float32, training bool) []grid {
	convolution := &Conv2D{Filters: 3, Kernel: 3, Stride: 2, Padding: Same, UseBias: new(false)}
	project := &Conv2D{Filters: 3, Kernel: 1, Stride: 2, Padding: Same}
	var body, out []grid
	for _, g := range gs {
		body = append(body, convolve(g, convolution, p["conv1/kernel"], nil))
	}
	means, variances := wide(p["bn1/moving_mean"]), wide(p["bn1/moving_variance"])
	if training {
		means, variances = moments(body)
	}
	for i, g := range gs {
		y := normalize(body[i], means, variances, p["bn1/gamma"], p["bn1/beta"], 1e-3)
		for k := range y.v {
			y.v[k] = max(y.v[k], 0)
		}
		out = append(out, plus(y, convolve(g, project, p["conv0/kernel"], p["conv0/bias"])))
	}
	return out
}

func TestResidualTwin(t *testing.T) {
	l := &Residual{
		Body: []Named{
			{"conv1", &Conv2D{Filters: 3, Kernel: 3, Stride: 2, Padding: Same, UseBias: new(false)}}, {"bn1", &BatchNormalization{}}, {"relu1", &ReLU{}},
		},
		Shortcut: []Named{{"conv0", &Conv2D{Filters: 3, Kernel: 1, Stride: 2, Padding: Same}}},
	}
	in := Shape{5, 6, 2}
	for _, training := range []bool{false, true} {
		r := newRig(t, l, in, training)
		at := r.point(3)
		twin(t, r.layer, "output, in inference and training", r.apply(at), flat(blockTwin(images(at.x, in), at.params, training)))
		if training && len(r.updates) != 2 {
			t.Errorf("%d updates of moving moments, want 2", len(r.updates))
		}
	}
}

// A block alone differentiates itself as TensorFlow does.
func TestResidualBackwardAlone(t *testing.T) {
	block := branched(6).Layers[6].Layer
	in := Shape{6, 5, 4}
	r := newRig(t, block, in, false)
	at := r.point(2)
	mix := spread(at.n*r.out.Elements(), 99)
	b := &Builder{Graph: r.graph.In("alone"), layer: rigName, vars: r.vars}
	got := r.run(at, mix, []graph.Tensor{block.Backward(b, r.x, r.y, r.mix), r.dx})
	near(t, "d/dx", got[0], got[1], 1e-5)
}

// By hand: within the block the convolution gives way to its ReLU, that to the
// sum, and the sum to the ReLU after it. The sum is the largest: two inputs.
func TestForecastOfABlock(t *testing.T) {
	a := Architecture{Name: "hand", Input: Shape{4, 4, 3}, Layers: []Named{
		{"block", &Residual{Body: []Named{{"conv", &Conv2D{Filters: 3, Kernel: 3, Stride: 1, Padding: Same}}, {"relu", &ReLU{}}}}},
		{"relu_block", &ReLU{}},
		{"gap", &GlobalAveragePool2D{}},
		{"fc", &Dense{Units: 2}},
	}}
	m, err := a.Memory(10, Training{})
	if err != nil {
		t.Fatal(err)
	}
	const weights = 4 * (3*3*3*3 + 3 + 3*2 + 2)
	const activations = 10 * (48*4 + 48 + 4*(48+3+2) + 2*4*3*48)
	const held = 5*weights + activations
	want := Memory{
		Batch: 10, Weights: weights, Gradients: weights, Optimizer: 2 * weights, Activations: activations,
		Overhead: weights + held/4, Training: held + held/4, Inference: weights + 10*4*3*48,
	}
	if m != want {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
}
