package pipeline

import (
	"encoding/json"

	"oscar/experiment"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
	"oscar/tfmodel"
)

// Origin says where an adopted model is from, and what was seen in it.
type Origin = savedmodel.Origin

// Inspection is what can be said of a model without running it.
type Inspection struct {
	Model      string             `json:"model"`
	Classes    []string           `json:"classes"`
	Image      savedmodel.Image   `json:"image"`
	Layers     []savedmodel.Layer `json:"layers"`
	Parameters int                `json:"parameters"`
	Frozen     int                `json:"frozen"` // of them not trained
	Explain    string             `json:"explain"`
	Signatures []string           `json:"signatures"`
	Memory     tfmodel.Memory     `json:"memory"`
	Origin     *savedmodel.Origin `json:"origin,omitempty"` // of an adopted model
	Versions   map[string]string  `json:"versions"`
	// Reaching are the types of operations by which the model can reach files, the
	// network, Python or code of others: it is opened with trust alone.
	Reaching []string `json:"reaching"`
}

// Inspect describes a run's or a SavedModel's model, with a forecast of the
// memory that a batch takes. Trust is as of [Machine], for a model of other origin.
func Inspect(model string, batch int, trust bool) (*Inspection, error) {
	dir, err := modelDir(model, trust)
	if err != nil {
		return nil, err
	}
	meta, signatures, err := savedmodel.Describe(dir)
	if err != nil {
		return nil, err
	}
	var memory tfmodel.Memory // of an adopted model nothing is known
	if len(meta.Experiment) > 0 {
		var e experiment.Experiment
		if err := json.Unmarshal(meta.Experiment, &e); err != nil {
			return nil, err
		}
		if memory, err = e.Architecture.Memory(batch, e.Training.Learning()); err != nil {
			return nil, err
		}
	}
	i := &Inspection{
		Model: meta.Model, Classes: meta.Classes, Image: meta.Image, Layers: meta.Layers, Parameters: meta.Parameters,
		Explain: meta.Explain, Signatures: signatures, Memory: memory, Versions: meta.Versions, Origin: meta.Origin,
	}
	if i.Reaching, err = foreign.Suspicious(dir); err != nil {
		return nil, err
	}
	for _, l := range meta.Layers {
		i.Frozen += l.Frozen
	}
	return i, nil
}
