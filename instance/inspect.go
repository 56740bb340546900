package instance

import (
	"fmt"

	"oscar/instance/maskrcnn"
	"oscar/internal/checkpoint"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Tensor is an input or output of a signature.
type Tensor = savedmodel.OfferedTensor

// Inspection describes a detector without running it.
type Inspection struct {
	Task       string             `json:"task"`
	Model      string             `json:"model"`
	Epoch      int                `json:"epoch"` // of the best weights; 0: none yet, or an exported model
	Classes    []string           `json:"classes"`
	Input      tfmodel.Shape      `json:"input"`
	Parameters int                `json:"parameters"`
	Parts      []maskrcnn.Part    `json:"parts"`
	Levels     []maskrcnn.Level   `json:"levels"`
	Ratios     []float64          `json:"ratios"` // of the anchors' sides, height / width
	Regions    maskrcnn.Regions   `json:"regions"`
	Layers     []InspectedLayer   `json:"layers"` // of the backbone
	Explain    string             `json:"explain"`
	Batch      int                `json:"batch"`
	Memory     int64              `json:"memory"`               // forecast for training with that batch size, in bytes
	Signatures []savedmodel.Offer `json:"signatures,omitempty"` // of an exported model
	Versions   map[string]string  `json:"versions,omitempty"`   // the same
}

// InspectedLayer is a layer of the backbone.
type InspectedLayer struct {
	tfmodel.Row
	Explainable bool `json:"explainable"`
}

// Inspect describes a run or an exported model, and forecasts the memory of training with a batch
// size. Batch 0 means the run's batch size.
func Inspect(dir string, batch int) (*Inspection, error) {
	r, err := openModel(dir)
	if err != nil {
		return nil, err
	}
	e := r.Experiment
	a := e.Detector
	if batch == 0 {
		batch = e.Training.Batch
	}
	i := &Inspection{
		Task: Task, Model: a.Name, Classes: e.Data.Classes, Input: a.Input, Ratios: a.Anchors.Ratios, Regions: a.Regions, Explain: e.Explain, Batch: batch,
	}
	if i.Parts, err = a.Parts(); err != nil {
		return nil, err
	}
	for _, p := range i.Parts {
		i.Parameters += p.Parameters
	}
	if i.Levels, err = a.Levels(); err != nil {
		return nil, err
	}
	rows, err := a.BackboneLayers()
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		i.Layers = append(i.Layers, InspectedLayer{row, len(row.Output) == 3})
	}
	memory, err := a.Memory(batch, e.Data.Objects)
	if err != nil {
		return nil, err
	}
	i.Memory = int64(memory)
	if !IsExport(dir) {
		names, err := r.checkpoints(checkpoint.Bests)
		if len(names) > 0 {
			_, err = fmt.Sscanf(names[len(names)-1], "best-%d", &i.Epoch)
		}
		return i, err
	}
	if i.Signatures, err = savedmodel.Offers(dir); err != nil {
		return nil, err
	}
	meta, _, err := savedmodel.Describe(dir)
	i.Versions = meta.Versions
	return i, err
}
