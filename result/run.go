package result

import (
	"slices"

	"oscar/dataset"
)

// Run is one training: a variant with a seed.
type Run struct {
	Seed   uint64 `json:"seed"`
	Dir    string `json:"dir"` // an ordinary run folder: evaluation.json, saved_model/ ...
	Status string `json:"status"`
	Reason string `json:"reason"` // if it is not done
	Kept   int    `json:"kept"`   // the epoch whose weights were kept; 0: none yet
	// Epochs are the learning curves.
	Epochs []Epoch `json:"epochs"`
	Test   *Test   `json:"test"` // nil before it was measured
	// Values are the measures, by name; what could not be measured is missing.
	Values map[string]Number `json:"values"`
	// Explanations is the folder with the maps, as oscar explain writes it; Scores
	// the one of oscar score. "" before they are there.
	Explanations string `json:"explanations"`
	Scores       string `json:"scores"`
}

// Epoch is a point of the learning curves.
type Epoch struct {
	Number             int     `json:"number"` // from 1
	Loss               Number  `json:"loss"`   // of training, while the weights move
	Accuracy           Number  `json:"accuracy"`
	ValidationLoss     Number  `json:"val_loss"`
	ValidationAccuracy Number  `json:"val_accuracy"`
	Seconds            float64 `json:"seconds"`
}

// Test is how the kept epoch does on the test part.
type Test struct {
	Images   int       `json:"images"`
	Accuracy Number    `json:"accuracy"`
	Interval [2]Number `json:"accuracy_interval"` // 95 %, Wilson
	Loss     Number    `json:"loss"`              // mean cross-entropy, nats
	MacroF1  Number    `json:"macro_f1"`
	// Confusion has a row for each true class, a column for each predicted one.
	Confusion [][]int `json:"confusion"`
}

// McNemar compares two variants on the same test images, seed by seed: each
// run with the one of the other variant that has the same seed.
type McNemar struct {
	Against string        `json:"against"`
	Tests   []McNemarTest `json:"tests"`
	// P is the largest of the seeds' p-values: what holds of every seed. The
	// seeds are not pooled, for their images are the same. NaN without tests.
	P Number `json:"p"`
}

// McNemarTest is the test of one seed.
type McNemarTest struct {
	Seed        uint64  `json:"seed"`
	Images      int     `json:"images"`
	OnlyThis    int     `json:"only_this"`    // right in this variant alone
	OnlyAgainst int     `json:"only_against"` // right in the other alone
	P           float64 `json:"p"`            // two-sided, exact binomial
}

// The verdicts on a claim.
const (
	Supported    = "supported"
	NotSupported = "not supported"
	Undecided    = "undecided"
)

// Claim is a sentence that was tested.
type Claim struct {
	Text      string  `json:"text"`   // "dropout lowers training accuracy"
	Source    string  `json:"source"` // who says so
	Variant   string  `json:"variant"`
	Against   string  `json:"against"`
	Measure   string  `json:"measure"`
	Direction string  `json:"direction"` // the variant's figure is "higher" or "lower"
	Margin    float64 `json:"margin"`    // the smallest difference that counts, 0 or more

	Verdict string `json:"verdict"`
	// Why gives the number, the interval and the rule in words, or says what is
	// missing.
	Why string `json:"why"`
	// Difference is the variant less the other; of a measure with Ratio, the
	// variant over the other. Low and High are its 95 % interval. NaN if unknown.
	Difference   Number `json:"difference"`
	Low          Number `json:"low"`
	High         Number `json:"high"`
	VariantMean  Number `json:"variant_mean"`
	AgainstMean  Number `json:"against_mean"`
	VariantSeeds int    `json:"variant_seeds"`
	AgainstSeeds int    `json:"against_seeds"`
}

// Wall is the same images explained in every variant by one method.
type Wall struct {
	Method string `json:"method"`
	Seed   uint64 `json:"seed"` // of the runs shown: the first seed
	// Scale is the largest raw value of all cells: 1 in a colour scale that all
	// share. 0: no map has anything positive.
	Scale Number    `json:"scale"`
	Rows  []WallRow `json:"rows"` // one an image, in the order of the classes
}

// WallRow is one image.
type WallRow struct {
	Class   string `json:"class"`
	Image   string `json:"image"` // relative to Data.Root
	SHA256  string `json:"sha256"`
	Picture string `json:"picture"` // a copy of at most 512 pixels a side, JPEG
	// Scale is the largest raw value of the row's cells.
	Scale Number     `json:"scale"`
	Cells []WallCell `json:"cells"` // one a variant that has maps, in the order of Variants
}

// WallCell is one image in one variant.
type WallCell struct {
	Variant string `json:"variant"`
	Layer   string `json:"layer"`
	Status  string `json:"status"` // of the map: ok, empty, faint, constant, non_finite
	// Map is the raw, signed map: NumPy, float32, [height, width].
	Map         string  `json:"map"`
	Signed      *bool   `json:"signed,omitempty"` // as in [Row]; nil in older files, see [WallCell.IsSigned]
	Overlay     string  `json:"overlay"`          // JPEG at the image's size, each on a scale of its own
	Predicted   string  `json:"predicted"`
	Probability float32 `json:"probability"` // of the class that is explained, the image's own
	RawMin      Number  `json:"raw_min"`
	RawMax      Number  `json:"raw_max"`
	// Framing is how the image became the variant's input; left out if it was stretched.
	Framing dataset.Framing `json:"framing,omitzero"`
}

// IsSigned reports whether the map of that method has evidence against the class.
func (c WallCell) IsSigned(method string) bool {
	if c.Signed == nil {
		return slices.Contains(signedBefore, method)
	}
	return *c.Signed
}
