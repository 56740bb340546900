package study

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"oscar/pipeline"
	"oscar/study/result"
	"oscar/tfmodel"
)

// memoryShare is how much of the machine's memory a training's forecast may take: the
// rest is for images, the program and the machine.
const memoryShare = 0.9

// forecast is what training takes, in bytes.
func forecast(e pipeline.Experiment) (result.Memory, error) {
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
		gib(m.Training), gib(m.Weights), gib(m.Gradients), gib(m.Optimizer), gib(m.Activations), gib(m.Overhead), gib(memory), gib(int64(memoryShare*float64(memory))),
		most.Name, most.Parameters/1_000_000)
}

// gib writes bytes as "2.1 GiB".
func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

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

// machineMemory is what this process may hold, in bytes; 0: unknown.
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
		if limit, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64); err == nil && limit > 0 && (memory == 0 || limit < memory) {
			memory = limit
		}
	}
	return memory
}
