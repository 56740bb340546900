package tfmodel

import "fmt"

// ResNet10 is a small residual network for training from scratch on a few thousand photographs:
// 128x128 RGB, a 5x5 stem and one block per stage with 32, 64, 128 and 256 filters, half the width
// of the usual ResNet-10. With six classes it has 1,232,358 parameters, of which 2,880 are not
// trained. The momentum of batch normalization is 0.9 instead of Keras's 0.99, whose averages would
// lag behind in a few thousand steps.
func ResNet10(classes int) Architecture {
	b := blocks{initializer: HeNormal, norm: BatchNormalization{Momentum: 0.9}}
	a := Architecture{Name: "resnet10", Input: Shape{128, 128, 3}, Layers: []Named{
		{"rescaling", &Rescaling{Scale: 1 / 127.5, Offset: -1}},
	}}
	a.Layers = append(a.Layers, b.unit("1", b.conv(32, 5, 2), true)...) // 64x64
	a.Layers = append(a.Layers, b.block("block1", b.basic(32, 1, false))...)
	a.Layers = append(a.Layers, b.block("block2", b.basic(64, 2, true))...)
	a.Layers = append(a.Layers, b.block("block3", b.basic(128, 2, true))...)
	a.Layers = append(a.Layers, b.block("block4", b.basic(256, 2, true))...) // 8x8, Grad-CAM's default layer
	a.Layers = append(a.Layers,
		Named{"gap", &GlobalAveragePool2D{}},
		Named{"dropout", &Dropout{Rate: 0.3}},
		Named{"fc", &Dense{Units: classes}})
	return a
}

// ResNet18 is the network of He et al. 2016 (arXiv:1512.03385, table 1): 224x224 RGB, raw pixels
// 0..255, with torchvision's batch normalization (momentum 0.9, epsilon 1e-5). The padding of
// strided windows is TensorFlow's SAME.
func ResNet18(classes int) Architecture {
	b := blocks{initializer: HeNormal, norm: BatchNormalization{Momentum: 0.9, Epsilon: 1e-5}}
	layers := append(b.unit("1", b.conv(64, 7, 2), true), Named{"pool1", &MaxPool2D{Size: 3, Stride: 2, Padding: Same}})
	return b.resnet("resnet18", layers, [4]int{2, 2, 2, 2}, func(stage, i int) *Residual {
		halves := i == 0 && stage > 0
		stride := 1
		if halves {
			stride = 2
		}
		return b.basic(64<<stage, stride, halves)
	}, classes)
}

// ResNet50 is the network of Keras Applications, layer by layer: 224x224 RGB, raw
// pixels 0..255. A block's stride is in its first convolution.
func ResNet50(classes int) Architecture {
	b := blocks{useBias: true, norm: BatchNormalization{Epsilon: 1.001e-5}}
	stem := b.conv(64, 7, 2)
	stem.Padding = Valid
	layers := append([]Named{{"pad_conv1", &ZeroPadding2D{Size: 3}}}, b.unit("1", stem, true)...)
	layers = append(layers, Named{"pad_pool1", &ZeroPadding2D{Size: 1}}, Named{"pool1", &MaxPool2D{Size: 3, Stride: 2, Padding: Valid}})
	return b.resnet("resnet50", layers, [4]int{3, 4, 6, 3}, func(stage, i int) *Residual {
		stride := 1
		if i == 0 && stage > 0 {
			stride = 2
		}
		return b.bottleneck(64<<stage, stride, i == 0)
	}, classes)
}

// blocks makes residual blocks with a network's common settings of convolutions and normalizations.
type blocks struct {
	useBias     bool
	initializer Initializer
	norm        BatchNormalization
}

// resnet adds four stages with the given numbers of blocks to a stem, and a head.
func (b blocks) resnet(name string, layers []Named, stages [4]int, block func(stage, i int) *Residual, classes int) Architecture {
	for stage, n := range stages {
		for i := range n {
			layers = append(layers, b.block(fmt.Sprintf("block%d_%d", stage+1, i+1), block(stage, i))...)
		}
	}
	layers = append(layers, Named{"gap", &GlobalAveragePool2D{}}, Named{"fc", &Dense{Units: classes}})
	return Architecture{Name: name, Input: Shape{224, 224, 3}, Layers: layers}
}

// block returns a block and the ReLU after its sum.
func (blocks) block(name string, r *Residual) []Named {
	return []Named{{name, r}, {"relu_" + name, &ReLU{}}}
}

// basic returns a block of two 3x3 convolutions (figure 5, left). If project is true, its shortcut
// is a projection, for a change of shape.
func (b blocks) basic(filters, stride int, project bool) *Residual {
	r := &Residual{Body: append(b.unit("1", b.conv(filters, 3, stride), true), b.unit("2", b.conv(filters, 3, 1), false)...)}
	if project {
		r.Shortcut = b.unit("0", b.conv(filters, 1, stride), false)
	}
	return r
}

// bottleneck returns a block that narrows, convolves and widens (figure 5, right).
func (b blocks) bottleneck(filters, stride int, project bool) *Residual {
	r := &Residual{Body: append(b.unit("1", b.conv(filters, 1, stride), true),
		append(b.unit("2", b.conv(filters, 3, 1), true), b.unit("3", b.conv(4*filters, 1, 1), false)...)...)}
	if project {
		r.Shortcut = b.unit("0", b.conv(4*filters, 1, stride), false)
	}
	return r
}

// unit returns a convolution, its normalization and, if relu is true, a ReLU.
func (b blocks) unit(number string, conv *Conv2D, relu bool) []Named {
	norm := b.norm
	layers := []Named{{"conv" + number, conv}, {"bn" + number, &norm}}
	if relu {
		layers = append(layers, Named{"relu" + number, &ReLU{}})
	}
	return layers
}

func (b blocks) conv(filters, kernel, stride int) *Conv2D {
	l := &Conv2D{Filters: filters, Kernel: kernel, Stride: stride, Padding: Same, Initializer: b.initializer}
	if !b.useBias {
		l.UseBias = new(false)
	}
	return l
}
