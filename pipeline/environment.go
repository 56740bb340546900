package pipeline

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"oscar/internal/graph"
	"oscar/result"
)

// Environment is what a result was made with.
type Environment = result.Environment

// Threads says how many threads TensorFlow uses; see [graph.Threads].
type Threads = graph.Threads

// Version is oscar's own version; cmd/oscar sets it.
var Version = "devel"

// NewEnvironment describes this process.
func NewEnvironment(threads Threads, seed uint64) Environment {
	return Environment{
		Oscar: Version, TensorFlow: graph.Version(), Graft: graftVersion(), Go: runtime.Version(),
		Processor: processor(), Processors: runtime.NumCPU(), Threads: threads.Resolve(), Seed: seed,
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

func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				return strings.Trim(name, "\t :\n")
			}
		}
	}
	return runtime.GOARCH
}

// peakMemory is the most memory the process has held, in bytes; 0: unknown.
func peakMemory() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			var kib int64
			if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
				return kib << 10
			}
		}
	}
	return 0
}
