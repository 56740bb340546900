package study

import (
	"fmt"

	"oscar/experiment"
	"oscar/internal/machine"
	"oscar/result"
	"oscar/tfmodel"
)

// memoryShare is the share of the machine's memory that a training run may need. The rest is for
// images, the program and the system.
const memoryShare = 0.9

// forecast returns the memory that training needs, in bytes.
func forecast(e experiment.Experiment) (result.Memory, error) {
	m, err := e.Architecture.Memory(e.Training.Batch, e.Training.Learning())
	return result.Memory{
		Weights: m.Weights, Gradients: m.Gradients, Optimizer: m.Optimizer, Activations: m.Activations, Overhead: m.Overhead, Training: m.Training,
	}, err
}

// tooLarge returns the reason why training does not fit into the machine's memory in bytes. It
// returns "" if training fits, or if memory is 0 (unknown).
func tooLarge(a tfmodel.Architecture, m result.Memory, memory int64) string {
	if memory == 0 || float64(m.Training) <= memoryShare*float64(memory) {
		return ""
	}
	most := tfmodel.Row{}
	if rows, err := a.Summary(); err == nil {
		for _, row := range rows {
			if row.Parameters > most.Parameters {
				most = row
			}
		}
	}
	return fmt.Sprintf("training takes %s (weights %s, gradients %s, optimizer %s, activations %s, overhead %s), and nine tenths of this machine's %s are %s; %s has %d million weights",
		machine.GiB(m.Training), machine.GiB(m.Weights), machine.GiB(m.Gradients), machine.GiB(m.Optimizer), machine.GiB(m.Activations), machine.GiB(m.Overhead), machine.GiB(memory), machine.GiB(int64(memoryShare*float64(memory))),
		most.Name, most.Parameters/1_000_000)
}

// imageCost returns the cost of training on one image in multiply-adds: one per weight and position,
// times three for forward and backward pass.
func imageCost(a tfmodel.Architecture) float64 {
	rows, err := a.Summary()
	if err != nil {
		return 0
	}
	sum := 0.0
	for _, row := range rows {
		places := 1
		if len(row.Output) == 3 {
			places = row.Output[0] * row.Output[1]
		}
		sum += 3 * float64(row.Parameters) * float64(places)
	}
	return sum
}
