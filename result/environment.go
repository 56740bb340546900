package result

import (
	"time"

	"oscar/internal/machine"
)

// Version is oscar's version; cmd/oscar sets it.
var Version = "devel"

// Environment describes the machine and the versions that made a result.
type Environment struct {
	Oscar      string          `json:"oscar"`
	TensorFlow string          `json:"tensorflow"`
	Graft      string          `json:"graft"`
	Go         string          `json:"go"`
	Processor  string          `json:"processor"`
	Processors int             `json:"processors"`
	Threads    machine.Threads `json:"threads"`
	// Precision is the precision of the training.
	Precision machine.Precision `json:"precision"`
	Seed      uint64            `json:"seed"`
	Started   time.Time         `json:"started"`
	// Workers is the number of workers of the cluster, 0 for a training in one process.
	Workers int `json:"workers,omitempty"`
}

// Versions returns the versions of oscar, TensorFlow, graft and Go, for a SavedModel.
func (e Environment) Versions() map[string]string {
	return map[string]string{"oscar": e.Oscar, "tensorflow": e.TensorFlow, "graft": e.Graft, "go": e.Go}
}
