package tfmodel

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
)

// Tuning says how layers are trained that come with weights: all but the head, which are the
// last layer with a kernel and the dropout before it. Batch normalisation before the head
// uses its moving averages throughout.
type Tuning struct {
	// Freeze are patterns as of path.Match, such as "stem*". A variable is not trained if
	// one fits its name, the name of a folder of it, or that of its layer.
	Freeze []string `json:"freeze,omitempty"`
	// Decay is the factor by which the learning rate falls from one size of maps to the
	// next larger one, 1 for the head. 0 is 1.
	Decay float64 `json:"decay,omitempty"`
}

// rates returns the shares of the learning rate of layers with such outputs: those of the
// smallest maps decay, those of the next larger ones decay squared, and so on. Vectors count
// with the smallest maps. 0 is 1.
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
	var sizes []int // of maps, ascending
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

// freezing finds the variables that patterns fit.
type freezing struct {
	patterns []string
	used     []bool
	layers   []string // with variables
}

func newFreezing(patterns []string) *freezing {
	return &freezing{patterns: patterns, used: make([]bool, len(patterns))}
}

// fits reports whether a pattern fits a variable of a layer.
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

// unused is the error for the first pattern that no variable fits.
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

// freezes reports whether a pattern fits a variable or its layer.
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

// folders of a/b/c are a, a/b and a/b/c.
func folders(name string) (out []string) {
	for i, r := range name {
		if r == '/' {
			out = append(out, name[:i])
		}
	}
	return append(out, name)
}

// head returns the first step of the head; 0 if there is no layer with a kernel.
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

// tune notes how the parameters of steps that come with weights are trained.
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

// Tuned returns the architecture with all layers but the head trained as o says. The first
// pattern that fits nothing is an error.
func (a Architecture) Tuned(o Tuning) (Architecture, error) {
	a.Tuning = &o
	_, err := a.steps()
	return a, err
}

// Pretrained reports whether all layers but the head come with weights.
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
	Head  bool // of a layer that a new number of classes replaces
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
