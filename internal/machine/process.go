package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Processor returns the name of the processor, or its architecture if unknown.
func Processor() string {
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

// PeakMemory returns the peak memory of the process so far, in bytes; 0: unknown.
func PeakMemory() int64 {
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
