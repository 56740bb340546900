package maskrcnn

import (
	"fmt"
	"slices"
	"strings"

	"oscar/tfmodel"
)

// namePrefix is prepended to the backbone's name to name the detector.
const namePrefix = "mask_rcnn_"

// ResNet10 returns a Mask R-CNN with the backbone resnet10 of package tfmodel. Its levels have
// strides 4, 8 and 16.
func ResNet10(classes int) Architecture {
	a, _ := On(tfmodel.ResNet10(classes), classes)
	return a
}

// On returns a Mask R-CNN whose backbone is a classifier without its head, for inputs of 256 x 256
// pixels. The pyramid has 64 filters and takes the last layer of each stride (4, 8, 16, 32) that the
// classifier has.
func On(classifier tfmodel.Architecture, classes int) (Architecture, error) {
	conv := func(name string) []tfmodel.Named {
		return []tfmodel.Named{
			{Name: name, Layer: &tfmodel.Conv2D{Filters: 64, Kernel: 3, Stride: 1, Padding: tfmodel.Same, Initializer: tfmodel.HeNormal}},
			{Name: "relu_" + name, Layer: &tfmodel.ReLU{}},
		}
	}
	a := Architecture{
		Name: namePrefix + classifier.Name, Input: tfmodel.Shape{256, 256, 3}, Classes: classes,
		Pyramid:    Pyramid{Filters: 64, TopDown: true},
		Anchors:    Anchors{Ratios: []float64{0.5, 1, 2}},
		RegionHead: conv("conv"),
		BoxHead: []tfmodel.Named{
			{Name: "flatten", Layer: &tfmodel.Flatten{}},
			{Name: "fc1", Layer: &tfmodel.Dense{Units: 256, Initializer: tfmodel.HeNormal}},
			{Name: "relu_fc1", Layer: &tfmodel.ReLU{}},
		},
		BoxSize:  7,
		MaskHead: append(conv("conv1"), conv("conv2")...), MaskSize: 14, MaskChannels: 64,
		Regions: Regions{
			IoU: 0.7, TrainCandidates: 400, TrainProposals: 150, TestCandidates: 300, TestProposals: 100,
			Positives: 12, Negatives: 36, AnchorSamples: 256, Detections: 20, DetectionIoU: 0.5, DetectionScore: 0.05,
		},
	}
	body, err := tfmodel.NewStack("", classifier.Layers, a.Input)
	if err != nil {
		return a, fmt.Errorf("%s with pictures of %v: %w", classifier.Name, a.Input, err)
	}
	last := map[int]int{} // the last layer of each stride
	for i, l := range classifier.Layers {
		if _, out, _ := body.Layer(l.Name); len(out) == 3 && a.Input[0]%out[0] == 0 {
			last[a.Input[0]/out[0]] = i
		}
	}
	for stride := 4; stride <= 32; stride *= 2 {
		i, ok := last[stride]
		if !ok && len(a.Taps) > 0 {
			break
		}
		if ok {
			a.Backbone, a.Taps = slices.Clone(classifier.Layers[:i+1]), append(a.Taps, classifier.Layers[i].Name)
			a.Anchors.Sizes, a.Pyramid.Canonical = append(a.Anchors.Sizes, 8*float64(stride)), 8*float64(stride)
		}
	}
	if len(a.Taps) < 2 {
		return a, fmt.Errorf("%s is no backbone: its layers do not have strides such as 4, 8 and 16", classifier.Name)
	}
	return a, nil
}

// Classifier returns the backbone under the name of its network.
func (a Architecture) Classifier() tfmodel.Architecture {
	return tfmodel.Architecture{Name: strings.TrimPrefix(a.Name, namePrefix), Input: a.Input, Layers: a.Backbone}
}
