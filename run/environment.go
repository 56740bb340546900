package run

import (
	"runtime"
	"runtime/debug"
	"time"

	"oscar/internal/graph"
	"oscar/internal/machine"
	"oscar/result"
)

// NewEnvironment describes this process.
func NewEnvironment(threads Threads, seed uint64) result.Environment {
	return result.Environment{
		Oscar: result.Version, TensorFlow: graph.Version(), Graft: graftVersion(), Go: runtime.Version(),
		Processor: machine.Processor(), Processors: runtime.NumCPU(), Threads: threads.Resolve(), Seed: seed,
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
