package tfmodel

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/graph"
)

// walked has the kinds of layer that LRP meets in ReLU networks.
var walked = Architecture{Name: "walked", Input: Shape{11, 12, 3}, Layers: []Named{
	{"conv1", &Conv2D{Filters: 5, Kernel: 3, Stride: 2, Padding: Same}},
	{"relu1", &ReLU{}},
	{"pool1", &MaxPool2D{Size: 3, Stride: 1, Padding: Same}},
	{"conv2", &Conv2D{Filters: 6, Kernel: 3, Stride: 1, Padding: Same}},
	{"relu2", &ReLU{}},
	{"pool2", &AveragePool2D{Size: 2, Stride: 2, Padding: Same}},
	{"drop", &Dropout{Rate: 0.3}},
	{"flatten", &Flatten{}},
	{"fc1", &Dense{Units: 9}},
	{"relu_fc1", &ReLU{}},
	{"fc2", &Dense{Units: 4}},
}}

func frozen(t *testing.T, a Architecture, biases bool) *Attached {
	t.Helper()
	n, err := CompileFrozen(a, randomWeights(t, a, 3, biases))
	if err != nil {
		t.Fatal(err)
	}
	return attach(t, n, nil, nil)
}

func noisyImages(n int, in Shape) explain.Images {
	pixels := spread(n*in.Elements(), 8)
	for i := range pixels { // 0..255 or so
		pixels[i] = 128 + pixels[i]/gap*256/float32(len(pixels))
	}
	return explain.Images{N: n, Height: in[0], Width: in[1], Channels: in[2], Pixels: pixels}
}

// In a ReLU network without biases the logit is linear around the image, and
// LRP-0 is its gradient times the input.
func TestLRPZeroIsGradientTimesInput(t *testing.T) {
	m := frozen(t, walked, false)
	images := noisyImages(3, walked.Input)
	targets := []int{0, 3, explain.Predicted}
	for name, c := range map[string]Composite{"zero": every(Epsilon{}), "epsilon": lrp("epsilon")} {
		gradient := signal(t, m, plainGradient(), images, targets, explain.Image)
		want := joined(gradient.Gradients)
		for i := range want {
			want[i] *= images.Pixels[i]
		}
		agreement.Check(t, agreement.Line{
			Group: agreement.Identities, Subject: "lrp", Model: "hand-made", Oracle: "gradient times input", Compared: name + " of a network without biases",
			Difference: agreement.Apart(joined(signal(t, m, c, images, targets, explain.Image).Gradients), want), Of: "the largest value", Bound: 1e-4,
		})
	}
}

// conserving are the composites that, without biases, hand on every bit.
var conserving = []string{"epsilon", "epsilon_plus", "epsilon_plus_flat", "epsilon_gamma_box"}

func TestConservationWithoutBiases(t *testing.T) {
	m := frozen(t, walked, false)
	images := noisyImages(3, walked.Input)
	for _, name := range conserving {
		c, err := LookupLRP(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range []string{explain.Image, "conv1", "pool1", "conv2", "pool2"} {
			d := signal(t, m, c, images, []int{1, 2, explain.Predicted}, layer)
			for i, score := range d.Scores {
				sum := 0.0
				for _, v := range d.Gradients[i].Values {
					sum += float64(v)
				}
				agreement.Check(t, agreement.Line{
					Group: agreement.Identities, Subject: "lrp", Model: "hand-made", Oracle: "the logit",
					Compared: name + ", sum at the image and 4 layers of a network without biases", Difference: math.Abs(sum/float64(score) - 1),
					Of: "the logit", Bound: 2e-4,
				})
			}
		}
	}
}

func TestRelevanceOfAnImageIsItsOwn(t *testing.T) {
	m := frozen(t, walked, true)
	const batch = 4
	images := noisyImages(batch, walked.Input)
	for _, name := range LRPs() {
		c, err := LookupLRP(name)
		if err != nil {
			t.Fatal(err)
		}
		all := signal(t, m, c, images, []int{0, 1, 2, 3}, explain.Image)
		for i := range batch {
			one := images
			size := walked.Input.Elements()
			one.N, one.Pixels = 1, images.Pixels[i*size:(i+1)*size]
			alone := signal(t, m, c, one, []int{i}, explain.Image)
			near(t, fmt.Sprintf("%s, image %d alone", name, i), alone.Gradients[0].Values, all.Gradients[i].Values, 1e-5)
			other := signal(t, m, c, one, []int{(i + 1) % 4}, explain.Image)
			if slices.Equal(other.Gradients[0].Values, alone.Gradients[0].Values) {
				t.Errorf("%s: image %d has one map for two classes", name, i)
			}
		}
	}
}

// Two pixels, two units that a ReLU follows, and a score: by hand.
func TestGuidedBackpropByHand(t *testing.T) {
	a := Architecture{Name: "hand", Input: Shape{1, 2, 1}, Layers: []Named{
		{"flatten", &Flatten{}}, {"hidden", &Dense{Units: 3}}, {"relu", &ReLU{}}, {"out", &Dense{Units: 2}},
	}}
	n, err := CompileFrozen(a, map[string][]float32{
		"hidden/kernel": {1, 2, -5, 3, -1, 1}, "hidden/bias": {0, 0, 0},
		"out/kernel": {-1, 1, 2, 1, 4, 1}, "out/bias": {0, 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	target := n.Graph.Const(graph.FromInt64s(graph.Shape{1}, []int64{0}))
	var fetch []graph.Tensor
	for _, c := range []Composite{GuidedBackprop(), plainGradient()} {
		r, err := c.start(n.Graph, n, target, explain.Logit)
		if err != nil {
			t.Fatal(err)
		}
		r, err = n.propagate(n.Graph.In(c.Name), c, r, -1)
		if err != nil {
			t.Fatal(err)
		}
		fetch = append(fetch, r)
	}
	// Of x = (2, 1) the hidden units are 5, 3 and -9; the score's gradient there
	// is -1, 2, 4. The first is positive but its gradient is not; the third's
	// gradient is positive but it is not. Only the second is let through: 2 (2, -1).
	got := runGraph(t, n.Graph, []graph.Feed{{To: n.Image, Value: graph.FromFloat32s(graph.Shape{1, 1, 2, 1}, []float32{2, 1})}}, fetch)
	if want := []float32{4, -2}; !slices.Equal(got[0], want) {
		t.Errorf("guided: %v, want %v", got[0], want)
	}
	if want := []float32{3, -5}; !slices.Equal(got[1], want) {
		t.Errorf("gradient: %v, want %v", got[1], want)
	}
}

// pathText writes a path as "fc conv+bn bn>conv": each layer, with the layers merged into it
// from above (+) and from below (>).
func pathText(s steps, rules []Rule, to int) string {
	var out []string
	for _, step := range s.path(rules, to) {
		text := s[step.layer].name
		if step.after >= 0 {
			text += "+" + s[step.after].name
		}
		if step.first >= 0 {
			text = s[step.first].name + ">" + text
		}
		if len(step.inputs) > 1 {
			text += fmt.Sprintf("(to %d)", len(step.inputs))
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func laid(t *testing.T, a Architecture) steps {
	t.Helper()
	s, err := a.steps()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPath(t *testing.T) {
	conv := &Conv2D{Filters: 2, Kernel: 3, Stride: 1, Padding: Same}
	mixed := Architecture{Name: "mixed", Input: Shape{8, 8, 3}, Layers: []Named{
		{"bn0", &BatchNormalization{}}, {"conv1", conv}, {"bn1", &BatchNormalization{}}, {"relu1", &ReLU{}},
		{"bn2", &BatchNormalization{}}, {"relu2", &ReLU{}}, {"bn3", &BatchNormalization{}}, {"drop", &Dropout{Rate: 0.1}},
		{"flatten", &Flatten{}}, {"fc", &Dense{Units: 3}},
	}}
	if _, err := mixed.Shapes(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		a    Architecture
		to   string
		want string
	}{
		{AlexNet02(6), "", "fc3 relu_fc2 fc2 relu_fc1 fc1 flatten pool5 relu5 bn2>conv5 pool2 relu2 bn1>conv2 pool1 relu1 conv1"},
		{AlexNet02(6), "pool1", "fc3 relu_fc2 fc2 relu_fc1 fc1 flatten pool5 relu5 bn2>conv5 pool2 relu2 bn1>conv2"},
		{AlexNet02(6), "bn1", "fc3 relu_fc2 fc2 relu_fc1 fc1 flatten pool5 relu5 bn2>conv5 pool2 relu2 conv2"},
		{Tiny(6), "relu1", "fc3 relu_fc1 fc1 dropout1 flatten pool5 relu5 bn1>conv5"},
		{mixed, "", "bn3>fc relu2 bn2 relu1 bn1 bn0>conv1+bn1"}, // bn1 is merged into conv1 and only passes the signal
		{mixed, "conv1", "bn3>fc relu2 bn2 relu1 bn1"},
		{mixed, "bn1", "bn3>fc relu2 bn2 relu1"},
		{mixed, "drop", "fc flatten"},
		{mixed, "bn3", "fc flatten drop"},
	} {
		c, err := LookupLRP("")
		if err != nil {
			t.Fatal(err)
		}
		s := laid(t, test.a)
		rules, err := c.rules(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := pathText(s, rules, s.index(test.to)); got != test.want {
			t.Errorf("%s to %q:\n got %s\nwant %s", test.a.Name, test.to, got, test.want)
		}
	}
}

func TestPresetsNameRules(t *testing.T) {
	for name, want := range map[string]string{
		"epsilon_plus_flat":         "conv1 Flat, conv2 AlphaBeta{1 0}, fc1 Epsilon{1e-06}",
		"epsilon_plus":              "conv1 AlphaBeta{1 0}, conv2 AlphaBeta{1 0}, fc1 Epsilon{1e-06}",
		"epsilon_alpha2_beta1_flat": "conv1 Flat, conv2 AlphaBeta{2 1}, fc1 Epsilon{1e-06}",
		"epsilon_alpha2_beta1":      "conv1 AlphaBeta{2 1}, conv2 AlphaBeta{2 1}, fc1 Epsilon{1e-06}",
		"epsilon_gamma_box":         "conv1 ZBox{[0 0 0] [255 255 255]}, conv2 Gamma{0.25}, fc1 Epsilon{1e-06}",
		"epsilon":                   "conv1 Epsilon{1e-06}, conv2 Epsilon{1e-06}, fc1 Epsilon{1e-06}",
	} {
		c, err := LookupLRP(name)
		if err != nil {
			t.Fatal(err)
		}
		s := laid(t, walked)
		rules, err := c.rules(s)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, layer := range []string{"conv1", "conv2", "fc1"} {
			i := s.index(layer)
			text := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T%v", rules[i], rules[i]), "tfmodel."), "{}")
			got = append(got, layer+" "+text)
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		text, err := json.Marshal(map[string]Composite{"lrp": c})
		if err != nil || string(text) != `{"lrp":"`+name+`"}` {
			t.Errorf("%s is written as %s, %v", name, text, err)
		}
		back := map[string]Composite{}
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back["lrp"], c) {
			t.Errorf("%s came back as %+v, %v", name, back["lrp"], err)
		}
	}
	if c, err := LookupLRP(""); err != nil || c.Name != DefaultLRP {
		t.Errorf("the default is %q, %v", c.Name, err)
	}
	if len(LRPs()) != 6 {
		t.Errorf("%d presets: this test holds six to their rules", len(LRPs()))
	}
	for _, kind := range Kinds() {
		for _, c := range append(presets, GuidedBackprop(), plainGradient()) {
			if !slices.ContainsFunc(c.Lines, func(l Line) bool { return (l.Kind == kind || l.Kind == "") && l.Layer == "" && !l.First }) {
				t.Errorf("%s has no rule for layers of kind %s", c.Name, kind)
			}
		}
	}
}

// The first line that fits holds, and the table of presets is not to change.
func TestLinesGoBeforeOthers(t *testing.T) {
	c, err := LookupLRP("epsilon")
	if err != nil {
		t.Fatal(err)
	}
	changed := c.With(Line{Layer: "fc1", Rule: Epsilon{0.5}}, Line{Kind: "dense", Rule: Epsilon{0.1}})
	s := laid(t, walked)
	rules, err := changed.rules(s)
	if err != nil {
		t.Fatal(err)
	}
	for layer, want := range map[string]Rule{"fc1": Epsilon{0.5}, "fc2": Epsilon{0.1}, "conv2": Epsilon{1e-6}, "relu1": Pass{}} {
		if got := rules[s.index(layer)]; got != want {
			t.Errorf("%s has %#v, want %#v", layer, got, want)
		}
	}
	c.Lines[0].Rule = Pass{}
	if again, _ := LookupLRP("epsilon"); again.Lines[0].Rule == (Pass{}) {
		t.Error("a change of what LookupLRP gave changed its table")
	}
}

func TestCompositesThatDoNotFit(t *testing.T) {
	base := lrp("mine")
	normalized, err := walked.InsertBefore("conv1", Named{"bn", &BatchNormalization{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		a     Architecture
		c     Composite
		layer string
		words []string
	}{
		{walked, Composite{Name: "mine", Lines: []Line{{Kind: "dense", Rule: Epsilon{}}}}, explain.Image, []string{"mine", "conv1 (conv2d)"}},
		{walked, base.With(Line{Kind: "average_pool2d", Rule: Gamma{1}}), explain.Image, []string{"pool2", "no kernel", "Gamma"}},
		{walked, base.With(Line{Kind: "conv2d", Rule: ZBox{}}), explain.Image, []string{"conv2", "not the first"}},
		{walked, base, "conv9", []string{`"conv9"`}},
		{normalized, base.With(Line{First: true, Rule: ZBox{}}), "bn", []string{"conv1", "normalized"}},
		{walked, Composite{}, explain.Image, []string{"no rule"}},
	} {
		m := frozen(t, test.a, true)
		model, err := m.With(test.c)
		if err == nil {
			_, err = model.Differentiate(t.Context(), noisyImages(1, test.a.Input), []int{0}, test.layer, explain.Logit)
		}
		wantError(t, fmt.Sprint(test.words), err, test.words...)
		// A refusal leaves the model as it was.
		signal(t, m, lrp("epsilon"), noisyImages(1, test.a.Input), []int{0}, explain.Image)
	}
	m := frozen(t, walked, true)
	model, err := m.With(base)
	if err != nil {
		t.Fatal(err)
	}
	_, err = model.Differentiate(t.Context(), noisyImages(1, walked.Input), []int{0}, explain.Image, explain.Probability)
	wantError(t, "a probability", err, "LRP", "logit", "probability")
	_, err = LookupLRP("epsilon_minus")
	wantError(t, "an unknown composite", err, `"epsilon_minus"`, "epsilon_plus_flat")
	if _, err := json.Marshal(base); err == nil {
		t.Error("a composite that is no preset is written")
	}
}
