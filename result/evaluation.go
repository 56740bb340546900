package result

import "oscar/metric"

// Evaluation is how well a model does on some images.
type Evaluation struct {
	Part       string               `json:"part"`
	Epoch      int                  `json:"epoch,omitempty"` // of the run, the best on validation
	Images     int                  `json:"images"`
	Unreadable int                  `json:"unreadable"`
	Accuracy   float64              `json:"accuracy"`
	Interval   [2]float64           `json:"accuracy_interval"` // 95 %, Wilson
	Loss       float64              `json:"loss"`              // mean cross-entropy, nats
	MacroF1    float64              `json:"macro_f1"`
	PerClass   []metric.ClassScores `json:"per_class"`
	Confusion  *metric.Confusion    `json:"confusion"` // rows: true, columns: predicted
	PerSecond  float64              `json:"images_per_second"`
}
