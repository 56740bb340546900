package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/internal/paths"
	"oscar/metric"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
)

// ForeignOptions are settings that a model of another program does not record.
type ForeignOptions = foreign.Options

// AdoptOptions are the options of [Adopt].
type AdoptOptions struct {
	Model    string // a SavedModel's folder
	Out      string
	Options  ForeignOptions // take precedence over the model's oscar.yaml
	Images   string         // folder with one sub-folder per class, for checking the accuracy; empty: none
	Save     bool           // write the options to the model's oscar.yaml
	Machine  Machine
	Listener Listener
}

// Adopted is the result of [Adopt].
type Adopted struct {
	Metadata savedmodel.Metadata
	Notes    []string
	Trials   []ScaleTrial // trials on Images, the best accuracy first
}

// ScaleTrial is the accuracy of a model with one input scale.
type ScaleTrial struct {
	Scale    string  `json:"scale"`
	Accuracy float64 `json:"accuracy"`
	Images   int     `json:"images"`

	low, high float64 // 95 % Wilson interval of the accuracy
	reordered reordered
}

// reordered is the accuracy if each output is renamed to the class whose images it predicts most
// often. It is empty if the names do not change, or if two outputs get the same name.
type reordered struct {
	order         []string
	accuracy, low float64 // low: of the 95 % Wilson interval
}

// newReordered finds the best names for the outputs of a confusion matrix.
func newReordered(c *metric.Confusion) reordered {
	r, correct, total := reordered{}, 0, 0
	taken := map[int]bool{}
	for output := range c.Classes {
		most := 0
		for class := range c.Classes {
			total += c.Counts[class][output]
			if c.Counts[class][output] > c.Counts[most][output] {
				most = class
			}
		}
		if c.Counts[most][output] == 0 || taken[most] {
			return reordered{}
		}
		taken[most] = true
		correct += c.Counts[most][output]
		r.order = append(r.order, c.Classes[most])
	}
	if slices.Equal(r.order, c.Classes) {
		return reordered{}
	}
	r.accuracy = float64(correct) / float64(total)
	r.low, _ = metric.Wilson95(correct, total)
	return r
}

// Adopt converts another program's SavedModel or frozen graph to a model of oscar. With images it
// measures the accuracy with the given input scale, or else with the model's own. If the accuracy is
// below 0.9, or no scale is known, it tries the usual scales. If no scale was given it uses the best
// one. If another scale is clearly better than the given one, it returns an error.
func Adopt(ctx context.Context, o AdoptOptions) (*Adopted, error) {
	if err := o.Options.Check(); err != nil {
		return nil, err
	}
	if run.Is(o.Model) {
		return nil, fmt.Errorf("%s is a run of oscar: every verb takes it as it is, and oscar export %s --out MODEL makes a SavedModel of it", o.Model, o.Model)
	}
	if paths.Exists(filepath.Join(o.Model, savedmodel.MetadataFile)) {
		return nil, fmt.Errorf("%s is a model of oscar already: every verb takes it as it is", o.Model)
	}
	if !foreign.IsFrozen(o.Model) && !paths.Exists(filepath.Join(o.Model, "saved_model.pb")) {
		return nil, notModel(o.Model)
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
		given := options.Image.Scale
		if options.Image.Scale, err = o.checkScale(ctx, options, result); err != nil {
			return result, err
		}
		options.Tried = options.Image.Scale != given
	}
	o.Listener.Stage("adopting " + o.Model)
	a, err := foreign.Adopt(ctx, o.Model, o.Out, options)
	if err != nil {
		return nil, err
	}
	result.Metadata, result.Notes = a.Metadata, append(result.Notes, a.Notes...)
	if o.Images != "" && a.Metadata.MultiLabel != nil {
		result.Notes = append(result.Notes, fmt.Sprintf("the images of %s have one class each, and the accuracy is of the most probable label", o.Images))
	}
	if o.Save {
		if err := foreign.WriteSidecar(o.Model, options); err != nil {
			return result, fmt.Errorf("%s is made, but %w", o.Out, err)
		}
	}
	return result, nil
}

// ownScale means that the model scales its input itself.
const ownScale = "its own"

// checkScale measures the accuracy on labeled images and returns the input scale to use.
func (o AdoptOptions) checkScale(ctx context.Context, options ForeignOptions, result *Adopted) (string, error) {
	dir, err := os.MkdirTemp("", "oscar-adopt-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	given := options.Image.Scale
	first, err := o.try(ctx, options, given, dir)
	known := err == nil // a scale is given, or the model has its own
	switch {
	case known:
		result.Trials = []ScaleTrial{first}
		if first.Accuracy >= sufficientAccuracy && first.plausible(len(options.Classes)) {
			return given, nil
		}
	case !errors.Is(err, foreign.ErrScale):
		return "", err
	}
	for _, s := range foreign.Scalings {
		if s.Name == given {
			continue
		}
		t, err := o.try(ctx, options, s.Name, dir)
		if err != nil && len(result.Trials) > 0 && ctx.Err() == nil {
			continue // the model does not accept this scale
		} else if err != nil {
			return "", err
		}
		result.Trials = append(result.Trials, t)
	}
	return o.chooseScale(result, first, known, given, len(options.Classes))
}

// sufficientAccuracy is an accuracy with which no other input scale is tried. A wrong scale can be far
// above chance.
const sufficientAccuracy = 0.9

// chooseScale returns the input scale to use after all trials. first is the trial with the given
// scale or the model's own, if known is true.
func (o AdoptOptions) chooseScale(result *Adopted, first ScaleTrial, known bool, given string, classes int) (string, error) {
	slices.SortStableFunc(result.Trials, func(a, b ScaleTrial) int { return cmp.Compare(b.Accuracy, a.Accuracy) })
	best := result.Trials[0]
	const mistakes = "check the order of --classes, and that the folders of the images have their names"
	renamed := first // the best trial with renamed outputs
	if !known {
		for _, t := range result.Trials {
			if t.reordered.accuracy > renamed.reordered.accuracy {
				renamed = t
			}
		}
	}
	if r := renamed.reordered; r.low > max(best.high, renamed.high) {
		text := fmt.Sprintf("%s gives an accuracy of %.4f on %s, and %.4f if the classes are in the order %s; give --classes in this order if it is right, or check the names of the folders of the images",
			renamed.scale(), renamed.Accuracy, o.Images, r.accuracy, strings.Join(r.order, ","))
		if !known || !first.plausible(classes) {
			return "", errors.New(text)
		}
		result.Notes = append(result.Notes, text)
		return given, nil
	}
	switch {
	case known && best.low > first.high && best.plausible(classes):
		chance := ""
		if !first.plausible(classes) {
			chance = ", which is not above chance"
		}
		return "", fmt.Errorf("%s gives an accuracy of %.4f on %s%s, and %s gives %.4f; if that is right, give --input-scale=%s",
			first.scale(), first.Accuracy, o.Images, chance, best.Scale, best.Accuracy, best.Scale)
	case known && first.plausible(classes):
		return given, nil
	case known:
		result.Notes = append(result.Notes, fmt.Sprintf("the accuracy on %s is not above chance, and no other input scale is clearly better: %s", o.Images, mistakes))
		return given, nil
	case !best.plausible(classes):
		return "", fmt.Errorf("no input scale gives an accuracy above chance on %s: %s, or name the scale with --input-scale", o.Images, mistakes)
	case len(result.Trials) > 1 && best.Accuracy == result.Trials[1].Accuracy:
		return "", fmt.Errorf("the input scales %s and %s do equally well on %s; name one with --input-scale", best.Scale, result.Trials[1].Scale, o.Images)
	}
	return best.Scale, nil
}

// scale returns the input scale for a sentence.
func (t ScaleTrial) scale() string {
	if t.Scale == ownScale {
		return "the model's own input scale"
	}
	return "the input scale " + t.Scale
}

// plausible reports whether the accuracy is above chance.
func (t ScaleTrial) plausible(classes int) bool { return t.low*float64(classes) > 1 }

// try measures the accuracy with an input scale; "" is the model's own.
func (o AdoptOptions) try(ctx context.Context, options ForeignOptions, scale, dir string) (ScaleTrial, error) {
	name := cmp.Or(scale, ownScale)
	if scale == "" {
		o.Listener.Stage("trying the model's own input scale")
	} else {
		o.Listener.Stage("trying the input scale " + scale)
	}
	options.Image.Scale = scale
	model := filepath.Join(dir, name)
	defer os.RemoveAll(model)
	if _, err := foreign.Adopt(ctx, o.Model, model, options); err != nil {
		return ScaleTrial{}, err
	}
	e, err := Evaluate(ctx, EvaluateOptions{Model: model, Data: o.Images, Part: "all", oneLabel: true, Machine: o.Machine, Listener: Listener{OnCount: o.Listener.Count}})
	if err != nil {
		return ScaleTrial{}, err
	}
	return ScaleTrial{name, float64(e.Accuracy), e.Images, float64(e.Interval[0]), float64(e.Interval[1]), newReordered(e.Confusion)}, nil
}

// AdoptNotice, if not nil, receives a notice when a verb gets a model of another program
// and adopts it into the cache.
var AdoptNotice func(text string)

// adoptInCache returns the folder of the adopted model in the cache. It adopts the model again if
// the model or its oscar.yaml has changed.
func adoptInCache(model string, trust bool) (string, error) {
	options, _, err := foreign.ReadSidecar(model)
	if err != nil {
		return "", err
	}
	options.Trust = trust
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to adopt %s into: %w; adopt it with \"oscar adopt\"", model, err)
	}
	files := []string{filepath.Join(model, "saved_model.pb"), filepath.Join(model, "variables", "variables.index"), foreign.Sidecar(model)}
	if foreign.IsFrozen(model) {
		files = []string{model, foreign.Sidecar(model)}
	}
	print, err := hashFiles(files...)
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
	if _, err := foreign.Adopt(context.Background(), model, dir, options); foreign.NeedsOption(err) {
		return "", fmt.Errorf("%w\nThese are options of \"oscar adopt\", which keeps them in %s for all verbs if it has --save", err, foreign.Sidecar(model))
	} else if err != nil {
		return "", err
	}
	return dir, nil
}

// ParseImageSize reads "224x224", or "224" for a square.
func ParseImageSize(text string) (height, width int, err error) { return foreign.ParseSize(text) }
