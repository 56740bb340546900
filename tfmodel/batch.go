package tfmodel

// Batch is N images, row-major [N,H,W,3], 0..255, and the class of each.
type Batch struct {
	N      int
	Images []uint8
	Labels []int
	// Features, if not nil, stand for the images, row-major [N,features]; see
	// [Trainer.Features]. Then only the layers after them are trained.
	Features []float32
	// Weights are factors of each image's loss in training; nil: 1. The mean loss is
	// the sum of the weighted losses divided by N, as in Keras.
	Weights []float32
}

// part returns the images from one index up to another.
func (b Batch) part(from, to int) Batch {
	if from == 0 && to == b.N {
		return b
	}
	p := Batch{N: to - from, Labels: b.Labels[from:to]}
	if b.Images != nil {
		length := len(b.Images) / b.N
		p.Images = b.Images[from*length : to*length]
	}
	if b.Features != nil {
		length := len(b.Features) / b.N
		p.Features = b.Features[from*length : to*length]
	}
	if b.Weights != nil {
		p.Weights = b.Weights[from:to]
	}
	return p
}
