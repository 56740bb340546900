package score

import (
	"fmt"
	"slices"
)

// Options choose the metrics, and the images that explanations are judged on.
type Options struct {
	Metrics  []string `json:"metrics"`   // names of [Metrics]; none: all whose needs are met
	PerClass int      `json:"per_class"` // images of each class, drawn by the seed
	Mosaics  int      `json:"mosaics"`   // of each class, for Focus; 0: none
}

// DefaultOptions are every metric, eight images and ten mosaics a class.
func DefaultOptions() Options { return Options{PerClass: 8, Mosaics: 10} }

// Check returns an error for the first option that is out of range.
func (o Options) Check() error {
	for i, name := range o.Metrics {
		if _, err := Lookup(name); err != nil {
			return err
		}
		if slices.Contains(o.Metrics[:i], name) {
			return fmt.Errorf("metric %s is named twice", name)
		}
	}
	switch {
	case o.PerClass < 1:
		return fmt.Errorf("per-class is %d, want at least 1", o.PerClass)
	case o.Mosaics < 0:
		return fmt.Errorf("mosaics is %d, want 0 or more", o.Mosaics)
	}
	return nil
}

// Selected returns the metrics asked for, in the order of the table.
func (o Options) Selected() []Metric {
	if len(o.Metrics) == 0 {
		return Metrics
	}
	var out []Metric
	for _, m := range Metrics {
		if slices.Contains(o.Metrics, m.Name) {
			out = append(out, m)
		}
	}
	return out
}

// Need reports whether a selected metric has one of the needs.
func (o Options) Need(n Needs) bool {
	return slices.ContainsFunc(o.Selected(), func(m Metric) bool { return m.Needs&n != 0 })
}
