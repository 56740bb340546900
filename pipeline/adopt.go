package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/internal/paths"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
)

// ForeignOptions say what a model of other origin does not say of itself.
type ForeignOptions = foreign.Options

// AdoptOptions are the options of [Adopt].
type AdoptOptions struct {
	Model    string // a SavedModel's folder
	Out      string
	Options  ForeignOptions // win over the model's oscar.yaml
	Images   string         // folder with one sub-folder a class, to check the accuracy on; empty: none
	Save     bool           // write the options to the model's oscar.yaml
	Machine  Machine
	Listener Listener
}

// Adopted says what came of a model.
type Adopted struct {
	Metadata savedmodel.Metadata
	Notes    []string
	Trials   []ScaleTrial // of Images, the best first
}

// ScaleTrial is the accuracy of a model whose images are scaled in one way.
type ScaleTrial struct {
	Scale    string  `json:"scale"`
	Accuracy float64 `json:"accuracy"`
	Images   int     `json:"images"`
}

// Adopt writes a SavedModel of any origin as a model of oscar's. With images
// and without an input scale it tries the usual ones, and takes the one that is
// clearly best.
func Adopt(ctx context.Context, o AdoptOptions) (*Adopted, error) {
	if err := o.Options.Check(); err != nil {
		return nil, err
	}
	if paths.Within(o.Model, o.Out) {
		return nil, fmt.Errorf("%s lies in the model itself; name a folder outside %s", o.Out, o.Model)
	}
	sidecar, _, err := foreign.ReadSidecar(o.Model)
	if err != nil {
		return nil, err
	}
	options := o.Options.Over(sidecar)
	result := &Adopted{}
	if o.Images != "" {
		if options.Classes == nil {
			if options.Classes, err = dataset.Classes(o.Images); err != nil {
				return nil, err
			}
		}
		if result.Trials, err = o.try(ctx, options); err != nil {
			return nil, err
		}
		if best := result.Trials; options.Image.Scale == "" {
			if len(best) > 1 && best[0].Accuracy == best[1].Accuracy {
				return result, fmt.Errorf("the input scales %s and %s do equally well on %s; name one with --input-scale", best[0].Scale, best[1].Scale, o.Images)
			}
			options.Image.Scale = best[0].Scale
		}
	}
	o.Listener.Stage("adopting " + o.Model)
	a, err := foreign.Adopt(ctx, o.Model, o.Out, options)
	if err != nil {
		return nil, err
	}
	result.Metadata, result.Notes = a.Metadata, a.Notes
	if o.Save {
		return result, foreign.WriteSidecar(o.Model, options)
	}
	return result, nil
}

// try measures the accuracy with each scaling, or with the one that is given.
func (o AdoptOptions) try(ctx context.Context, options ForeignOptions) ([]ScaleTrial, error) {
	var names []string
	for _, s := range foreign.Scalings {
		if options.Image.Scale == "" || options.Image.Scale == s.Name {
			names = append(names, s.Name)
		}
	}
	dir, err := os.MkdirTemp("", "oscar-adopt-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var trials []ScaleTrial
	for _, name := range names {
		o.Listener.Stage("trying the input scale " + name)
		options.Image.Scale = name
		model := filepath.Join(dir, "model")
		if _, err := foreign.Adopt(ctx, o.Model, model, options); err != nil {
			if len(names) > 1 && len(trials) > 0 {
				continue // a scale that the model does not take
			}
			return nil, err
		}
		e, err := Evaluate(ctx, EvaluateOptions{Model: model, Data: o.Images, Part: "all", Machine: o.Machine, Listener: Listener{OnCount: o.Listener.Count}})
		if err != nil {
			return nil, err
		}
		trials = append(trials, ScaleTrial{name, float64(e.Accuracy), e.Images})
	}
	slices.SortStableFunc(trials, func(a, b ScaleTrial) int { return cmp.Compare(b.Accuracy, a.Accuracy) })
	return trials, nil
}

// AdoptNotice, if not nil, is told of a model of other origin that a verb was
// given and that was adopted into the cache.
var AdoptNotice func(text string)

// adoptInCache returns the folder of oscar's model that a SavedModel was made to, in
// the cache. It is made anew when the model or its oscar.yaml change.
func adoptInCache(model string) (string, error) {
	options, _, err := foreign.ReadSidecar(model)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to adopt %s into: %w; adopt it with \"oscar adopt\"", model, err)
	}
	print, err := hashFiles(filepath.Join(model, "saved_model.pb"), filepath.Join(model, "variables", "variables.index"), filepath.Join(model, foreign.SidecarFile))
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "oscar", "adopted", fmt.Sprintf("%s-%s-%d", filepath.Base(filepath.Clean(model)), print, foreign.Version))
	if paths.Exists(filepath.Join(dir, "assets.extra", "oscar.json")) {
		return dir, nil
	}
	if AdoptNotice != nil {
		AdoptNotice(fmt.Sprintf("%s was not written by oscar: adopting it into %s; \"oscar adopt\" keeps it where you like", model, dir))
	}
	if _, err := foreign.Adopt(context.Background(), model, dir, options); err != nil {
		return "", err
	}
	return dir, nil
}

// ParseImageSize reads "224x224", or "224" for a square.
func ParseImageSize(text string) (height, width int, err error) { return foreign.ParseSize(text) }
