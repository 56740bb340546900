package tfmodel

import "fmt"

// MobileNetV2 is the network of Sandler et al. 2018 (arXiv:1801.04381, table 2), layer by layer as
// in Keras Applications: 224x224 RGB, pixels from -1 to 1, and momentum 0.999 in batch
// normalization.
func MobileNetV2(classes int) Architecture {
	b := inverted{norm: BatchNormalization{Momentum: 0.999}}
	a := Architecture{Name: "mobilenet_v2", Input: Shape{224, 224, 3}, Layers: []Named{
		{"rescaling", &Rescaling{Scale: 1 / 127.5, Offset: -1}},
	}}
	a.Layers = append(a.Layers, b.unit("stem_", b.conv(32, 3, 2), true)...)
	in, number := 32, 0
	for _, s := range []invertedStage{{1, 16, 1, 3, 1}, {6, 24, 2, 3, 2}, {6, 32, 3, 3, 2}, {6, 64, 4, 3, 2}, {6, 96, 3, 3, 1}, {6, 160, 3, 3, 2}, {6, 320, 1, 3, 1}} {
		for i := range s.repeats {
			a.Layers = append(a.Layers, b.block(fmt.Sprint("block", number), in, s, i)...)
			in, number = s.filters, number+1
		}
	}
	return b.top(a, 0, classes)
}

// inverted makes inverted residual blocks (Sandler et al. 2018, figure 3). A block widens by a 1x1
// convolution, convolves each channel, and narrows by a 1x1 convolution without an activation. The
// other activations are ReLU6.
type inverted struct{ norm BatchNormalization }

// invertedStage is a stage of such blocks: a row of the papers' tables. The first block has the
// stride, the others have a shortcut.
type invertedStage struct{ expansion, filters, repeats, kernel, stride int }

// block returns block i of a stage with that many input channels. Without a shortcut its layers are
// not in a block, and their names start with the block's.
func (b inverted) block(name string, in int, s invertedStage, i int) []Named {
	stride := 1
	if i == 0 {
		stride = s.stride
	}
	shortcut := stride == 1 && in == s.filters
	prefix := name + "_"
	if shortcut {
		prefix = ""
	}
	var layers []Named
	if s.expansion > 1 {
		layers = b.unit(prefix+"expand_", b.conv(in*s.expansion, 1, 1), true)
	}
	layers = append(layers, b.unit(prefix+"depthwise_", &DepthwiseConv2D{Kernel: s.kernel, Stride: stride, Padding: Same, UseBias: new(false)}, true)...)
	layers = append(layers, b.unit(prefix+"project_", b.conv(s.filters, 1, 1), false)...)
	if shortcut {
		return []Named{{name, &Residual{Body: layers}}}
	}
	return layers
}

// unit returns a convolution, its normalization and, if relu is true, a ReLU6.
func (b inverted) unit(prefix string, conv Layer, relu bool) []Named {
	norm := b.norm
	layers := []Named{{prefix + "conv", conv}, {prefix + "bn", &norm}}
	if relu {
		layers = append(layers, Named{prefix + "relu", &ReLU{MaxValue: 6}})
	}
	return layers
}

func (inverted) conv(filters, kernel, stride int) *Conv2D {
	return &Conv2D{Filters: filters, Kernel: kernel, Stride: stride, Padding: Same, UseBias: new(false)}
}

// top adds the last convolution and the classifier. Unless dropout is 0, it adds dropout before the
// classifier.
func (b inverted) top(a Architecture, dropout float64, classes int) Architecture {
	a.Layers = append(a.Layers, b.unit("top_", b.conv(1280, 1, 1), true)...)
	a.Layers = append(a.Layers, Named{"gap", &GlobalAveragePool2D{}})
	if dropout > 0 {
		a.Layers = append(a.Layers, Named{"dropout", &Dropout{Rate: dropout}})
	}
	a.Layers = append(a.Layers, Named{"fc", &Dense{Units: classes}})
	return a
}
