package pipeline

import (
	"math"

	"oscar/explain"
	"oscar/result"
)

// Row is a line of manifest.jsonl.
type Row = result.Row

// Unreadable is the status of a file that cannot be read as an image.
const Unreadable = result.Unreadable

// ReadManifest reads the rows of a folder of explanations.
func ReadManifest(dir string) ([]Row, error) { return result.ReadManifest(dir) }

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

// finite is nil for what JSON cannot hold.
func finite(v float32) *float32 {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return nil
	}
	return &v
}
