package result

import (
	"oscar/internal/machine"
	"oscar/metric"
)

// Evaluation is a model's result on the images that are readable, of known class and with a finite
// prediction. Without any such image, the metrics are NaN.
type Evaluation struct {
	Part       string            `json:"part"`
	Epoch      int               `json:"epoch,omitempty"` // the best epoch of the run on validation
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
	// MultiLabel is set for a model with several labels per image. Then the accuracy is the share of
	// images with all labels right, the loss is the mean over the labels, and Confusion is empty.
	MultiLabel *MultiLabel `json:"multi_label,omitempty"`
	PerSecond  float64     `json:"images_per_second"`
	Notes      []string    `json:"notes,omitempty"` // images that the metrics leave out
	// Classifications has a line for each image; nil in files of older versions.
	Classifications []Classification `json:"classifications,omitempty"`
}

// MultiLabel has the metrics for several labels per image.
type MultiLabel struct {
	MeanAveragePrecision Number        `json:"mean_average_precision"` // over the labels
	MicroF1              Number        `json:"micro_f1"`               // of all decisions together
	Labels               []LabelScores `json:"labels"`
}

// LabelScores are the metrics of one label at its threshold.
type LabelScores struct {
	Label            string  `json:"label"`
	Images           int     `json:"images"` // number of images with the label
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
	Truth       string   `json:"truth"`       // "": unknown, or several labels
	Predicted   string   `json:"predicted"`   // "": not finite
	Probability *float32 `json:"probability"` // of the predicted class; null if it is not finite
	Loss        Number   `json:"loss"`        // cross-entropy, nats
	// Probabilities are those of all classes, if they were stored and are finite.
	Probabilities []float32 `json:"probabilities,omitempty"`
	// Labels and PredictedLabels are for several labels per image.
	Labels          []string `json:"labels,omitempty"`
	PredictedLabels []string `json:"predicted_labels,omitempty"`
}

// Confidence returns the probability of the predicted class, or 0 if it is not finite.
func (c Classification) Confidence() float32 {
	if c.Probability == nil {
		return 0
	}
	return *c.Probability
}

// Correct reports whether the image is classified correctly.
func (c Classification) Correct() bool { return c.Truth != "" && c.Predicted == c.Truth }
