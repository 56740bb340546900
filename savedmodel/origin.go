package savedmodel

import (
	"fmt"
	"os"
	"path/filepath"
)

// Origin describes where an adopted model comes from.
type Origin struct {
	Kind      string `json:"kind"` // keras or tensorflow
	SHA256    string `json:"sha256"`
	Signature string `json:"signature"`
	Output    string `json:"output"`
	Scale     string `json:"scale"`              // of the input, see foreign.Scalings
	Scaled    string `json:"scaled"`             // how the scale is known
	Channels  string `json:"channels,omitempty"` // the order of colours, if it was given
	Logits    string `json:"logits"`             // how the logits were found
	// Rewritten counts operations that were replaced by others that compute the
	// same, by type.
	Rewritten map[string]int `json:"rewritten,omitempty"`
	// Difference is the largest difference between the outputs of the adopted graph and of
	// the original on random images, as a share of the largest output; nil if TensorFlow's
	// loader cannot run the original.
	Difference *float64 `json:"difference,omitempty"`
	// TrainingGraph reports whether the graph was exported in training mode.
	TrainingGraph bool `json:"training_graph,omitempty"`
	// NoGradient has the reasons why there is no gradient at layers, or at "image".
	NoGradient map[string]string `json:"no_gradient,omitempty"`
}

// checkGradient returns an error for a layer, or the image, without a gradient.
func (m *Metadata) checkGradient(layer string) error {
	if m.Origin == nil || m.Origin.NoGradient[layer] == "" {
		return nil
	}
	return fmt.Errorf("no gradient at %s: %s; take a method that needs predictions alone (occlusion, rise, lime), or another layer", layer, m.Origin.NoGradient[layer])
}

// CheckGradient returns an error with the reason if an adopted model has no gradient at a
// layer, or at [explain.Image].
func (b *Bundle) CheckGradient(layer string) error { return b.Metadata.checkGradient(layer) }

// CheckGuided returns an error that names the operations without a rule for guided
// backpropagation, between the image and the logits: activations other than ReLU and ReLU6.
func (b *Bundle) CheckGuided() error { return b.guided() }

// IsOscar reports whether the SavedModel in dir has oscar's metadata.
func IsOscar(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, MetadataFile))
	return err == nil
}
