package global

import (
	"fmt"
	"slices"

	"oscar/internal/named"
)

// The names of the global methods.
const (
	MethodAverages = "averages" // the mean map of each class
	MethodSpRAy    = "spray"    // the strategies by which the model recognizes each class
	MethodTree     = "tree"     // a decision tree that imitates the model
	MethodTCAV     = "tcav"     // the effect of concepts on classes
)

// Methods lists the global methods in the order of their results.
var Methods = []string{MethodAverages, MethodSpRAy, MethodTree, MethodTCAV}

// Settings choose the global methods and their parameters.
type Settings struct {
	What        []string `json:"what"`        // names of [Methods]; none: all, TCAV only if there are concepts
	Side        int      `json:"side"`        // rows and columns that maps are pooled to
	Neighbors   int      `json:"neighbors"`   // neighbors of each map, for SpRAy
	Depth       int      `json:"depth"`       // maximum depth of the tree
	MinLeaf     int      `json:"min_leaf"`    // minimum number of images in a leaf
	Experiments int      `json:"experiments"` // CAVs per concept
	Pooled      bool     `json:"pooled"`      // CAVs use the means of a layer's activations over the positions
}

// DefaultSettings returns the papers' settings, see the constants.
func DefaultSettings() Settings {
	return Settings{
		Side: DefaultSide, Neighbors: DefaultNeighbors, Depth: DefaultDepth,
		MinLeaf: DefaultMinLeaf, Experiments: DefaultExperiments,
	}
}

// Check returns an error for the first invalid setting.
func (s Settings) Check() error {
	for i, name := range s.What {
		if err := named.Check("part", name, Methods); err != nil {
			return err
		}
		if slices.Contains(s.What[:i], name) {
			return fmt.Errorf("%s is named twice", name)
		}
	}
	for _, f := range []struct {
		name         string
		value, least int
	}{
		{"side", s.Side, 2}, {"neighbors", s.Neighbors, 1}, {"depth", s.Depth, 1}, {"min-leaf", s.MinLeaf, 1}, {"experiments", s.Experiments, 2},
	} {
		if f.value < f.least {
			return fmt.Errorf("%s is %d, want at least %d", f.name, f.value, f.least)
		}
	}
	return nil
}

// Selects reports whether a method is selected. If none is named, all are, but TCAV only if there
// are concepts.
func (s Settings) Selects(method string, concepts bool) bool {
	if len(s.What) > 0 {
		return slices.Contains(s.What, method)
	}
	return method != MethodTCAV || concepts
}
