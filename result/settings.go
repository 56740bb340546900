package result

import (
	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/machine"
)

// SettingsFile is the name of the settings within a folder of explanations.
const SettingsFile = "explain.json"

// Settings select the explanations and configure their drawing.
type Settings struct {
	Format int           `json:"format"` // 1
	Model  string        `json:"model"`  // the SavedModel's fingerprint
	Method string        `json:"method"` // names of methods, separated by commas, or [AllMethods]; lrp@conv5 sets the layer of one method
	Layer  string        `json:"layer"`  // for methods without a named layer: layers separated by commas, or [AllLayers]; empty: the model's default
	Class  string        `json:"class"`  // predicted, true, all, or the name of a class
	Score  explain.Score `json:"score"`  // explained score; empty: each method's default
	// Precision is the number type of the model's computation, see [explain.Method].Exact.
	Precision machine.Precision `json:"precision"`
	Batch     int               `json:"batch"`    // images in a session run and in a shard
	Alpha     float64           `json:"alpha"`    // opacity of the colors in an overlay, above 0 to 1
	ColorMap  string            `json:"colormap"` // a name of heatmap.ColorMapNames
	// SignedColorMap and SignedAlpha replace ColorMap and Alpha for methods with evidence against the
	// class.
	SignedColorMap string  `json:"signed_colormap"`
	SignedAlpha    float64 `json:"signed_alpha"`
	Scale          string  `json:"scale"`          // [ScaleOwn] or [ScaleShared]
	Bare           bool    `json:"bare,omitempty"` // overlays have no strip with text and color bar
	// Percentile is the percentile of a map's values that gets the full color, see heatmap.Scale. 0:
	// 99 if a map has the image's resolution, else 100.
	Percentile float64 `json:"percentile"`
	// Samples is the number of random samples or integration steps; 0: each method's default.
	Samples int    `json:"samples"`
	Rules   string `json:"rules"` // LRP's composite of rules, a name of tfmodel.LRPs
	Seed    uint64 `json:"seed"`  // of all random numbers
	// MaxPixels and MaxBytes are the limits above which an image is unreadable.
	MaxPixels int64 `json:"max_pixels"`
	MaxBytes  int64 `json:"max_bytes"`
	// Framing is how images become the model's input; omitted if stretched.
	Framing dataset.Framing `json:"framing,omitzero"`
	// Selection is [SelectedForReport] if the report selected the images; empty if the user did.
	Selection string `json:"selection,omitempty"`
}

// SelectedForReport is the selection of images for a run's report, see [Chooser].
const SelectedForReport = "report"

// Words that replace names in [Settings].
const (
	AllMethods = "all" // every method
	AllLayers  = "all" // every layer with a map
)

// The values of [Settings.Scale]: which map's largest value, or percentile, gets the full color in
// an overlay.
const (
	ScaleOwn    = "own"    // each map's own
	ScaleShared = "shared" // the largest of all maps of a method and layer
)

// ReadSettings reads the settings of a folder of explanations.
func ReadSettings(dir string) (*Settings, error) {
	s := &Settings{}
	if err := readJSON(dir, SettingsFile, s, &s.Format); err != nil {
		return nil, err
	}
	return s, nil
}
