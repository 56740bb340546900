package score

import (
	"fmt"
	"slices"
)

// Options select the metrics, and the images for which explanations are scored.
type Options struct {
	Metrics  []string `json:"metrics"`   // names of [Metrics]; none: all whose needs are met
	PerClass int      `json:"per_class"` // images per class, selected by the seed
	Mosaics  int      `json:"mosaics"`   // mosaics per class, for Focus; 0: none
}

// DefaultOptions returns all metrics, with eight images and ten mosaics per class.
func DefaultOptions() Options { return Options{PerClass: 8, Mosaics: 10} }

// Check returns an error for the first invalid option.
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
	for _, m := range o.Selected() {
		if len(o.Metrics) > 0 && o.Mosaics == 0 && m.Needs&NeedsMosaics != 0 {
			return fmt.Errorf("metric %s needs mosaics, and mosaics is 0 (--mosaics)", m.Name)
		}
	}
	return nil
}

// Selected returns the requested metrics, in the order of the table.
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

// Tests returns the number of tests of the selected metrics on images, or on mosaics if need is
// NeedsMosaics. Metrics with a need in lacking do not count.
func (o Options) Tests(need, lacking Needs) int {
	seen := map[string]bool{}
	for _, m := range o.Selected() {
		if m.Needs&NeedsMosaics == need && m.Needs&lacking == 0 {
			seen[m.Test] = true
		}
	}
	return len(seen)
}

// SettingsFor returns the settings of the metrics for an image size: the defaults, with a
// proportional tolerance of the pointing game. Its 15 pixels are for images whose shorter side is
// 224 (TorchRay).
func SettingsFor(height, width int) Settings {
	return Settings{Pointing: Pointing{Tolerance: max(1, (15*min(height, width)+112)/224)}}
}
