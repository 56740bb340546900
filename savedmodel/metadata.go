package savedmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oscar/internal/jsonerror"
	"oscar/internal/named"
	"oscar/internal/paths"
)

// MetadataFile is the path of the metadata in a model's folder.
const MetadataFile = "assets.extra/oscar.json"

// Metadata is what oscar needs to know of a model besides its graph.
type Metadata struct {
	Format     int      `json:"format"` // of the file: 1
	Model      string   `json:"model"`  // the architecture's name
	Classes    []string `json:"classes"`
	Image      Image    `json:"image"`
	Layers     []Layer  `json:"layers"`
	Explain    string   `json:"explain"` // the layer that the gradcam signature explains
	Parameters int      `json:"parameters"`
	// MultiLabel is set for several labels per image.
	MultiLabel *MultiLabel     `json:"multi_label,omitempty"`
	SplitHash  string          `json:"split_hash,omitempty"`
	Experiment json.RawMessage `json:"experiment,omitempty"`
	// WeightsSHA256 identifies the weights of another program that the model has.
	WeightsSHA256 string  `json:"weights_sha256,omitempty"`
	Origin        *Origin `json:"origin,omitempty"` // of an adopted model
	// Temperature divides the logits of a calibrated model, see [Calibrate]; 0: not calibrated.
	Temperature float64 `json:"temperature,omitempty"`
	// Steps has the number of points of each signature with an integral, as integrated gradients.
	Steps    map[string]int    `json:"steps,omitempty"`
	Versions map[string]string `json:"versions"`
}

// setSteps records the steps of a signature. The map is copied, since copies of the metadata share it.
func (m *Metadata) setSteps(signature string, steps int) {
	all := map[string]int{}
	maps.Copy(all, m.Steps)
	all[signature] = steps
	m.Steps = all
}

// MultiLabel has the minimum probability of each class's label.
type MultiLabel struct {
	Thresholds []float64 `json:"thresholds"` // one per class
}

// Image describes the preprocessing of the input. An image is decoded to RGB, rotated by its EXIF
// orientation, composited over white if transparent, and resized. Values are 0..255.
type Image struct {
	Height        int    `json:"height"`
	Width         int    `json:"width"`
	Channels      string `json:"channels"` // "RGB"
	Range         string `json:"range"`    // "0..255"
	Orientation   string `json:"orientation"`
	Interpolation string `json:"interpolation"`    // as in github.com/nfnt/resize
	Aspect        string `json:"aspect,omitempty"` // a name of dataset.Aspects; "": stretch
	Padding       int    `json:"padding,omitempty"`
	Decoder       string `json:"decoder"`
}

// Layer is a row of the model's table of layers.
type Layer struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Output      []int  `json:"output"`                // shape for one example
	Explainable bool   `json:"explainable,omitempty"` // the output is a map [height,width,channels]
	Parameters  int    `json:"parameters"`
	Frozen      int    `json:"frozen,omitempty"` // parameters that are not trained
	Tensor      string `json:"tensor"`           // name of the output tensor
	Feature     string `json:"feature"`          // the tensor that explanations use: the output, or that of the activation after the layer
}

func readMetadata(dir string) (*Metadata, error) {
	path := filepath.Join(dir, MetadataFile)
	b, err := paths.ReadRecord(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s has no %s: it was not exported by oscar; want a run folder or what \"oscar export\" wrote", dir, MetadataFile)
	} else if err != nil {
		return nil, err
	}
	m := &Metadata{}
	if err := jsonerror.Plain(json.Unmarshal(b, m)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Format != 1 {
		return nil, fmt.Errorf("%s: format %d, this oscar reads 1", path, m.Format)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.complete()
	return m, nil
}

// The maximum side of an image, and the maximum size of a layer's output or parameters.
const (
	maxSide = 1 << 16
	maxSize = 1 << 40
)

// check returns an error for the first invalid value. It is strict about classes and layers, because
// files of results are named after them.
func (m *Metadata) check() error {
	for _, side := range []struct {
		name  string
		value int
	}{{"height", m.Image.Height}, {"width", m.Image.Width}} {
		if side.value < 1 || side.value > maxSide {
			return fmt.Errorf("image.%s is %d, want 1 to %d", side.name, side.value, maxSide)
		}
	}
	if t := m.Temperature; t != 0 && (!(t >= 1e-6) || t > 1e6) {
		return fmt.Errorf("temperature is %g, want 1e-6 to 1e6", t)
	}
	if len(m.Classes) == 0 {
		return errors.New("classes is empty")
	}
	classes := map[string]bool{}
	for _, name := range m.Classes {
		if err := paths.CheckLocal(name); err != nil {
			return fmt.Errorf("classes, which name files: %w", err)
		}
		if classes[name] {
			return fmt.Errorf("class %q is named twice", name)
		}
		classes[name] = true
	}
	if l := m.MultiLabel; l != nil {
		if len(l.Thresholds) != len(m.Classes) {
			return fmt.Errorf("multi_label has %d thresholds for %d classes", len(l.Thresholds), len(m.Classes))
		}
		for i, t := range l.Thresholds {
			if !(t >= 0 && t <= 1) { // also refuses NaN
				return fmt.Errorf("multi_label: the threshold of %s is %g, want 0 to 1", m.Classes[i], t)
			}
		}
	}
	for _, l := range m.Layers {
		if err := paths.CheckLocal(l.Name); err != nil {
			return fmt.Errorf("layers, which name files: %w", err)
		}
		if l.Parameters < 0 || l.Parameters > maxSize || l.Frozen < 0 || l.Frozen > l.Parameters {
			return fmt.Errorf("layer %q has %d parameters, %d of them frozen; want 0 to %d", l.Name, l.Parameters, l.Frozen, maxSize)
		}
		size := 1
		for _, n := range l.Output {
			if n < 1 || n > maxSize/size {
				return fmt.Errorf("layer %q has the output %v, want sizes from 1 to %d values in all", l.Name, l.Output, maxSize)
			}
			size *= n
		}
	}
	return nil
}

// complete sets Explainable in models of older versions, and clears it for outputs that are not
// maps.
func (m *Metadata) complete() {
	marked := slices.ContainsFunc(m.Layers, func(l Layer) bool { return l.Explainable })
	for i, l := range m.Layers {
		m.Layers[i].Explainable = len(l.Output) == 3 && (l.Explainable || !marked)
	}
}

// layer returns an explainable layer. The error lists the explainable layers.
func (m *Metadata) layer(name string) (Layer, error) {
	var maps []string
	for _, l := range m.Layers {
		if l.Explainable {
			if l.Name == name {
				return l, nil
			}
			maps = append(maps, l.Name)
		}
	}
	for _, l := range m.Layers {
		if l.Name == name {
			return l, fmt.Errorf("layer %q gives %v, not a map [height,width,channels]; have %s", name, l.Output, strings.Join(maps, ", "))
		}
	}
	return Layer{}, named.Unknown("layer", name, maps)
}

// Class returns the index of a class; the error lists the classes.
func (m *Metadata) Class(name string) (int, error) {
	return max(slices.Index(m.Classes, name), 0), named.Check("class", name, m.Classes)
}

// Unnamed reports whether the classes are only numbered. This is possible for adopted models and for
// another program's weights. A run has the class names of its data.
func (m *Metadata) Unnamed() bool {
	if m.Origin == nil && m.WeightsSHA256 == "" || m.SplitHash != "" {
		return false
	}
	for i, class := range m.Classes {
		if class != strconv.Itoa(i) {
			return false
		}
	}
	return true
}
