package pipeline

import (
	"fmt"

	"oscar/internal/machine"
	"oscar/internal/text"
	"oscar/tfmodel"
)

// fits compares the forecast of a training with the machine's memory, in bytes.
// What the weights, their gradients and the optimiser take, whatever the batch,
// has to fit; if the rest does not, the training may still do, slowly, and a
// note says so.
func (e Experiment) fits(memory int64) (note string, err error) {
	m, err := e.Architecture.Memory(e.Training.Batch)
	if err != nil || memory == 0 {
		return "", err
	}
	if fixed := m.Weights + m.Gradients + m.Optimizer; fixed > memory {
		return "", fmt.Errorf("training %s takes %s for weights, gradients and optimiser alone, and this machine has %s; take a smaller network: %s",
			e.Architecture.Name, machine.GiB(fixed), machine.GiB(memory), largest(e.Architecture))
	}
	if m.Training > memory {
		return fmt.Sprintf("a step of %s takes about %s, and this machine has %s: a smaller batch, as --batch %d, takes less",
			text.Count(e.Training.Batch, "image"), machine.GiB(m.Training), machine.GiB(memory), max(1, e.Training.Batch/2)), nil
	}
	return "", nil
}

// warn notes what this machine will hardly hold, and refuses what it cannot.
func (e Experiment) warn(listener Listener) error {
	note, err := e.fits(machine.Memory())
	if note != "" {
		listener.note(note)
	}
	return err
}

// largest tells where most of the weights are.
func largest(a tfmodel.Architecture) string {
	rows, err := a.Summary()
	if err != nil || len(rows) == 0 {
		return a.Name
	}
	most := rows[0]
	for _, row := range rows {
		if row.Parameters > most.Parameters {
			most = row
		}
	}
	return fmt.Sprintf("%s has %d million weights", most.Name, most.Parameters/1e6)
}
