package result

import (
	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/machine"
)

// SettingsFile is the name of the settings within a folder of explanations.
const SettingsFile = "explain.json"

// Settings decide what explanations are made and how they are drawn.
type Settings struct {
	Format int           `json:"format"` // 1
	Model  string        `json:"model"`  // the SavedModel's fingerprint
	Method string        `json:"method"` // names of methods, separated by commas, or [AllMethods]; lrp@conv5 names a layer for one
	Layer  string        `json:"layer"`  // of methods for which none is named, separated by commas, or [AllLayers]; empty: the model's own choice
	Class  string        `json:"class"`  // predicted, true, all, or a class's name
	Score  explain.Score `json:"score"`  // the score explained; empty: each method's own
	// Precision is what the model computes in, see [explain.Method].Exact.
	Precision machine.Precision `json:"precision"`
	Batch     int               `json:"batch"`    // images in a session run, and in a shard
	Alpha     float64           `json:"alpha"`    // opacity of the colours in an overlay, above 0 to 1
	ColorMap  string            `json:"colormap"` // a name of heatmap.ColorMapNames
	// SignedColorMap and SignedAlpha replace them for methods with evidence against the class.
	SignedColorMap string  `json:"signed_colormap"`
	SignedAlpha    float64 `json:"signed_alpha"`
	Scale          string  `json:"scale"`          // [ScaleOwn] or [ScaleShared]
	Bare           bool    `json:"bare,omitempty"` // overlays have no strip with text and colour bar
	// Percentile of a map's values gets the full colour, see heatmap.Scale; 0:
	// 99 where a map has the image's resolution, else 100.
	Percentile float64 `json:"percentile"`
	// Samples is the number of random samples or integration steps; 0: each
	// method's own default.
	Samples int    `json:"samples"`
	Rules   string `json:"rules"` // LRP's composite of rules, a name of tfmodel.LRPs
	Seed    uint64 `json:"seed"`  // of every random draw
	// MaxPixels and MaxBytes are the limits beyond which an image is unreadable.
	MaxPixels int64 `json:"max_pixels"`
	MaxBytes  int64 `json:"max_bytes"`
	// Framing is how images become the model's input; left out if they are stretched.
	Framing dataset.Framing `json:"framing,omitzero"`
	// Selection says how the images were chosen, if not by the user: by
	// [SelectedForReport].
	Selection string `json:"selection,omitempty"`
}

// SelectedForReport is the selection of images that a run's report shows, see
// [Chooser].
const SelectedForReport = "report"

// Words in place of names in [Settings].
const (
	AllMethods = "all" // every method
	AllLayers  = "all" // every layer with a map of its own
)

// The choices of [Settings.Scale]: which map's largest value, or percentile,
// gets the full colour in an overlay.
const (
	ScaleOwn    = "own"    // its own
	ScaleShared = "shared" // the largest among all maps of a method and layer
)

// ReadSettings reads the settings of a folder of explanations.
func ReadSettings(dir string) (*Settings, error) {
	s := &Settings{}
	if err := readJSON(dir, SettingsFile, s, &s.Format); err != nil {
		return nil, err
	}
	return s, nil
}
