package result

import (
	"slices"

	"oscar/dataset"
)

// Run is one trained model: a variant with a seed.
type Run struct {
	Seed   uint64 `json:"seed"`
	Dir    string `json:"dir"` // run folder: evaluation.json, saved_model/ ...
	Status string `json:"status"`
	Reason string `json:"reason"` // why the run is not done
	Kept   int    `json:"kept"`   // epoch of the kept weights; 0: none yet
	// Epochs are the learning curves.
	Epochs []Epoch `json:"epochs"`
	Test   *Test   `json:"test"` // nil before the test
	// Values are the measures by name. Measures without a value are missing.
	Values map[string]Number `json:"values"`
	// Explanations is the folder of oscar explain with the maps, Scores that of oscar score. They are
	// "" while they do not exist.
	Explanations string `json:"explanations"`
	Scores       string `json:"scores"`
}

// Epoch is a point of the learning curves.
type Epoch struct {
	Number             int     `json:"number"` // from 1
	Loss               Number  `json:"loss"`   // training loss, averaged while the weights change
	Accuracy           Number  `json:"accuracy"`
	ValidationLoss     Number  `json:"val_loss"`
	ValidationAccuracy Number  `json:"val_accuracy"`
	Seconds            float64 `json:"seconds"`
}

// Test is the result of the kept epoch on the test part.
type Test struct {
	Images   int       `json:"images"`
	Accuracy Number    `json:"accuracy"`
	Interval [2]Number `json:"accuracy_interval"` // 95 %, Wilson
	Loss     Number    `json:"loss"`              // mean cross-entropy, nats
	MacroF1  Number    `json:"macro_f1"`
	// Confusion has a row for each true class, a column for each predicted one.
	Confusion [][]int `json:"confusion"`
}

// McNemar compares two variants on the same test images, seed by seed: each run is compared with the
// other variant's run of the same seed.
type McNemar struct {
	Against string        `json:"against"`
	Tests   []McNemarTest `json:"tests"`
	// P is the largest p-value of the seeds, NaN without tests. The seeds are not pooled, because their
	// images are the same.
	P Number `json:"p"`
}

// McNemarTest is the test of one seed.
type McNemarTest struct {
	Seed        uint64  `json:"seed"`
	Images      int     `json:"images"`
	OnlyThis    int     `json:"only_this"`    // correct only in this variant
	OnlyAgainst int     `json:"only_against"` // correct only in the other
	P           float64 `json:"p"`            // two-sided, exact binomial
}

// The verdicts on a claim.
const (
	Supported    = "supported"
	NotSupported = "not supported"
	Undecided    = "undecided"
)

// Claim is a tested statement.
type Claim struct {
	Text      string  `json:"text"`   // "dropout lowers training accuracy"
	Source    string  `json:"source"` // author of the statement
	Variant   string  `json:"variant"`
	Against   string  `json:"against"`
	Measure   string  `json:"measure"`
	Direction string  `json:"direction"` // the variant's value is "higher" or "lower"
	Margin    float64 `json:"margin"`    // smallest relevant difference, 0 or more

	Verdict string `json:"verdict"`
	// Why has the number, the interval and the rule in words, or what is missing.
	Why string `json:"why"`
	// Difference is the variant minus the other. For a measure with Ratio it is the variant divided by
	// the other. Low and High are its 95 % interval. They are NaN if unknown.
	Difference   Number `json:"difference"`
	Low          Number `json:"low"`
	High         Number `json:"high"`
	VariantMean  Number `json:"variant_mean"`
	AgainstMean  Number `json:"against_mean"`
	VariantSeeds int    `json:"variant_seeds"`
	AgainstSeeds int    `json:"against_seeds"`
}

// Wall has the same images, explained in every variant by one method.
type Wall struct {
	Method string `json:"method"`
	Seed   uint64 `json:"seed"` // of the runs shown: the first seed
	// Scale is the largest raw value of all cells, which gets the full color in a common scale. 0: no
	// map has positive values.
	Scale Number    `json:"scale"`
	Rows  []WallRow `json:"rows"` // one per image, in the order of the classes
}

// WallRow is one image.
type WallRow struct {
	Class   string `json:"class"`
	Image   string `json:"image"` // relative to Data.Root
	SHA256  string `json:"sha256"`
	Picture string `json:"picture"` // a copy of at most 512 pixels per side, JPEG
	// Scale is the largest raw value of the row's cells.
	Scale Number     `json:"scale"`
	Cells []WallCell `json:"cells"` // one per variant with maps, in the order of Variants
}

// WallCell is one image in one variant.
type WallCell struct {
	Variant string `json:"variant"`
	Layer   string `json:"layer"`
	Status  string `json:"status"` // of the map: ok, empty, faint, constant, non_finite
	// Map is the raw, signed map: NumPy, float32, [height, width].
	Map         string  `json:"map"`
	Signed      *bool   `json:"signed,omitempty"` // as in [Row]; nil in older files, see [WallCell.IsSigned]
	Overlay     string  `json:"overlay"`          // JPEG of the image's size; each overlay has its own scale
	Predicted   string  `json:"predicted"`
	Probability float32 `json:"probability"` // of the explained class, the image's own
	RawMin      Number  `json:"raw_min"`
	RawMax      Number  `json:"raw_max"`
	// Framing is how the image became the variant's input; omitted if stretched.
	Framing dataset.Framing `json:"framing,omitzero"`
}

// IsSigned reports whether the method's map can have negative values, evidence against the class.
func (c WallCell) IsSigned(method string) bool {
	if c.Signed == nil {
		return slices.Contains(signedBefore, method)
	}
	return *c.Signed
}
