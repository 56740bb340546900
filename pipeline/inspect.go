package pipeline

import (
	"encoding/json"

	"oscar/experiment"
	"oscar/internal/jsonerror"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
	"oscar/tfmodel"
)

// Origin describes the source of an adopted model.
type Origin = savedmodel.Origin

// MultiLabel has the thresholds of a model with several labels per image.
type MultiLabel = savedmodel.MultiLabel

// Inspection describes a model without running it.
type Inspection struct {
	Model      string             `json:"model"`
	Classes    []string           `json:"classes"`
	Image      savedmodel.Image   `json:"image"`
	Layers     []savedmodel.Layer `json:"layers"`
	Parameters int                `json:"parameters"`
	Frozen     int                `json:"frozen"` // parameters that are not trained, included in Parameters
	Explain    string             `json:"explain"`
	Signatures []string           `json:"signatures"`
	Memory     tfmodel.Memory     `json:"memory"`
	Origin     *savedmodel.Origin `json:"origin,omitempty"` // nil unless the model was adopted
	Versions   map[string]string  `json:"versions"`
	// Temperature divides the logits of a calibrated model; 0: the model is not calibrated.
	Temperature float64     `json:"temperature,omitempty"`
	MultiLabel  *MultiLabel `json:"multi_label,omitempty"`
	// Reaching lists the types of operations with which the model can reach files, the network, Python
	// or foreign code. If it is not empty, the model opens only with Trust.
	Reaching []string `json:"reaching"`
}

// Inspect describes the model of a run or a SavedModel, with a forecast of the memory
// for a batch. For trust see [Machine].
func Inspect(model string, batch int, trust bool) (*Inspection, error) {
	dir, err := modelDir(model, trust)
	if err != nil {
		return nil, err
	}
	meta, signatures, err := savedmodel.Describe(dir)
	if err != nil {
		return nil, err
	}
	var memory tfmodel.Memory // zero for an adopted model, which has no forecast
	if len(meta.Experiment) > 0 {
		var e experiment.Experiment
		if err := jsonerror.Plain(json.Unmarshal(meta.Experiment, &e)); err != nil {
			return nil, err
		}
		if memory, err = e.Architecture.Memory(batch, e.Training.Learning()); err != nil {
			return nil, err
		}
	}
	i := &Inspection{
		Model: meta.Model, Classes: meta.Classes, Image: meta.Image, Layers: meta.Layers, Parameters: meta.Parameters,
		Explain: meta.Explain, Signatures: signatures, Memory: memory, Versions: meta.Versions, Origin: meta.Origin, Temperature: meta.Temperature,
		MultiLabel: meta.MultiLabel,
	}
	if i.Reaching, err = foreign.Suspicious(dir); err != nil {
		return nil, err
	}
	for _, l := range meta.Layers {
		i.Frozen += l.Frozen
	}
	return i, nil
}
