package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"oscar/internal/named"
)

// ClassWeight is the weight of each class's images in the training loss. The zero
// value gives all images weight 1.
type ClassWeight struct {
	// Balanced weights a class by images / (classes * images of the class) in the train part, as
	// scikit-learn's compute_class_weight does (King and Zeng 2001).
	Balanced bool
	// ByName are the weights of classes, above 0; the other classes have 1.
	ByName map[string]float64
}

const balanced = "balanced"

var errClassWeight = errors.New("want balanced, or a weight for some classes, as {glass: 2}")

// UnmarshalJSON reads balanced, or an object of classes and weights.
func (c *ClassWeight) UnmarshalJSON(b []byte) error {
	*c = ClassWeight{}
	var word string
	if json.Unmarshal(b, &word) == nil {
		c.Balanced = word == balanced
		if word != balanced && word != "" {
			return fmt.Errorf("got %q, %w", word, errClassWeight)
		}
		return nil
	}
	if json.Unmarshal(b, &c.ByName) != nil {
		return fmt.Errorf("got %.60s, %w", b, errClassWeight)
	}
	if len(c.ByName) == 0 {
		c.ByName = nil
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (c ClassWeight) MarshalJSON() ([]byte, error) {
	if c.Balanced {
		return json.Marshal(balanced)
	}
	return json.Marshal(c.ByName)
}

// IsZero reports whether all classes have the same weight.
func (c ClassWeight) IsZero() bool { return !c.Balanced && len(c.ByName) == 0 }

func (c ClassWeight) check() error {
	for _, name := range slices.Sorted(maps.Keys(c.ByName)) {
		if w := c.ByName[name]; !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("class_weight of %s is %g, want above 0", name, w)
		}
	}
	return nil
}

// Weights returns the weight of each class, or nil if all are 1. images is the number of training
// images of each class.
func (c ClassWeight) Weights(classes []string, images []int) ([]float64, error) {
	if c.IsZero() {
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.ByName)) {
		if err := named.Check("class", name, classes); err != nil {
			return nil, fmt.Errorf("class_weight: %w", err)
		}
	}
	all := 0
	for _, n := range images {
		all += n
	}
	weights := make([]float64, len(classes))
	for i, name := range classes {
		weights[i] = 1
		if w, given := c.ByName[name]; given {
			weights[i] = w
		}
		if c.Balanced {
			weights[i] = float64(all) / (float64(len(classes)) * float64(max(images[i], 1)))
		}
	}
	return weights, nil
}

// Sampling selects how an epoch visits the images.
type Sampling string

// BalancedSampling draws each class equally often; see [dataset.BalancedOrder].
const BalancedSampling Sampling = balanced

func (s Sampling) check() error {
	if s == "" {
		return nil
	}
	return named.Check("sampling", s, []Sampling{BalancedSampling})
}
