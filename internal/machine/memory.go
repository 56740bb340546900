// Package machine says what the machine has.
package machine

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// GiB writes bytes as "2.1 GiB".
func GiB(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

// Memory is what this process may hold, in bytes; 0: unknown.
func Memory() int64 {
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
