package explain

import (
	"context"
	"fmt"
	"math"
)

// Predicted stands for "the class that the model predicts" wherever a target
// class is asked for.
const Predicted = -1

// Image is the name of the input among a model's layers: its activations are
// the image itself.
const Image = "image"

// Images is a batch of RGB images, row-major [N,Height,Width,Channels], raw
// pixel values 0..255.
type Images struct {
	N, Height, Width, Channels int
	Pixels                     []float32
}

// Volume is what one layer holds for one image: row-major
// [Height,Width,Channels].
type Volume struct {
	Height, Width, Channels int
	Values                  []float32
}

// Grid is one value for each position of a map: row-major [Height,Width],
// signed and unscaled.
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

// Range returns the smallest and the largest value. Of an empty grid both are
// zero; if any value is NaN, both are NaN.
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

// Prediction is what a model says of a batch: one row an image, one column a
// class.
type Prediction struct {
	Logits        [][]float32
	Probabilities [][]float32
}

// Score is the scalar whose gradient is taken.
type Score string

// The scores: the class's logit (before the softmax, which saturates), or its
// probability (after).
const (
	Logit       Score = "logit"
	Probability Score = "probability"
)

// Differential is a prediction, and for each image the layer's activations A,
// the gradients d score / d A of the same shape, the class that was scored and
// its score.
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

// A Differentiator gives the activations of a layer and the gradients of a
// class score with respect to them, in one run. targets has one class an
// image, [Predicted] for the predicted one.
type Differentiator interface {
	Differentiate(ctx context.Context, images Images, targets []int, layer string, score Score) (Differential, error)
}

// A Head runs a model from a layer's output on: one prediction for each of the
// activations, which are shaped as that layer's.
type Head interface {
	PredictFrom(ctx context.Context, layer string, activations []Volume) (Prediction, error)
}

// An Explainer says which parts of each image speak for its target class.
type Explainer interface {
	Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error)
}

// Status says whether a map can be read at all.
type Status string

// The states of a map.
const (
	OK        Status = "ok"         // it has positive evidence, and more than one value
	Empty     Status = "empty"      // nothing positive: after ReLU nothing is left
	Constant  Status = "constant"   // one positive value everywhere: it points nowhere
	NonFinite Status = "non_finite" // it holds a NaN or an infinity
	// Faint maps share out next to nothing of the score. They have a shape, but
	// scaled for the eye they look like any other. A method whose unit is the
	// score says so itself; [StatusOf] cannot.
	Faint Status = "faint"
)

// StatusOf judges a signed map.
func StatusOf(g Grid) Status {
	for _, v := range g.Values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return NonFinite
		}
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

// Attribution is the explanation of one image for one class: a signed,
// unscaled map of any resolution. Scaling for the eye is not done here.
type Attribution struct {
	Method string // "gradcam"
	Layer  string // the layer looked at
	Target int    // the class explained
	Score  float32
	Status Status
	Map    Grid
	// Probabilities is what the model said of the image, if the method asked it.
	Probabilities []float32
	// Facts are numbers that the method tells of its work, by name: each
	// method's comment says which. One that is not finite is left out.
	Facts map[string]float64
}

// ParseScore reads "logit" or "probability".
func ParseScore(s string) (Score, error) {
	switch score := Score(s); score {
	case Logit, Probability:
		return score, nil
	}
	return "", fmt.Errorf("no score %q; have %s, %s", s, Logit, Probability)
}
