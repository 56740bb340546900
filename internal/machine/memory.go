// Package machine describes the processor, memory and threads of the machine.
package machine

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// GiB formats bytes, such as "2.1 GiB".
func GiB(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

// Memory returns the memory that this process may use, in bytes; 0: unknown.
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
	// The limit of a container, or of the process's control group, may be lower.
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for _, file := range limitFiles(string(groups)) {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64); err == nil && limit > 0 && (memory == 0 || limit < memory) {
			memory = limit
		}
	}
	return memory
}

// limitFiles returns the files with the memory limits of the control groups in /proc/self/cgroup,
// and of their parents; each limits the groups below it. The root's files come last, because in a
// container the group's name may be the host's.
func limitFiles(groups string) (files []string) {
	add := func(mount, group, file string) {
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			if name := path.Join(mount, group, file); !slices.Contains(files, name) {
				files = append(files, name)
			}
			if group == "/" {
				return
			}
		}
	}
	const v2, v1 = "/sys/fs/cgroup", "/sys/fs/cgroup/memory"
	for line := range strings.Lines(groups) { // number:controllers:group
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		switch {
		case len(parts) < 3:
		case parts[1] == "":
			add(v2, parts[2], "memory.max")
		case slices.Contains(strings.Split(parts[1], ","), "memory"):
			add(v1, parts[2], "memory.limit_in_bytes")
		}
	}
	add(v2, "/", "memory.max")
	add(v1, "/", "memory.limit_in_bytes")
	return files
}
