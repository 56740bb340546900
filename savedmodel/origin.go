package savedmodel

import (
	"fmt"
	"os"
	"path/filepath"
)

// Origin describes the source of an adopted model.
type Origin struct {
	Kind      string `json:"kind"` // keras or tensorflow
	SHA256    string `json:"sha256"`
	Signature string `json:"signature"`
	Output    string `json:"output"`
	Scale     string `json:"scale"`              // of the input, see foreign.Scalings
	Scaled    string `json:"scaled"`             // how the scale was determined
	Channels  string `json:"channels,omitempty"` // order of the colors, if given
	Logits    string `json:"logits"`             // how the logits were found
	// Rewritten is the number of operations, by type, that were replaced by equivalent ones.
	Rewritten map[string]int `json:"rewritten,omitempty"`
	// Difference is the largest difference between the outputs of the adopted graph and of the original
	// on random images, relative to the largest output. It is nil if TensorFlow's loader cannot run the
	// original.
	Difference *float64 `json:"difference,omitempty"`
	// TrainingGraph is true if the graph was exported in training mode.
	TrainingGraph bool `json:"training_graph,omitempty"`
	// NoGradient has the reasons for missing gradients, by layer or "image".
	NoGradient map[string]string `json:"no_gradient,omitempty"`
}

// checkGradient returns an error if there is no gradient at a layer or at the image.
func (m *Metadata) checkGradient(layer string) error {
	if m.Origin == nil || m.Origin.NoGradient[layer] == "" {
		return nil
	}
	return fmt.Errorf("no gradient at %s: %s; take a method that needs predictions alone (occlusion, rise, lime), or another layer", layer, m.Origin.NoGradient[layer])
}

// CheckGradient returns an error with the reason if an adopted model has no gradient at a layer or
// at [explain.Image].
func (b *Bundle) CheckGradient(layer string) error { return b.Metadata.checkGradient(layer) }

// CheckGuided returns an error if operations between the image and the logits have no rule for
// guided backpropagation: activations except ReLU and ReLU6. The error names them.
func (b *Bundle) CheckGuided() error { return b.guided() }

// IsOscar reports whether the SavedModel in dir has oscar's metadata.
func IsOscar(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, MetadataFile))
	return err == nil
}
