package savedmodel

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// metadataFile is the path of the metadata in a model's folder.
const metadataFile = "assets.extra/oscar.json"

// Metadata is what oscar needs of a model in addition to its graph.
type Metadata struct {
	Format     int               `json:"format"` // of the file, 1
	Model      string            `json:"model"`  // the architecture's name
	Classes    []string          `json:"classes"`
	Image      Image             `json:"image"`
	Layers     []Layer           `json:"layers"`
	Explain    string            `json:"explain"` // the layer of the gradcam signature
	Parameters int               `json:"parameters"`
	SplitHash  string            `json:"split_hash,omitempty"`
	Experiment json.RawMessage   `json:"experiment,omitempty"`
	Origin     *Origin           `json:"origin,omitempty"` // of an adopted model
	Versions   map[string]string `json:"versions"`
}

// Image says how an image becomes the model's input: it is decoded to RGB, turned upright by
// its EXIF orientation, laid over white where it is transparent, and resized without keeping
// the aspect ratio. Values are 0..255.
type Image struct {
	Height        int    `json:"height"`
	Width         int    `json:"width"`
	Channels      string `json:"channels"` // "RGB"
	Range         string `json:"range"`    // "0..255"
	Orientation   string `json:"orientation"`
	Interpolation string `json:"interpolation"` // of github.com/nfnt/resize
	Decoder       string `json:"decoder"`
}

// Layer is a row of the model's table of layers.
type Layer struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Output      []int  `json:"output"`                // the shape of one example
	Explainable bool   `json:"explainable,omitempty"` // the output is a map [height,width,channels]
	Parameters  int    `json:"parameters"`
	Frozen      int    `json:"frozen,omitempty"` // parameters that are not trained
	Tensor      string `json:"tensor"`           // the name of its output
	Feature     string `json:"feature"`          // the tensor that explanations use: its output, or that of the activation after it
}

func readMetadata(dir string) (*Metadata, error) {
	path := filepath.Join(dir, metadataFile)
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s has no %s: it was not exported by oscar; want a run folder or what \"oscar export\" wrote", dir, metadataFile)
	} else if err != nil {
		return nil, err
	}
	m := &Metadata{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Format != 1 {
		return nil, fmt.Errorf("%s: format %d, this oscar reads 1", path, m.Format)
	}
	m.complete()
	return m, nil
}

// complete marks the explainable layers of models that were written without such marks. It
// removes marks from outputs that are no maps.
func (m *Metadata) complete() {
	marked := slices.ContainsFunc(m.Layers, func(l Layer) bool { return l.Explainable })
	for i, l := range m.Layers {
		m.Layers[i].Explainable = len(l.Output) == 3 && (l.Explainable || !marked)
	}
}

// layer returns an explainable layer. The error lists them.
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
	return Layer{}, fmt.Errorf("no layer %q; have %s", name, strings.Join(maps, ", "))
}

// Class returns the index of a class; the error lists the classes.
func (m *Metadata) Class(name string) (int, error) {
	for i, c := range m.Classes {
		if c == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no class %q; have %s", name, strings.Join(m.Classes, ", "))
}
