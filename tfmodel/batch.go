package tfmodel

import (
	"slices"

	"oscar/internal/graph"
)

// Batch has N images, row-major [N,H,W,3], 0..255, and the class of each.
type Batch struct {
	N      int
	Images []uint8
	Labels []int
	// Targets replace Labels with several labels per image: the share of each class, row-major
	// [N,classes].
	Targets []float32
	// Features, if not nil, replace the images, row-major [N,features]; see [Trainer.Features]. Then
	// only the layers after them are trained.
	Features []float32
	// Weights are factors of each image's loss in training; nil: 1. The mean loss is the sum of the
	// weighted losses divided by N, as in Keras.
	Weights []float32
	// Positive are factors of the loss of labels that an image has, one per class, with several labels
	// per image; nil: 1.
	Positive []float32
	// Others, if not nil, are the classes of the images that were mixed into each image. Shares, 0 to
	// 1, are the shares of the labels in Labels; the rest are the shares of Others. The prediction of a
	// mixed image is correct if it is the label with the larger share.
	Others []int
	Shares []float32
}

// label returns the label of an image, or of two the one with the larger share.
func (b Batch) label(i int) int {
	if b.Others != nil && b.Shares[i] < 0.5 {
		return b.Others[i]
	}
	return b.Labels[i]
}

// classes returns the label of each image.
func (b Batch) classes() Value {
	labels := make([]int64, b.N)
	for i := range labels {
		labels[i] = int64(b.label(i))
	}
	return graph.FromInt64s(Shape{b.N}, labels)
}

// weights returns the factor of each image's loss.
func (b Batch) weights() []float32 {
	if b.Weights == nil {
		return slices.Repeat([]float32{1}, b.N)
	}
	return b.Weights
}

// targets returns the share of each class in each label, row-major [N,classes].
func (b Batch) targets(classes int) []float32 {
	if b.Targets != nil {
		return b.Targets
	}
	out := make([]float32, b.N*classes)
	for i, c := range b.Labels {
		share := float32(1)
		if b.Others != nil {
			share = b.Shares[i]
			out[i*classes+b.Others[i]] = 1 - share
		}
		out[i*classes+c] += share
	}
	return out
}

// part returns the images from index from to index to-1.
func (b Batch) part(from, to int) Batch {
	if from == 0 && to == b.N {
		return b
	}
	p := Batch{N: to - from, Labels: b.Labels[from:to], Positive: b.Positive}
	if b.Images != nil {
		length := len(b.Images) / b.N
		p.Images = b.Images[from*length : to*length]
	}
	if b.Features != nil {
		length := len(b.Features) / b.N
		p.Features = b.Features[from*length : to*length]
	}
	if b.Targets != nil {
		classes := len(b.Targets) / b.N
		p.Targets = b.Targets[from*classes : to*classes]
	}
	if b.Weights != nil {
		p.Weights = b.Weights[from:to]
	}
	if b.Others != nil {
		p.Others, p.Shares = b.Others[from:to], b.Shares[from:to]
	}
	return p
}
