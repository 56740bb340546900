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
	"slices"
	"strings"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/tfmodel"
)

// Settings decide what explanations look like. They are kept beside the
// results, in explain.json.
type Settings struct {
	Format   int           `json:"format"`
	Model    string        `json:"model"`    // the SavedModel's fingerprint
	Method   string        `json:"method"`   // names of [Methods], separated by commas; lrp@conv5 names a layer for one
	Layer    string        `json:"layer"`    // of methods for which none is named, separated by commas, or [AllLayers]; empty: the one the model names
	Class    string        `json:"class"`    // predicted, true, all, or a class's name
	Score    explain.Score `json:"score"`    // what is explained; empty: the probability by RISE and LIME, else the logit
	Batch    int           `json:"batch"`    // images a session run, and a shard
	Alpha    float64       `json:"alpha"`    // share of the colours in an overlay
	ColorMap string        `json:"colormap"` // see heatmap.ColorMapNames
	// SignedColorMap and SignedAlpha are for methods whose negative values speak against the class.
	SignedColorMap string  `json:"signed_colormap"`
	SignedAlpha    float64 `json:"signed_alpha"`
	// Scale is [ScaleOwn], or [ScaleShared].
	Scale string `json:"scale"`
	// Percentile of a map's values is what the full colour stands for, see
	// heatmap.Scale; 0: 99 where a map has the image's resolution, else 100.
	Percentile float64 `json:"percentile"`
	// Samples is how many samples RISE, LIME and SmoothGrad draw and how many
	// steps integrated gradients take; 0: each its own default.
	Samples int `json:"samples"`
	// Rules is LRP's composite of rules, by name; see tfmodel.LRPs.
	Rules string `json:"rules"`
	// Seed decides what is drawn.
	Seed uint64 `json:"seed"`
	// MaxPixels and MaxBytes decide which images are unreadable; [Explain] sets
	// them to the machine's limits.
	MaxPixels int64 `json:"max_pixels"`
	MaxBytes  int64 `json:"max_bytes"`
}

// What the full colour stands for in an overlay.
const (
	ScaleOwn    = "own"    // each map's own largest value, or percentile
	ScaleShared = "shared" // the largest of these among all maps of a method and layer
)

// DefaultSettings is Grad-CAM of the predicted class's logit, in jet.
func DefaultSettings() Settings {
	return Settings{
		Format: 1, Method: "gradcam", Class: TargetPredicted,
		Batch: 64, Alpha: heatmap.DefaultAlpha, ColorMap: "jet", SignedColorMap: "rdbu_r", SignedAlpha: heatmap.DefaultSignedAlpha, Scale: ScaleOwn, Rules: tfmodel.DefaultLRP, Seed: 1,
	}
}

// Check reports the first setting that cannot be, whatever the model.
func (s Settings) Check() error {
	if _, err := s.named(); err != nil {
		return err
	}
	for _, name := range []string{s.ColorMap, s.SignedColorMap} {
		if _, err := heatmap.LookupColorMap(name); err != nil {
			return err
		}
	}
	switch {
	case !slices.Contains(tfmodel.LRPs(), s.Rules):
		return fmt.Errorf("no LRP rules %q; have %s", s.Rules, strings.Join(tfmodel.LRPs(), ", "))
	case s.Samples < 0:
		return fmt.Errorf("samples is %d, want at least 1, or 0 for each method's own", s.Samples)
	case s.Scale != ScaleOwn && s.Scale != ScaleShared:
		return fmt.Errorf("no scale %q; have %s, %s", s.Scale, ScaleOwn, ScaleShared)
	case !(s.Percentile >= 0 && s.Percentile <= 100):
		return fmt.Errorf("percentile is %g, want above 0 to 100, or 0 for each method's own", s.Percentile)
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

// drawnAs is s, drawn as o is: what scores do not depend on.
func (s Settings) drawnAs(o Settings) Settings {
	s.Alpha, s.ColorMap, s.SignedColorMap, s.SignedAlpha = o.Alpha, o.ColorMap, o.SignedColorMap, o.SignedAlpha
	s.Scale, s.Percentile = o.Scale, o.Percentile
	return s
}

// difference names the first setting that differs.
func difference(a, b Settings) string {
	for _, f := range []struct{ name, was, is string }{
		{"model", a.Model, b.Model}, {"method", a.Method, b.Method}, {"layer", a.Layer, b.Layer}, {"class", a.Class, b.Class},
		{"score", cmp.Or(string(a.Score), "by default"), cmp.Or(string(b.Score), "by default")}, {"batch", fmt.Sprint(a.Batch), fmt.Sprint(b.Batch)},
		{"alpha", fmt.Sprint(a.Alpha), fmt.Sprint(b.Alpha)}, {"colormap", a.ColorMap, b.ColorMap}, {"signed-colormap", a.SignedColorMap, b.SignedColorMap},
		{"signed-alpha", fmt.Sprint(a.SignedAlpha), fmt.Sprint(b.SignedAlpha)},
		{"scale", a.Scale, b.Scale}, {"percentile", fmt.Sprint(a.Percentile), fmt.Sprint(b.Percentile)},
		{"samples", fmt.Sprint(a.Samples), fmt.Sprint(b.Samples)}, {"rules", a.Rules, b.Rules}, {"seed", fmt.Sprint(a.Seed), fmt.Sprint(b.Seed)},
		{"max-pixels", fmt.Sprint(a.MaxPixels), fmt.Sprint(b.MaxPixels)}, {"max-bytes", fmt.Sprint(a.MaxBytes), fmt.Sprint(b.MaxBytes)},
	} {
		if f.was != f.is {
			return fmt.Sprintf("%s %s, not %s", f.name, f.was, f.is)
		}
	}
	return "other settings"
}

// fingerprint tells models apart: the hash of the graph and of the variables'
// index, which holds a checksum of every tensor.
func fingerprint(model string) (string, error) {
	dir, err := ModelDir(model)
	if err != nil {
		return "", err
	}
	return hashFiles(filepath.Join(dir, "saved_model.pb"), filepath.Join(dir, "variables", "variables.index"))
}

// hashFiles hashes the contents of files one after the other; those that do
// not exist count as empty.
func hashFiles(paths ...string) (string, error) {
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
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
