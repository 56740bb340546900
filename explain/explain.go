package explain

import (
	"context"
	"math"

	"oscar/internal/named"
	"oscar/internal/numeric"
)

// Predicted is the target for the class that the model predicts.
const Predicted = -1

// Image is the layer name of the input, whose activations are the image itself.
const Image = "image"

// Images is a batch of RGB images, row-major [N,Height,Width,Channels], raw
// pixel values 0..255.
type Images struct {
	N, Height, Width, Channels int
	Pixels                     []float32
}

// Size returns the number of values per image.
func (m Images) Size() int { return m.Height * m.Width * m.Channels }

// Slice returns images first to end-1 without copying.
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

// Filled reports whether the grid has values, and as many as its shape requires.
func (g Grid) Filled() bool {
	return g.Height > 0 && g.Width > 0 && len(g.Values) == g.Height*g.Width
}

// Mass returns the L1 norm: the sum of the absolute values.
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

// The scores: the class's logit (before the softmax), or its probability (after it). The softmax
// saturates.
const (
	Logit       Score = "logit"
	Probability Score = "probability"
)

// Differential is a prediction. For each image it also has the layer's activations A, the gradients
// d score / d A of the same shape, the scored class and its score.
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

// A Differentiator returns the activations of a layer and the gradients of a class score with
// respect to these, in one run. targets has one class per image; [Predicted] means the predicted
// one.
type Differentiator interface {
	Differentiate(ctx context.Context, images Images, targets []int, layer string, score Score) (Differential, error)
}

// A Head runs a model on one image with replaced activations of a layer. It returns a prediction for
// each of the activations, which have the layer's shape. Paths from the image to the logits that
// avoid the layer, such as shortcuts, keep their values.
type Head interface {
	PredictFrom(ctx context.Context, image Images, layer string, activations []Volume) (Prediction, error)
}

// An Explainer computes which parts of each image are evidence for its target
// class.
type Explainer interface {
	Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error)
}

// Status says whether a map is meaningful.
type Status string

// The statuses of a map.
const (
	OK        Status = "ok"         // it has positive values and is not constant
	Empty     Status = "empty"      // no value is positive
	Constant  Status = "constant"   // all values are the same positive one
	NonFinite Status = "non_finite" // a value is NaN or infinite, or the score is
	// Faint maps have almost none of the score, but look like others when scaled for display. Only
	// methods whose unit is the score can set it; [StatusOf] cannot.
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
	Layer  string // the explained layer; Image for the image
	Target int    // the explained class
	Score  float32
	Status Status
	Map    Grid
	// Probabilities are the model's for the image. They are nil if the model returns none.
	Probabilities []float32
	// Facts are method-specific numbers, by name. Each method's comment lists them. Numbers that are
	// not finite are left out.
	Facts map[string]float64
}

// ParseScore reads "logit" or "probability".
func ParseScore(s string) (Score, error) {
	return named.Find("score", s, []Score{Logit, Probability}, func(s Score) string { return string(s) })
}
