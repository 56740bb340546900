package tfmodel

import "fmt"

// EfficientNetLite0 is EfficientNet-B0 (Tan and Le 2019, arXiv:1905.11946, table 1) as
// published for small devices: without squeeze and excitation, with ReLU6 in place of swish.
// 224x224 RGB, pixels (x - 127) / 128.
func EfficientNetLite0(classes int) Architecture {
	b := inverted{}
	a := Architecture{Name: "efficientnet_lite0", Input: Shape{224, 224, 3}, Layers: []Named{
		{"rescaling", &Rescaling{Scale: 1. / 128, Offset: -127. / 128}},
	}}
	a.Layers = append(a.Layers, b.unit("stem_", b.conv(32, 3, 2), true)...)
	in := 32
	for stage, s := range []invertedStage{{1, 16, 1, 3, 1}, {6, 24, 2, 3, 2}, {6, 40, 2, 5, 2}, {6, 80, 3, 3, 2}, {6, 112, 3, 5, 1}, {6, 192, 4, 5, 2}, {6, 320, 1, 3, 1}} {
		for i := range s.repeats {
			a.Layers = append(a.Layers, b.block(fmt.Sprintf("block%d%c", stage+1, 'a'+i), in, s, i)...)
			in = s.filters
		}
	}
	return b.top(a, 0.2, classes)
}
