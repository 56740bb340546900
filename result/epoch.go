package result

import "time"

// EpochMetrics is a line of metrics.jsonl. Training metrics are means over the epoch's batches, in
// training mode, while the weights change. Validation metrics are computed after the epoch, in
// inference mode. Without a validation part they are NaN.
type EpochMetrics struct {
	Epoch              int     `json:"epoch"` // from 1
	Step               int     `json:"step"`  // steps done
	Loss               float64 `json:"loss"`
	Accuracy           float64 `json:"accuracy"`
	ValidationLoss     Number  `json:"val_loss"`
	ValidationAccuracy Number  `json:"val_accuracy"`
	// Weights is the kind of the weights that the validation metrics are for, and that are kept if the
	// epoch is the best: "average" (the exponential moving average) or "trained"; "" without an
	// average. The other metrics are for the other kind.
	Weights                 string `json:"weights,omitempty"`
	OtherValidationLoss     Number `json:"other_val_loss,omitzero"`
	OtherValidationAccuracy Number `json:"other_val_accuracy,omitzero"`

	// For several labels per image. The accuracy is then the share of correct decisions at a
	// probability of 0.5.
	ValidationAveragePrecision *Number   `json:"val_mean_average_precision,omitempty"` // mean over the labels
	Thresholds                 []float64 `json:"thresholds,omitempty"`                 // of the labels, with the best F1 on the validation part

	LearningRate    float64   `json:"learning_rate"`
	Seconds         float64   `json:"seconds"`              // of training, without validation
	ImagesPerSecond float64   `json:"images_per_second"`    // of training
	PeakMemory      int64     `json:"peak_memory_bytes"`    // of the process so far; 0: unknown
	Unreadable      int       `json:"unreadable,omitempty"` // skipped images: changed or removed since the split was made
	Time            time.Time `json:"time"`
}
