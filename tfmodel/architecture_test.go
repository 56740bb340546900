package tfmodel

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// forEachArchitecture runs a test on every line of the table.
func forEachArchitecture(t *testing.T, test func(t *testing.T, a Architecture)) {
	for _, name := range Architectures() {
		t.Run(name, func(t *testing.T) {
			a, err := Lookup(name, 6)
			if err != nil {
				t.Fatal(err)
			}
			test(t, a)
		})
	}
}

func TestTableOfArchitectures(t *testing.T) {
	seen := map[string]bool{}
	forEachArchitecture(t, func(t *testing.T, a Architecture) {
		if seen[a.Name] {
			t.Errorf("two architectures are called %q", a.Name)
		}
		seen[a.Name] = true
		if !slices.Contains(Architectures(), a.Name) {
			t.Errorf("it calls itself %q", a.Name)
		}
		for _, classes := range []int{2, 6, 17} {
			b, err := Lookup(a.Name, classes)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := b.Classes(); err != nil || n != classes {
				t.Errorf("for %d classes it has %d outputs, %v", classes, n, err)
			}
		}
	})
	_, err := Lookup("alexnet", 6)
	wantError(t, "an unknown name", err, `"alexnet"`, "have alexnet02, ", "tiny")
}

func TestArchitectureJSON(t *testing.T) {
	forEachArchitecture(t, func(t *testing.T, a Architecture) {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back Architecture
		if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, a) {
			t.Errorf("%s\ncame back as %+v, %v", b, back, err)
		}
	})
}

func TestLayerTextIsReadable(t *testing.T) {
	b, err := json.Marshal(Tiny(6).Layers[:2])
	want := `[{"name":"conv1","kind":"conv2d","filters":8,"kernel":5,"stride":2,"padding":"VALID"},{"name":"relu1","kind":"relu"}]`
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}

func TestLayerTextMayLeaveDefaultsOut(t *testing.T) {
	for text, want := range map[string]Layer{
		`{"name":"c","kind":"conv2d","filters":4,"kernel":3}`:    &Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: Same},
		`{"kind":"batch_normalization","name":"b"}`:              &BatchNormalization{},
		`{"name":"d","kind":"dense","units":3}`:                  &Dense{Units: 3},
		`{"name":"m","kind":"max_pool2d","size":2,"stride":2}`:   &MaxPool2D{Size: 2, Stride: 2},
		`{"name":"b","kind":"batch_normalization","epsilon":.1}`: nil, // no JSON
	} {
		var n Named
		err := json.Unmarshal([]byte(text), &n)
		if want == nil {
			if err == nil {
				t.Errorf("%s is taken", text)
			}
		} else if err != nil || !reflect.DeepEqual(n.Layer, want) {
			t.Errorf("%s is read as %+v, %v", text, n.Layer, err)
		}
	}
}

func TestLayerTextRefused(t *testing.T) {
	for text, words := range map[string][]string{
		`{"kind":"relu"}`:                               {"without a name", `"kind"`},
		`{"name":"x"}`:                                  {"layer x has no kind", "have conv2d"},
		`{"name":"x","kind":"convolution"}`:             {"layer x", `"convolution"`, "have conv2d", "flatten"},
		`{"name":"x","kind":"relu","alpha":1}`:          {"layer x (relu)", `"alpha"`},
		`{"name":"x","kind":"dense","units":"many"}`:    {"layer x (dense)", "units"},
		`{"name":"x","kind":"dropout","rate":0.5,"":1}`: {"layer x (dropout)"},
	} {
		wantError(t, text, json.Unmarshal([]byte(text), &Named{}), words...)
	}
}

func names(a Architecture) string {
	var out []string
	for _, l := range a.Layers {
		out = append(out, l.Name)
	}
	return strings.Join(out, " ")
}

func TestEdits(t *testing.T) {
	base := Architecture{Name: "mine", Input: Shape{32, 32, 3}, Layers: []Named{
		{"conv1", &Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: Same}},
		{"relu1", &ReLU{}},
		{"conv2", &Conv2D{Filters: 8, Kernel: 3, Stride: 1, Padding: Same}},
		{"relu2", &ReLU{}},
		{"gap", &GlobalAveragePool2D{}},
		{"fc", &Dense{Units: 6}},
	}}
	const unchanged = "conv1 relu1 conv2 relu2 gap fc"
	bn, drop := Named{"bn", &BatchNormalization{}}, Named{"drop", &Dropout{Rate: 0.5}}
	for _, test := range []struct {
		what string
		edit func() (Architecture, error)
		want string // the layers, or ...
		err  []string
	}{
		{"a layer out", func() (Architecture, error) { return base.Without("relu1") }, "conv1 conv2 relu2 gap fc", nil},
		{"a kind out", func() (Architecture, error) { return base.Without("relu") }, "conv1 conv2 gap fc", nil},
		{"several out", func() (Architecture, error) { return base.Without("relu", "conv1", "conv2") }, "gap fc", nil},
		{"nothing out", func() (Architecture, error) { return base.Without() }, unchanged, nil},
		{"before", func() (Architecture, error) { return base.InsertBefore("conv1", bn, drop) }, "bn drop conv1 relu1 conv2 relu2 gap fc", nil},
		{"after", func() (Architecture, error) { return base.InsertAfter("fc", bn, drop) }, "conv1 relu1 conv2 relu2 gap fc bn drop", nil},
		{"replaced", func() (Architecture, error) { return base.Replace("relu2", bn.Layer) }, unchanged, nil},
		{"an unknown word out", func() (Architecture, error) { return base.Without("relu1", "max_pool2d") }, unchanged,
			[]string{`no layer "max_pool2d" in mine`, "have conv1, conv2, relu2, gap, fc"}},
		{"out twice", func() (Architecture, error) { return base.Without("relu", "relu1") }, unchanged, []string{`no layer "relu1"`}},
		{"before an unknown", func() (Architecture, error) { return base.InsertBefore("conv3", bn) }, unchanged,
			[]string{`no layer "conv3" (conv1?) in mine`, "have conv1, relu1, conv2, relu2, gap, fc"}},
		{"after an unknown", func() (Architecture, error) { return base.InsertAfter("conv3", bn) }, unchanged, []string{`no layer "conv3" (conv1?) in mine`, "have conv1, relu1"}},
		{"an unknown replaced", func() (Architecture, error) { return base.Replace("conv3", bn.Layer) }, unchanged, []string{`no layer "conv3" (conv1?) in mine`, "have conv1, relu1"}},
	} {
		got, err := test.edit()
		if test.err != nil {
			wantError(t, test.what, err, test.err...)
		} else if err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		if names(got) != test.want || got.Name != "mine" {
			t.Errorf("%s: layers %s, want %s", test.what, names(got), test.want)
		}
		if names(base) != unchanged || base.Layers[3].Layer.Kind() != "relu" {
			t.Fatalf("%s: the architecture it began with is now %s", test.what, names(base))
		}
	}
	replaced, _ := base.Replace("relu2", bn.Layer)
	if replaced.Layers[3].Layer != bn.Layer {
		t.Errorf("relu2 is still a %s", replaced.Layers[3].Layer.Kind())
	}
}

func TestChannelsAreInferred(t *testing.T) {
	without, err := Tiny(6).Without("conv1", "pool5")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := without.Summary()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		switch r.Name {
		case "bn1": // now of the image's three channels
			if r.Parameters != 12 || r.Frozen != 6 {
				t.Errorf("bn1 has %d parameters, %d of them frozen", r.Parameters, r.Frozen)
			}
		case "conv5":
			if want := 3*3*3*12 + 12; r.Parameters != want {
				t.Errorf("conv5 has %d parameters, want %d", r.Parameters, want)
			}
		case "fc1":
			if want := 32*32*12*16 + 16; r.Parameters != want {
				t.Errorf("fc1 has %d parameters, want %d", r.Parameters, want)
			}
		}
	}
}

func TestArchitectureRefused(t *testing.T) {
	image := Shape{8, 8, 3}
	for what, test := range map[string]struct {
		a     Architecture
		words []string
	}{
		"no input":       {Architecture{Name: "mine"}, []string{"architecture mine", "input is []", "[height,width,channels]"}},
		"an empty input": {Architecture{Name: "mine", Input: Shape{0, 8, 3}}, []string{"input is [0,8,3]"}},
		"no layers":      {Architecture{Name: "mine", Input: image}, []string{"ends with [8,8,3]", "[classes]"}},
		"no name":        {Architecture{Name: "mine", Input: image, Layers: []Named{{"a", &ReLU{}}, {"", &Flatten{}}}}, []string{"layer 2 has no name"}},
		"no kind":        {Architecture{Name: "mine", Input: image, Layers: []Named{{"a", nil}}}, []string{"layer 1 has no name or no kind"}},
		"a name twice":   {Architecture{Name: "mine", Input: image, Layers: []Named{{"a", &ReLU{}}, {"a", &Flatten{}}}}, []string{`two layers are named "a"`}},
	} {
		_, err := test.a.Classes()
		wantError(t, what, err, test.words...)
		if _, err := Compile(test.a); err == nil {
			t.Errorf("%s: it compiles", what)
		}
		if _, _, err := test.a.Parameters(); err == nil && what != "no layers" {
			t.Errorf("%s: its parameters are counted", what)
		}
		if _, err := test.a.Memory(1, Training{}); err == nil && what != "no layers" {
			t.Errorf("%s: its memory is forecast", what)
		}
	}
}
