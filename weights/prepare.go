package weights

import (
	"path"
	"strings"

	"oscar/tfmodel"
)

// normalized inserts preprocessing as the first layer, and removes a rescaling there.
func normalized(a tfmodel.Architecture, n *tfmodel.Normalization) (tfmodel.Architecture, error) {
	first := a.Layers[0].Name
	if _, ok := a.Layers[0].Layer.(*tfmodel.Rescaling); ok {
		return a.Replace(first, n)
	}
	return a.InsertBefore(first, tfmodel.Named{Name: "normalization", Layer: n})
}

// caffe is Keras's preprocessing for VGG and ResNet: it subtracts ImageNet's means. Its BGR
// order is corrected in the first kernel.
func caffe(a tfmodel.Architecture) (tfmodel.Architecture, error) { return normalized(a, caffeMeans) }

// symmetric scales images from -1 to 1.
func symmetric(a tfmodel.Architecture) (tfmodel.Architecture, error) {
	return normalized(a, &tfmodel.Normalization{Mean: []float64{127.5, 127.5, 127.5}, Std: []float64{127.5, 127.5, 127.5}})
}

// torchvision returns an architecture as in PyTorch: with ImageNet's means and standard deviations,
// PyTorch's epsilon in batch normalization, and symmetric zero padding of strided windows.
func torchvision(a tfmodel.Architecture) (tfmodel.Architecture, error) {
	layers, err := layersOf(a)
	if err != nil {
		return a, err
	}
	for _, l := range layers {
		pad := 0
		layer := l.Layer
		switch old := l.Layer.(type) {
		case *tfmodel.BatchNormalization:
			layer = &tfmodel.BatchNormalization{Momentum: 0.9, Epsilon: 1e-5}
		case *tfmodel.Conv2D:
			if n := *old; n.Stride > 1 && n.Kernel > 1 && n.Padding == tfmodel.Same {
				n.Padding, pad, layer = tfmodel.Valid, n.Kernel/2, &n
			}
		case *tfmodel.DepthwiseConv2D:
			if n := *old; n.Stride > 1 && n.Padding == tfmodel.Same {
				n.Padding, pad, layer = tfmodel.Valid, n.Kernel/2, &n
			}
		case *tfmodel.MaxPool2D: // after a ReLU, where zero padding does not change the maximum
			if n := *old; n.Stride > 1 && n.Padding == tfmodel.Same {
				n.Padding, pad, layer = tfmodel.Valid, n.Size/2, &n
			}
		}
		if a, err = a.Replace(l.Name, layer); err != nil {
			return a, err
		}
		if pad > 0 {
			if a, err = a.InsertBefore(l.Name, tfmodel.Named{Name: "pad_" + path.Base(l.Name), Layer: &tfmodel.ZeroPadding2D{Size: pad}}); err != nil {
				return a, err
			}
		}
	}
	return normalized(a, imageNet)
}

// torchResNet50 returns torchvision's ResNet50: a stage's stride is in the 3x3 convolution of its
// first block, and convolutions have no bias.
func torchResNet50(a tfmodel.Architecture) (tfmodel.Architecture, error) {
	layers, err := layersOf(a)
	if err != nil {
		return a, err
	}
	for _, l := range layers {
		conv, ok := l.Layer.(*tfmodel.Conv2D)
		if !ok {
			continue
		}
		n := *conv
		n.UseBias = new(false)
		if strings.HasPrefix(l.Name, "block") && !strings.HasPrefix(l.Name, "block1_") && strings.Contains(l.Name, "_1/") {
			switch path.Base(l.Name) {
			case "conv1":
				n.Stride = 1
			case "conv2":
				n.Stride = 2
			}
		}
		if a, err = a.Replace(l.Name, &n); err != nil {
			return a, err
		}
	}
	return torchvision(a)
}

// layersOf returns all layers except blocks. Names in a block start with the block's name.
func layersOf(a tfmodel.Architecture) (all []tfmodel.Named, err error) {
	var walk func(prefix string, layers []tfmodel.Named)
	walk = func(prefix string, layers []tfmodel.Named) {
		for _, l := range layers {
			if block, ok := l.Layer.(*tfmodel.Residual); ok {
				walk(prefix+l.Name+"/", append(append([]tfmodel.Named{}, block.Body...), block.Shortcut...))
				continue
			}
			all = append(all, tfmodel.Named{Name: prefix + l.Name, Layer: l.Layer})
		}
	}
	walk("", a.Layers)
	return all, nil
}
