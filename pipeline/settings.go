package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/named"
	"oscar/internal/paths"
	"oscar/methods"
	"oscar/result"
	"oscar/tfmodel"
)

// Settings select the explanations and configure their drawing.
type Settings = result.Settings

// The values of Settings.Scale.
const (
	ScaleOwn    = result.ScaleOwn
	ScaleShared = result.ScaleShared
)

// DefaultSettings returns Grad-CAM of the predicted class's logit, drawn with the color map jet.
func DefaultSettings() Settings {
	return Settings{
		Format: 1, Method: "gradcam", Class: TargetPredicted,
		Batch: 64, Alpha: heatmap.DefaultAlpha, ColorMap: "jet", SignedColorMap: "rdbu_r", SignedAlpha: heatmap.DefaultSignedAlpha, Scale: ScaleOwn, Rules: tfmodel.DefaultLRP, Seed: 1,
	}
}

// CheckSettings returns an error for the first setting that is invalid for every model.
func CheckSettings(s Settings) error {
	if _, err := methods.Parse(s.Method); err != nil {
		return err
	}
	for _, name := range []string{s.ColorMap, s.SignedColorMap} {
		if _, err := heatmap.LookupColorMap(name); err != nil {
			return err
		}
	}
	if err := cmp.Or(named.Check("LRP rules", s.Rules, tfmodel.LRPs()), named.Check("scale", s.Scale, []string{ScaleOwn, ScaleShared})); err != nil {
		return err
	}
	switch {
	case s.Samples < 0:
		return fmt.Errorf("samples is %d, want at least 1, or 0 for each method's default", s.Samples)
	case !(s.Percentile >= 0 && s.Percentile <= 100):
		return fmt.Errorf("percentile is %g, want above 0 to 100, or 0 for each method's default", s.Percentile)
	case s.Batch < 1:
		return fmt.Errorf("batch is %d, want at least 1", s.Batch)
	case !(s.Alpha > 0 && s.Alpha <= 1):
		return fmt.Errorf("alpha is %g, want above 0 to 1", s.Alpha)
	case !(s.SignedAlpha > 0 && s.SignedAlpha <= 1):
		return fmt.Errorf("signed-alpha is %g, want above 0 to 1", s.SignedAlpha)
	}
	if s.Score == "" {
		return nil
	}
	_, err := explain.ParseScore(string(s.Score))
	return err
}

// checkLayer returns an error for a layer that none of the methods uses.
func checkLayer(s Settings) error {
	list, err := methods.Parse(s.Method)
	if err != nil || s.Layer == "" {
		return nil // CheckSettings reports it
	}
	for _, at := range list {
		if m, err := methods.Lookup(at.Method); err == nil && at.Layer == "" && m.UsesLayer() {
			return nil
		}
	}
	return fmt.Errorf("layer is %s, and %s does not use it; name a method that does, as gradcam, or METHOD@LAYER, as lrp@%s", s.Layer, s.Method, s.Layer)
}

// methodOptions has the options that only some methods use, each with a function that reports
// whether a method uses it.
var methodOptions = []struct {
	flag string
	has  func(methods.Method) bool
}{
	{"samples", func(m methods.Method) bool { return m.Samples }},
	{"rules", methods.Method.HasRules},
	{"seed", func(m methods.Method) bool { return m.Stochastic }},
	{"score", func(m methods.Method) bool { return m.Score != "" }},
	{"signed-alpha", func(m methods.Method) bool { return m.Signed }},
	{"signed-colormap", func(m methods.Method) bool { return m.Signed }},
	{"alpha", func(m methods.Method) bool { return !m.Signed }},
	{"colormap", func(m methods.Method) bool { return !m.Signed }},
}

// CheckOption returns an error if the named option of "oscar explain" has no effect on any of the
// methods. It is for options given by the user; a setting without effect is not an error.
func CheckOption(s Settings, flag string) error {
	list, err := methods.Parse(s.Method)
	if err != nil {
		return nil // CheckSettings reports it
	}
	for _, o := range methodOptions {
		if o.flag != flag {
			continue
		}
		for _, at := range list {
			if m, err := methods.Lookup(at.Method); err == nil && o.has(m) {
				return nil
			}
		}
		var have []string
		for _, m := range methods.Table {
			if o.has(m) {
				have = append(have, m.Name)
			}
		}
		return fmt.Errorf("%s has no effect on %s; methods that have it: %s", flag, cmp.Or(s.Method, DefaultSettings().Method), strings.Join(have, ", "))
	}
	return nil
}

// methodNames returns the names of the methods. None may name a layer.
func methodNames(s Settings) ([]string, error) {
	list, err := methods.Parse(s.Method)
	var names []string
	for _, at := range list {
		if at.Layer != "" {
			return nil, fmt.Errorf("method %s: a layer cannot be named for one method here", at)
		}
		names = append(names, at.Method)
	}
	return names, err
}

// withDrawing returns s with the drawing settings of o.
func withDrawing(s, o Settings) Settings {
	s.Alpha, s.ColorMap, s.SignedColorMap, s.SignedAlpha = o.Alpha, o.ColorMap, o.SignedColorMap, o.SignedAlpha
	s.Scale, s.Percentile, s.Bare = o.Scale, o.Percentile, o.Bare
	return s
}

// Words that replace names in [Settings].
const (
	AllMethods = result.AllMethods
	AllLayers  = result.AllLayers
)

// difference returns the name of the first setting that differs.
func difference(a, b Settings) string {
	for _, f := range []struct{ name, was, is string }{
		{"model", a.Model, b.Model}, {"method", a.Method, b.Method}, {"layer", a.Layer, b.Layer}, {"class", a.Class, b.Class},
		{"score", cmp.Or(string(a.Score), "by default"), cmp.Or(string(b.Score), "by default")}, {"precision", a.Precision.String(), b.Precision.String()}, {"batch", fmt.Sprint(a.Batch), fmt.Sprint(b.Batch)},
		{"alpha", fmt.Sprint(a.Alpha), fmt.Sprint(b.Alpha)}, {"colormap", a.ColorMap, b.ColorMap}, {"signed-colormap", a.SignedColorMap, b.SignedColorMap},
		{"signed-alpha", fmt.Sprint(a.SignedAlpha), fmt.Sprint(b.SignedAlpha)},
		{"scale", a.Scale, b.Scale}, {"bare", fmt.Sprint(a.Bare), fmt.Sprint(b.Bare)}, {"percentile", fmt.Sprint(a.Percentile), fmt.Sprint(b.Percentile)},
		{"samples", fmt.Sprint(a.Samples), fmt.Sprint(b.Samples)}, {"rules", a.Rules, b.Rules}, {"seed", fmt.Sprint(a.Seed), fmt.Sprint(b.Seed)},
		{"max-pixels", fmt.Sprint(a.MaxPixels), fmt.Sprint(b.MaxPixels)}, {"max-bytes", fmt.Sprint(a.MaxBytes), fmt.Sprint(b.MaxBytes)}, {"framing", describeFraming(a.Framing), describeFraming(b.Framing)}, {"selection", cmp.Or(a.Selection, "by the user"), cmp.Or(b.Selection, "by the user")},
	} {
		if f.was != f.is {
			return fmt.Sprintf("%s %s, not %s", f.name, f.was, f.is)
		}
	}
	return "other settings"
}

// describeFraming describes a framing.
func describeFraming(f dataset.Framing) string {
	return fmt.Sprintf("%s in %dx%d with padding %d", cmp.Or(f.Aspect, dataset.Stretch), f.Height, f.Width, f.Padding)
}

// fingerprint returns a text that identifies a model: the hash of the graph and of the variables'
// index, which has a checksum of every tensor.
func fingerprint(model string) (string, error) {
	dir, err := modelDir(model, false) // the model was opened before
	if err != nil {
		return "", err
	}
	return hashFiles(filepath.Join(dir, "saved_model.pb"), filepath.Join(dir, "variables", "variables.index"))
}

// hashFiles returns the hash of several files' contents. A missing file counts as empty.
func hashFiles(files ...string) (string, error) {
	h := sha256.New()
	for _, path := range files {
		f, err := paths.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
