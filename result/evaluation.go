package result

import (
	"oscar/internal/machine"
	"oscar/metric"
)

// Evaluation is a model's result on the images that can be read, are of
// a known class and have a finite prediction. Without any, the figures are NaN.
type Evaluation struct {
	Part       string            `json:"part"`
	Epoch      int               `json:"epoch,omitempty"` // epoch of the run, the best on validation
	Precision  machine.Precision `json:"precision"`
	Images     int               `json:"images"`
	Unreadable int               `json:"unreadable"`
	NotFinite  int               `json:"not_finite,omitempty"` // images without a finite prediction
	// UnknownClass counts the images of unknown class by the predicted class; nil: none.
	UnknownClass []int                `json:"unknown_class,omitempty"`
	Accuracy     Number               `json:"accuracy"`
	Interval     [2]Number            `json:"accuracy_interval"` // 95 %, Wilson
	Loss         Number               `json:"loss"`              // mean cross-entropy, nats
	MacroF1      Number               `json:"macro_f1"`
	PerClass     []metric.ClassScores `json:"per_class"`
	Confusion    *metric.Confusion    `json:"confusion"` // rows: true, columns: predicted
	PerSecond    float64              `json:"images_per_second"`
	Notes        []string             `json:"notes,omitempty"` // images that the figures leave out
	// Classifications has a line for each image. Files of older versions have none.
	Classifications []Classification `json:"classifications,omitempty"`
}

// Classification is a model's prediction for one image.
type Classification struct {
	Image       string   `json:"image"` // relative to the data
	SHA256      string   `json:"sha256"`
	Truth       string   `json:"truth"`       // "": unknown
	Predicted   string   `json:"predicted"`   // "": not finite
	Probability *float32 `json:"probability"` // of the predicted class; null if it is not finite
	Loss        Number   `json:"loss"`        // cross-entropy, nats
	// Probabilities are those of all classes, if they were kept and are finite.
	Probabilities []float32 `json:"probabilities,omitempty"`
}

// Confidence returns the probability of the predicted class; 0 if it is not finite.
func (c Classification) Confidence() float32 {
	if c.Probability == nil {
		return 0
	}
	return *c.Probability
}

// Correct reports whether the image is classified correctly.
func (c Classification) Correct() bool { return c.Truth != "" && c.Predicted == c.Truth }
