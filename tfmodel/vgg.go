package tfmodel

import "fmt"

// VGG11 is configuration A of Simonyan and Zisserman 2015 (arXiv:1409.1556): 224x224 RGB. Like the
// other networks here it takes raw pixels, 0..255. It has no rescaling and lacks the paper's
// dropout; edits can add them.
func VGG11(classes int) Architecture { return vgg("vgg11", [5]int{1, 1, 2, 2, 2}, false, classes) }

// VGG11BN is [VGG11] with batch normalization between convolution and ReLU.
func VGG11BN(classes int) Architecture { return vgg("vgg11_bn", [5]int{1, 1, 2, 2, 2}, true, classes) }

// VGG16 is configuration D, layer by layer as in Keras Applications; see
// [VGG11].
func VGG16(classes int) Architecture { return vgg("vgg16", [5]int{2, 2, 3, 3, 3}, false, classes) }

// vgg has stages of 3x3 convolutions, each followed by a pooling layer that halves the image.
func vgg(name string, convolutions [5]int, normalized bool, classes int) Architecture {
	a := Architecture{Name: name, Input: Shape{224, 224, 3}}
	add := func(l Layer, format string, args ...any) {
		a.Layers = append(a.Layers, Named{fmt.Sprintf(format, args...), l})
	}
	for stage, n := range convolutions {
		for i := range n {
			add(&Conv2D{Filters: min(64<<stage, 512), Kernel: 3, Stride: 1, Padding: Same}, "conv%d_%d", stage+1, i+1)
			if normalized {
				add(&BatchNormalization{}, "bn%d_%d", stage+1, i+1)
			}
			add(&ReLU{}, "relu%d_%d", stage+1, i+1)
		}
		add(&MaxPool2D{Size: 2, Stride: 2, Padding: Valid}, "pool%d", stage+1) // to 7x7
	}
	add(&Flatten{}, "flatten")
	for i, units := range []int{4096, 4096, classes} {
		add(&Dense{Units: units}, "fc%d", i+1)
		if i < 2 {
			add(&ReLU{}, "relu_fc%d", i+1)
		}
	}
	return a
}
