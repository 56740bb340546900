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
	// MultiLabel is of a model whose images may have several classes. Then the accuracy is
	// the share of images of which all labels are right, the loss is the mean over the labels,
	// and there is nothing in the confusion.
	MultiLabel *MultiLabel `json:"multi_label,omitempty"`
	PerSecond  float64     `json:"images_per_second"`
	Notes      []string    `json:"notes,omitempty"` // images that the figures leave out
	// Classifications has a line for each image. Files of older versions have none.
	Classifications []Classification `json:"classifications,omitempty"`
}

// MultiLabel are figures of images with several labels.
type MultiLabel struct {
	MeanAveragePrecision Number        `json:"mean_average_precision"` // over the labels
	MicroF1              Number        `json:"micro_f1"`               // of all decisions together
	Labels               []LabelScores `json:"labels"`
}

// LabelScores are the figures of one label, of probabilities from the threshold on.
type LabelScores struct {
	Label            string  `json:"label"`
	Images           int     `json:"images"` // that have it
	Threshold        float64 `json:"threshold"`
	AveragePrecision Number  `json:"average_precision"`
	Precision        float64 `json:"precision"`
	Recall           float64 `json:"recall"`
	F1               float64 `json:"f1"`
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
	// Labels and PredictedLabels are of images that may have several; then Truth is "".
	Labels          []string `json:"labels,omitempty"`
	PredictedLabels []string `json:"predicted_labels,omitempty"`
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
