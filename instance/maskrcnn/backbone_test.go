package maskrcnn

import (
	"slices"
	"testing"

	"oscar/tfmodel"
)

// The pyramid takes the last layer of each stride of an architecture; one without such strides is
// refused.
func TestBackbones(t *testing.T) {
	want := map[string][]string{
		"resnet10":           {"relu_block2", "relu_block3", "relu_block4"},
		"resnet18":           {"relu_block1_2", "relu_block2_2", "relu_block3_2", "relu_block4_2"},
		"resnet50":           {"relu_block1_3", "relu_block2_4", "relu_block3_6", "relu_block4_3"},
		"efficientnet_lite0": {"block3a_expand_relu", "block4a_expand_relu", "block6a_expand_relu", "top_relu"},
		"mobilenet_v2":       {"block3_expand_relu", "block6_expand_relu", "block13_expand_relu", "top_relu"},
		"vgg11":              {"relu3_2", "relu4_2", "relu5_2", "pool5"},
		"alexnet02":          nil,
	}
	for name, taps := range want {
		classifier, err := tfmodel.Lookup(name, 4)
		if err != nil {
			t.Fatal(err)
		}
		a, err := On(classifier, 4)
		if taps == nil {
			if err == nil {
				t.Errorf("%s: taps %v, want none", name, a.Taps)
			}
			continue
		}
		if err != nil || !slices.Equal(a.Taps, taps) || a.Check() != nil {
			t.Errorf("%s: taps %v, want %v; %v, %v", name, a.Taps, taps, err, a.Check())
		}
	}
	a := ResNet10(6)
	if n, err := a.Parameters(); n != 2310292 || err != nil || a.Pyramid.Canonical != 128 || !slices.Equal(a.Anchors.Sizes, []float64{32, 64, 128}) {
		t.Errorf("%d parameters, %+v, %+v, %v", n, a.Pyramid, a.Anchors, err)
	}
}
