// Package oscar opens a model that oscar trained or exported, and explains
// pictures with it. The other packages have the rest: pipeline has the verbs
// of the command line as functions, explain and gradcam the methods for any model.
package oscar

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/npy"
	"oscar/methods"
	"oscar/pipeline"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Model is an opened model. It is safe for concurrent use.
type Model struct{ bundle *savedmodel.Bundle }

// Open opens a run folder or a SavedModel. Close it after use.
func Open(path string) (*Model, error) {
	bundle, err := pipeline.Open(path, pipeline.Config{})
	if err != nil {
		return nil, err
	}
	return &Model{bundle}, nil
}

// Close frees the model.
func (m *Model) Close() error { return m.bundle.Close() }

// Classes lists the classes in the order of the model's outputs. The list is the caller's.
func (m *Model) Classes() []string { return slices.Clone(m.bundle.Metadata.Classes) }

// LoadImage decodes an image file as oscar's verbs do: upright by its EXIF
// orientation, over white where transparent.
func LoadImage(path string) (*image.RGBA, error) {
	return dataset.DecodeFile(path, dataset.DefaultLimits)
}

// Explanation is a map of an image for one class.
type Explanation struct {
	explain.Attribution
	Class string // the explained class

	method  methods.Method
	photo   *image.RGBA
	framing dataset.Framing
}

// Explain explains the class that the model predicts, by a method with its
// defaults: "gradcam", or "gradcam@conv2" for a layer other than the model's own.
// methods.Table has the methods.
func (m *Model) Explain(ctx context.Context, photo *image.RGBA, method string) (*Explanation, error) {
	if photo == nil || photo.Rect.Empty() {
		return nil, errors.New("no image to explain: want one with pixels")
	}
	settings := pipeline.DefaultSettings()
	settings.Method = method
	list, err := methods.Of(settings, m.bundle)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%q names %d methods and layers, want one", method, len(list))
	}
	entry, err := methods.Lookup(list[0].Method)
	if err != nil {
		return nil, err
	}
	options := methods.Options{Options: explain.Options{Seed: settings.Seed}, Rules: tfmodel.DefaultLRP}
	explainer, err := methods.NewExplainer(methods.Model{Bundle: m.bundle}, list, options)
	if err != nil {
		return nil, err
	}
	input, err := pipeline.Input(&m.bundle.Metadata, photo)
	if err != nil {
		return nil, err
	}
	out, err := explainer.Explain(ctx, input, []int{explain.Predicted})
	if err != nil {
		return nil, err
	}
	return &Explanation{out[0], m.Classes()[out[0].Target], entry, photo, pipeline.Framing(m.bundle.Metadata.Image)}, nil
}

// Save writes the explanation. The suffix of the path chooses the format: .npy is the raw
// map, float32 [height,width]; .jpg and .png are the map over the image.
func (e *Explanation) Save(path string) error {
	options := heatmap.Options{Heat: e.Map, Framing: e.framing, Title: e.Class, Faint: e.Status == explain.Faint, Note: e.At().String()}
	if e.Target < len(e.Probabilities) {
		options.Title = fmt.Sprintf("%s %.2f", e.Class, e.Probabilities[e.Target])
	}
	if e.method.Signed {
		colors, err := heatmap.LookupColorMap(pipeline.DefaultSettings().SignedColorMap)
		if err != nil {
			return err
		}
		options.Map = colors
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npy":
		return npy.Write(path, []int{e.Map.Height, e.Map.Width}, e.Map.Values)
	case ".jpg", ".jpeg":
		return heatmap.WriteJPEG(path, heatmap.Overlay(e.photo, options))
	case ".png":
		return heatmap.WritePNG(path, heatmap.Overlay(e.photo, options))
	}
	return fmt.Errorf("%s: want a name that ends with .npy, .jpg or .png", path)
}

// Must returns the value, and panics if there is an error.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
