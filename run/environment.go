package run

import (
	"runtime"
	"runtime/debug"
	"time"

	"oscar/internal/graph"
	"oscar/internal/machine"
	"oscar/result"
)

// NewEnvironment returns a description of this process: processor, threads, precision and versions.
func NewEnvironment(config Config, seed uint64) result.Environment {
	return result.Environment{
		Oscar: result.Version, TensorFlow: graph.Version(), Graft: graftVersion(), Go: runtime.Version(),
		Processor: machine.Processor(), Processors: runtime.NumCPU(), Threads: config.Threads.Resolve(),
		Precision: config.Precision, Seed: seed,
		Started: time.Now().UTC().Truncate(time.Second),
	}
}

func graftVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/wamuir/graft" {
				return m.Version
			}
		}
	}
	return "unknown"
}

// TrainingEnvironment is [NewEnvironment] with the workers of the machine's cluster.
func TrainingEnvironment(m Machine, p Precision, seed uint64) result.Environment {
	e := NewEnvironment(m.Config(p), seed)
	if m.Cluster != nil {
		e.Workers = len(m.Cluster.Spec.Workers)
	}
	return e
}
