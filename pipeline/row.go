package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"oscar/explain"
)

// Row is a line of manifest.jsonl: one image explained for one class by one
// method, at one layer or at the image.
type Row struct {
	Image  string `json:"image"` // its path, as found
	SHA256 string `json:"sha256"`
	Status string `json:"status"` // ok, empty, faint, constant, non_finite, unreadable
	Reason string `json:"reason"` // why it is not ok
	// Caution says why a map that is ok is to be doubted, by its facts.
	Caution       string             `json:"caution,omitempty"`
	Predicted     string             `json:"predicted"`
	Probabilities map[string]float32 `json:"probabilities"`
	Target        string             `json:"target"` // the class explained
	Score         *float32           `json:"score"`  // of the target; null where not finite
	Layer         string             `json:"layer"`
	Method        string             `json:"method"`
	RawMin        *float32           `json:"raw_min"`
	RawMax        *float32           `json:"raw_max"`
	// Scale is the value that the full colour stands for in the overlay; null
	// where there is nothing to draw.
	Scale *float32 `json:"scale"`
	// Base is the value that no colour stands for, where that is not 0.
	Base *float32 `json:"base,omitempty"`
	// Facts are what the method tells of its work, see its documentation.
	Facts   map[string]float64 `json:"facts,omitempty"`
	Map     string             `json:"map"`             // .npy, relative to the folder
	Overlay string             `json:"overlay"`         // .jpg, relative to the folder
	Sheet   string             `json:"sheet,omitempty"` // all methods side by side, .jpg, relative to the folder
}

// Unreadable is the status of a file that is not an image that can be read.
const Unreadable = "unreadable"

// ReadManifest reads the rows of an explaining run's folder.
func ReadManifest(dir string) ([]Row, error) {
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseRows(path, text)
}

func parseRows(path string, text []byte) (rows []Row, err error) {
	for line := range bytes.Lines(text) {
		var r Row
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func reason(s explain.Status) string {
	switch s {
	case explain.Empty:
		return "nothing in the map speaks for the class"
	case explain.Faint:
		return "less than a hundredth of the score reaches the map; biases keep the rest"
	case explain.Constant:
		return "the map is the same everywhere"
	case explain.NonFinite:
		return "the map holds values that are not finite"
	}
	return ""
}

// title says what the model sees: "glass 0.93".
func (r Row) title() string {
	if p, ok := r.Probabilities[r.Predicted]; ok {
		return fmt.Sprintf("%s %.2f", r.Predicted, p)
	}
	return r.Predicted // it is not finite
}

// finite is nil for what JSON cannot hold.
func finite(v float32) *float32 {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return nil
	}
	return &v
}
