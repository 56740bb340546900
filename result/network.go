package result

// NetworkFile is the file of a network's description in a run folder.
const NetworkFile = "network.json"

// Network describes a network: its layers and its memory. Older run folders do not have this file.
type Network struct {
	Name       string        `json:"name"`
	Input      []int         `json:"input"`   // [height, width, channels]
	Explain    string        `json:"explain"` // layer of explanations by default
	Layers     []Layer       `json:"layers"`  // in the order of the forward pass
	Parameters int           `json:"parameters"`
	Frozen     int           `json:"frozen"` // parameters that are not trained
	Memory     NetworkMemory `json:"memory"`
}

// Layer is a line of the table of layers.
type Layer struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Output     []int  `json:"output"` // shape for one example
	Parameters int    `json:"parameters"`
	Frozen     int    `json:"frozen,omitempty"`
}

// NetworkMemory is the forecast of a training step and of prediction, in bytes.
type NetworkMemory struct {
	Memory
	Batch     int   `json:"batch"` // images of the training step
	Inference int64 `json:"inference"`
}
