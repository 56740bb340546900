package tfmodel

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
)

// Tuning configures the training of pretrained layers: all except the head, which is the last layer
// with a kernel and the dropout before it. Batch normalization before the head always uses its
// moving averages.
type Tuning struct {
	// Freeze has patterns as in path.Match, such as "stem*". A variable is not trained if a pattern
	// matches its name, a parent folder of its name, or its layer's name.
	Freeze []string `json:"freeze,omitempty"`
	// Decay is the factor of the learning rate from one map size to the next larger one; the head has
	// 1. 0: 1.
	Decay float64 `json:"decay,omitempty"`
}

// rates returns the learning rate factors of layers with these outputs: decay for the smallest maps,
// decay squared for the next larger ones, and so on. Vectors count as the smallest maps. A Decay of
// 0 is 1.
func (o Tuning) rates(outputs []Shape) []float64 {
	rates := make([]float64, len(outputs))
	if o.Decay == 0 || o.Decay == 1 {
		return rates
	}
	area := func(s Shape) int {
		if len(s) != 3 {
			return 0
		}
		return s[0] * s[1]
	}
	var sizes []int // map sizes, ascending
	for _, s := range outputs {
		if n := area(s); n > 0 {
			sizes = append(sizes, n)
		}
	}
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	for i, s := range outputs {
		rates[i] = math.Pow(o.Decay, float64(1+max(0, slices.Index(sizes, area(s)))))
	}
	return rates
}

// freezing finds the variables that patterns match.
type freezing struct {
	patterns []string
	used     []bool
	layers   []string // layers with variables
}

func newFreezing(patterns []string) *freezing {
	return &freezing{patterns: patterns, used: make([]bool, len(patterns))}
}

// fits reports whether a pattern matches a variable of a layer.
func (f *freezing) fits(layer, variable string) (frozen bool, err error) {
	if n := len(f.layers); n == 0 || f.layers[n-1] != layer {
		f.layers = append(f.layers, layer)
	}
	for i, pattern := range f.patterns {
		fits, err := freezes(pattern, layer, variable)
		if err != nil {
			return false, err
		}
		f.used[i] = f.used[i] || fits
		frozen = frozen || fits
	}
	return frozen, nil
}

// unused returns an error for the first pattern that matched no variable.
func (f *freezing) unused() error {
	i := slices.Index(f.used, false)
	if i < 0 {
		return nil
	}
	have := f.layers
	if most := 12; len(have) > most {
		have = append(slices.Clone(have[:most]), "...")
	}
	return fmt.Errorf("freeze %q fits no variable; have layers %s", f.patterns[i], strings.Join(have, ", "))
}

// freezes reports whether a pattern matches a variable or its layer.
func freezes(pattern, layer, variable string) (bool, error) {
	if pattern == "" {
		return false, fmt.Errorf("freeze has an empty pattern; want one such as stem*, or * for all")
	}
	for _, name := range append(folders(variable), layer) {
		fits, err := path.Match(pattern, name)
		if err != nil {
			return false, fmt.Errorf("freeze %q is not a pattern: %w", pattern, err)
		}
		if fits {
			return true, nil
		}
	}
	return false, nil
}

// folders returns a, a/b and a/b/c for a/b/c.
func folders(name string) (out []string) {
	for i, r := range name {
		if r == '/' {
			out = append(out, name[:i])
		}
	}
	return append(out, name)
}

// head returns the first step of the head, or 0 if there is no layer with a kernel.
func (s steps) head() int {
	i := len(s) - 1
	for i > 0 && !s.weighted(i) {
		i--
	}
	for i > 0 && s[i-1].layer.Kind() == (*Dropout)(nil).Kind() && s.feedsOnlyNext(i-1) {
		i--
	}
	return max(i, 0)
}

// tune sets how the parameters of pretrained steps are trained.
func (s steps) tune(o Tuning) error {
	f := newFreezing(o.Freeze)
	var outputs []Shape
	var with []int
	for i := range s {
		step := &s[i]
		step.pretrained, step.frozen = true, map[string]bool{}
		params := step.layer.Params(step.in)
		if len(params) == 0 {
			continue
		}
		outputs, with = append(outputs, step.out), append(with, i)
		for _, p := range params {
			fits, err := f.fits(step.name, p.variable(step.name))
			if err != nil {
				return err
			}
			step.frozen[p.Role] = fits
		}
	}
	for k, rate := range o.rates(outputs) {
		s[with[k]].rate = rate
	}
	return f.unused()
}

// params returns the parameters of the step's layer with their training settings.
func (s step) params() []Param {
	params := s.layer.Params(s.in)
	if s.pretrained {
		for i := range params {
			params[i].Trainable = params[i].Trainable && !s.frozen[params[i].Role]
			params[i].Rate = s.rate
		}
	}
	return params
}

// Tuned returns the architecture with o for all layers except the head. A pattern that matches
// nothing is an error.
func (a Architecture) Tuned(o Tuning) (Architecture, error) {
	a.Tuning = &o
	_, err := a.steps()
	return a, err
}

// Pretrained reports whether all layers except the head have pretrained weights.
func (a Architecture) Pretrained() bool { return a.Tuning != nil || a.Imports() }

// HeadOnly reports whether only the head is trained: all other layers are frozen.
func (a Architecture) HeadOnly() bool {
	if !a.Pretrained() {
		return false
	}
	s, err := a.steps()
	if err != nil {
		return false
	}
	for _, step := range s[:s.head()] {
		if slices.ContainsFunc(step.params(), func(p Param) bool { return p.Trainable }) {
			return false
		}
	}
	return true
}

// LayerVariable is a parameter of an architecture.
type LayerVariable struct {
	Name  string
	Layer string
	Kind  string // of the layer
	Role  string
	Shape Shape
	Head  bool // of the head, which depends on the number of classes
}

// Variables lists the parameters, from the image to the logits.
func (a Architecture) Variables() ([]LayerVariable, error) {
	s, err := a.steps()
	if err != nil {
		return nil, err
	}
	var all []LayerVariable
	head := s.head()
	for i, step := range s {
		for _, p := range step.params() {
			all = append(all, LayerVariable{p.variable(step.name), step.name, step.layer.Kind(), p.Role, p.Shape, i >= head})
		}
	}
	return all, nil
}
