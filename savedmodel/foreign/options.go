package foreign

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/internal/named"
)

// Options are properties of a model that its files do not state.
type Options struct {
	Signature string `yaml:"signature,omitempty" json:"signature,omitempty"` // empty: serving_default, or the only one that takes an image
	Output    string `yaml:"output,omitempty" json:"output,omitempty"`       // of the signature; empty: the only one
	Image     Image  `yaml:"image,omitempty" json:"image,omitzero"`
	// Classes are the names in the order of the outputs; if empty, "0", "1", ...
	Classes []string `yaml:"classes,omitempty" json:"classes,omitempty"`
	// Explain is the layer that is explained by default; if empty, the last one with a map.
	Explain string `yaml:"explain,omitempty" json:"explain,omitempty"`
	// Tokens is the grid of a transformer's tokens, "14x14"; if empty, it is a square.
	Tokens string `yaml:"tokens,omitempty" json:"tokens,omitempty"`
	// TrainingGraph accepts a graph exported in training mode.
	TrainingGraph bool `yaml:"training_graph,omitempty" json:"training_graph,omitempty"`
	// OneClass means that an image has one class although each output has a sigmoid.
	OneClass bool `yaml:"one_class,omitempty" json:"one_class,omitempty"`
	// Trust allows operations that use files, the network or other programs. It is not read from a
	// file, because the file can come with the model.
	Trust bool `yaml:"-" json:"-"`
	// Tried means that Image.Scale was found by trying scales on labeled images.
	Tried bool `yaml:"-" json:"-"`
}

// Image describes how an image is converted to the model's input.
type Image struct {
	Height int `yaml:"height,omitempty" json:"height,omitempty"` // used if the model accepts several sizes
	Width  int `yaml:"width,omitempty" json:"width,omitempty"`
	// Scale is a name of [Scalings]. If it is empty, the graph must scale pixels of 0..255 itself.
	Scale         string `yaml:"scale,omitempty" json:"scale,omitempty"`
	Channels      string `yaml:"channels,omitempty" json:"channels,omitempty"`           // RGB (default) or BGR
	Interpolation string `yaml:"interpolation,omitempty" json:"interpolation,omitempty"` // default: bilinear
	Aspect        string `yaml:"aspect,omitempty" json:"aspect,omitempty"`               // default: stretch
	Padding       int    `yaml:"padding,omitempty" json:"padding,omitempty"`             // gray level of letterbox's bars
}

// Over returns o, with the values of base where o has none.
func (o Options) Over(base Options) Options {
	set(&o.Signature, base.Signature)
	set(&o.Output, base.Output)
	set(&o.Image.Height, base.Image.Height)
	set(&o.Image.Width, base.Image.Width)
	set(&o.Image.Scale, base.Image.Scale)
	set(&o.Image.Channels, base.Image.Channels)
	set(&o.Image.Interpolation, base.Image.Interpolation)
	if o.Image.Aspect == "" { // aspect and padding belong together
		o.Image.Aspect = base.Image.Aspect
		set(&o.Image.Padding, base.Image.Padding)
	}
	set(&o.Explain, base.Explain)
	set(&o.Tokens, base.Tokens)
	set(&o.TrainingGraph, base.TrainingGraph)
	set(&o.OneClass, base.OneClass)
	set(&o.Trust, base.Trust)
	if o.Classes == nil {
		o.Classes = base.Classes
	}
	return o
}

func set[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Check returns an error for options that are invalid for every model.
func (o Options) Check() error {
	if o.Image.Height < 0 || o.Image.Width < 0 || (o.Image.Height == 0) != (o.Image.Width == 0) {
		return fmt.Errorf("an image of %d x %d; want height and width, or neither", o.Image.Height, o.Image.Width)
	}
	if _, err := lookupScaling(o.Image.Scale); o.Image.Scale != "" && err != nil {
		return err
	}
	if c := o.Image.Channels; c != "" && c != "RGB" && c != "BGR" {
		return fmt.Errorf("channels are %q; have RGB, BGR", c)
	}
	if o.Image.Interpolation != "" {
		if _, err := dataset.ParseInterpolation(o.Image.Interpolation); err != nil {
			return err
		}
	}
	if err := dataset.CheckAspect(dataset.Aspect(o.Image.Aspect), o.Image.Padding); err != nil {
		return err
	}
	for i, c := range o.Classes {
		if c == "" || strings.ContainsAny(c, "/\\\n\x00") {
			return fmt.Errorf("class %d is called %q; want a name that a folder can have", i, c)
		}
		if slices.Index(o.Classes, c) != i {
			return fmt.Errorf("two classes are called %q", c)
		}
	}
	if o.Tokens != "" {
		if _, _, err := ParseSize(o.Tokens); err != nil {
			return fmt.Errorf("tokens: %w", err)
		}
	}
	return nil
}

// ParseSize parses "224x224", or "224" for a square.
func ParseSize(text string) (height, width int, err error) {
	rows, columns, two := strings.Cut(text, "x")
	if !two {
		columns = rows
	}
	if _, err := fmt.Sscanf(rows+" "+columns+"\n", "%d %d\n", &height, &width); err != nil || height < 1 || width < 1 || height > 1<<14 || width > 1<<14 {
		return 0, 0, fmt.Errorf("size %q; want HEIGHTxWIDTH, as 224x224", text)
	}
	return height, width, nil
}

// Scaling is the model's conversion of pixels: (x / By - Mean) / Std for each channel.
type Scaling struct {
	Name string
	By   float32
	Mean [3]float32 // in the order of the model's channels
	Std  [3]float32
	BGR  bool // channels in the order blue, green, red
}

// Scalings are the common scalings.
var Scalings = []Scaling{
	{Name: "0..255", By: 1, Std: one},
	{Name: "0..1", By: 255, Std: one},
	{Name: "-1..1", By: 127.5, Mean: one, Std: one},
	{Name: "torch", By: 255, Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225}},
	{Name: "caffe", By: 1, Mean: [3]float32{103.939, 116.779, 123.68}, Std: one, BGR: true},
}

var one = [3]float32{1, 1, 1}

// optionError is an error that another value of [Options] resolves.
type optionError struct{ error }

func (e optionError) Unwrap() error { return e.error }

// needsOption is fmt.Errorf for an [optionError].
func needsOption(format string, args ...any) error {
	return optionError{fmt.Errorf(format, args...)}
}

// NeedsOption reports whether another value of [Options] resolves an error of [Adopt].
func NeedsOption(err error) bool {
	_, ok := errors.AsType[optionError](err)
	return ok
}

func lookupScaling(name string) (Scaling, error) {
	return named.Find("input scale", name, Scalings, func(s Scaling) string { return s.Name })
}
