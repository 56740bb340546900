package study

import (
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"

	"oscar/experiment"
)

// A study's base trains as the same experiment does in `oscar train --experiment`: no key is
// ignored. A variant that is another network has the base's input.
func TestBaseIsTheExperiment(t *testing.T) {
	for _, text := range []string{
		"{architecture: tiny}",
		"{architecture: {name: tiny, input: [28, 28, 3]}}",
		"{architecture: {name: resnet10, input: [40, 56, 3], output: sigmoid}}",
		"{architecture: {name: own, input: [9, 9, 3], layers: [{name: look, kind: conv2d, filters: 5, kernel: 3}, {name: pool, kind: global_average_pool2d}, {name: out, kind: dense, units: 4}]}}",
		"{architecture: {name: tiny, input: [48, 48, 3]}, data: {aspect: crop, interpolation: bicubic, fractions: [0.5, 0.2, 0.3]}, training: {epochs: 3, batch: 5, class_weight: balanced, optimizer: sgd, global_clipnorm: 2, loss: {label_smoothing: 0.2}}}",
		"{architecture: {name: tiny, input: [24, 24, 3]}, fine_tune: {weights: w.safetensors, freeze: [conv1]}}",
	} {
		var s Study
		if err := yaml.Unmarshal([]byte("{name: s, base: "+text+"}"), &s); err != nil {
			t.Fatal(err)
		}
		s.Explain.Layer = "look"
		got, err := s.experiment(Variant{Name: "base"}, 4)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want := experiment.Default()
		if err := want.ReadYAML([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if want.Architecture, err = want.Network(4); err != nil {
			t.Fatal(err)
		}
		want.Explain = got.Explain // a study has a layer of its own
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the study trains\n%+v\nthe experiment is\n%+v", text, got, want)
		}
		other, err := s.experiment(Variant{Name: "other", Architecture: "resnet18"}, 4)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		input := want.Architecture.Input
		if given, ok := s.Base["architecture"].(map[string]any); !ok || given["layers"] != nil {
			input = []int{224, 224, 3} // its own
		}
		if !reflect.DeepEqual(other.Architecture.Input, input) || other.Architecture.Output != want.Architecture.Output {
			t.Errorf("%s: resnet18 has input %v and output %q, want %v and %q", text, other.Architecture.Input, other.Architecture.Output, input, want.Architecture.Output)
		}
	}
}
