package run

import (
	"runtime"
	"runtime/debug"
	"time"

	"oscar/internal/graph"
	"oscar/internal/machine"
	"oscar/result"
)

// NewEnvironment describes this process, its processor, threads and precision.
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
