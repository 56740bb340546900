package study

import (
	"fmt"

	"oscar/experiment"
	"oscar/internal/machine"
	"oscar/result"
	"oscar/tfmodel"
)

// memoryShare is how much of the machine's memory a training's forecast may take: the
// rest is for images, the program and the machine.
const memoryShare = 0.9

// forecast is what training takes, in bytes.
func forecast(e experiment.Experiment) (result.Memory, error) {
	m, err := e.Architecture.Memory(e.Training.Batch)
	return result.Memory{
		Weights: m.Weights, Gradients: m.Gradients, Optimizer: m.Optimizer, Activations: m.Activations, Overhead: m.Overhead, Training: m.Training,
	}, err
}

// tooLarge says why a training does not fit; "" if it does, or if the machine's
// memory is unknown.
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
	return fmt.Sprintf("training takes %s (weights %s, gradients %s, optimiser %s, activations %s, overhead %s), and nine tenths of this machine's %s are %s; %s has %d million weights",
		machine.GiB(m.Training), machine.GiB(m.Weights), machine.GiB(m.Gradients), machine.GiB(m.Optimizer), machine.GiB(m.Activations), machine.GiB(m.Overhead), machine.GiB(memory), machine.GiB(int64(memoryShare*float64(memory))),
		most.Name, most.Parameters/1_000_000)
}

// work is how much an image costs in training, in multiply-adds: for each weight
// one at each place where it is used, three times for the way there and back.
func work(a tfmodel.Architecture) float64 {
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
