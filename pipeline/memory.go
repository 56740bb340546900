package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

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
			e.Architecture.Name, gibibytes(fixed), gibibytes(memory), largest(e.Architecture))
	}
	if m.Training > memory {
		return fmt.Sprintf("a step of %s takes about %s, and this machine has %s: a smaller batch, as --batch %d, takes less",
			count(e.Training.Batch, "image"), gibibytes(m.Training), gibibytes(memory), max(1, e.Training.Batch/2)), nil
	}
	return "", nil
}

// warn notes what this machine will hardly hold, and refuses what it cannot.
func (e Experiment) warn(listener Listener) error {
	note, err := e.fits(machineMemory())
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

func gibibytes(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

// machineMemory is how much this process may hold, in bytes; 0: unknown.
func machineMemory() int64 {
	var memory int64
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range bytes.Lines(b) {
			var kib int64
			if _, err := fmt.Sscanf(string(line), "MemTotal: %d kB", &kib); err == nil {
				memory = kib << 10
			}
		}
	}
	// A container may be given less.
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64); err == nil && limit > 0 {
			memory = min(memory, limit)
		}
	}
	return memory
}
