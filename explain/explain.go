package explain

import (
	"context"
	"math"

	"oscar/internal/named"
	"oscar/internal/numeric"
)

// Predicted is the target for the class that the model predicts.
const Predicted = -1

// Image is the layer name of the input. Its activations are the image
// itself.
const Image = "image"

// Images is a batch of RGB images, row-major [N,Height,Width,Channels], raw
// pixel values 0..255.
type Images struct {
	N, Height, Width, Channels int
	Pixels                     []float32
}

// Size is the number of values of one image.
func (m Images) Size() int { return m.Height * m.Width * m.Channels }

// Slice returns images first to end-1, in the same memory.
func (m Images) Slice(first, end int) Images {
	m.Pixels = m.Pixels[first*m.Size() : end*m.Size()]
	m.N = end - first
	return m
}

// Volume is one layer's values for one image: row-major
// [Height,Width,Channels].
type Volume struct {
	Height, Width, Channels int
	Values                  []float32
}

// Grid is a map with one value per position: row-major [Height,Width], signed and
// unscaled.
type Grid struct {
	Height, Width int
	Values        []float32
}

// NewGrid returns a grid of zeros.
func NewGrid(height, width int) Grid {
	return Grid{height, width, make([]float32, height*width)}
}

// At returns the value at row y and column x.
func (g Grid) At(y, x int) float32 { return g.Values[y*g.Width+x] }

// Filled reports whether the grid has values, as many as its shape says.
func (g Grid) Filled() bool {
	return g.Height > 0 && g.Width > 0 && len(g.Values) == g.Height*g.Width
}

// Mass is the sum of the absolute values, the L1 norm.
func (g Grid) Mass() float64 {
	sum := 0.0
	for _, v := range g.Values {
		sum += math.Abs(float64(v))
	}
	return sum
}

// Range returns the smallest and the largest value. Both are zero if the grid is
// empty, and NaN if any value is NaN.
func (g Grid) Range() (low, high float32) {
	if len(g.Values) == 0 {
		return 0, 0
	}
	low, high = g.Values[0], g.Values[0]
	for _, v := range g.Values {
		switch {
		case v < low:
			low = v
		case v > high:
			high = v
		case v != v:
			return v, v
		}
	}
	return low, high
}

// Prediction is a model's output for a batch: one row per image, one column per
// class.
type Prediction struct {
	Logits        [][]float32
	Probabilities [][]float32
}

// Score is the scalar that is explained.
type Score string

// The scores: the class's logit, before the softmax, or its probability, after
// it. The softmax saturates.
const (
	Logit       Score = "logit"
	Probability Score = "probability"
)

// Differential is a prediction. For each image it also has the layer's
// activations A, the gradients d score / d A of the same shape, the class that
// was scored, and its score.
type Differential struct {
	Prediction
	Targets     []int
	Scores      []float32
	Activations []Volume
	Gradients   []Volume
}

// A Predictor classifies images.
type Predictor interface {
	Predict(ctx context.Context, images Images) (Prediction, error)
}

// A Differentiator returns the activations of a layer and the gradients of a
// class score with respect to them, in one run. targets has one class per
// image, [Predicted] for the predicted one.
type Differentiator interface {
	Differentiate(ctx context.Context, images Images, targets []int, layer string, score Score) (Differential, error)
}

// A Head runs a model on one image with other activations of a layer. It returns
// one prediction for each of the activations, which have that layer's shape. Paths
// from the image to the logits around the layer, such as a shortcut, keep their values.
type Head interface {
	PredictFrom(ctx context.Context, image Images, layer string, activations []Volume) (Prediction, error)
}

// An Explainer computes which parts of each image are evidence for its target
// class.
type Explainer interface {
	Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error)
}

// Status says whether a map has a meaning.
type Status string

// The statuses of a map.
const (
	OK        Status = "ok"         // it has positive values, and more than one value
	Empty     Status = "empty"      // no value is positive
	Constant  Status = "constant"   // one positive value everywhere
	NonFinite Status = "non_finite" // a value is NaN or infinite, or the score is
	// Faint maps have almost none of the score. Scaled for display they look like
	// any other. Only a method whose unit is the score can set it; [StatusOf] cannot.
	Faint Status = "faint"
)

// StatusOf returns the status of a signed map.
func StatusOf(g Grid) Status {
	if !numeric.Finite(g.Values...) {
		return NonFinite
	}
	low, high := g.Range()
	switch {
	case high <= 0:
		return Empty
	case low == high:
		return Constant
	}
	return OK
}

// Attribution is the explanation of one image for one class: a signed map, not
// scaled for display, of any resolution.
type Attribution struct {
	Method string // "gradcam"
	Layer  string // the layer of the gradients; Image for the image
	Target int    // the class explained
	Score  float32
	Status Status
	Map    Grid
	// Probabilities are the model's for the image, if the model returns them.
	Probabilities []float32
	// Facts are the method's own numbers, by name. Each method's comment lists
	// them. One that is not finite is left out.
	Facts map[string]float64
}

// ParseScore reads "logit" or "probability".
func ParseScore(s string) (Score, error) {
	return named.Find("score", s, []Score{Logit, Probability}, func(s Score) string { return string(s) })
}
