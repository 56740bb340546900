package machine

import (
	"runtime"
	"slices"
	"testing"
)

func TestMemoryHoldsThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc/meminfo")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if got := Memory(); got < int64(m.Sys) || got > 1<<46 {
		t.Errorf("the machine has %d bytes; this process alone has %d", got, m.Sys)
	}
}

func TestGiB(t *testing.T) {
	if got := GiB(5 << 29); got != "2.5 GiB" {
		t.Errorf("got %q", got)
	}
}

func TestLimitFilesAreThoseOfTheGroupAndAbove(t *testing.T) {
	root := []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}
	for groups, want := range map[string][]string{
		"":                             root,
		"0::/\n":                       root,
		"0::/user.slice/run-1.scope\n": {"/sys/fs/cgroup/user.slice/run-1.scope/memory.max", "/sys/fs/cgroup/user.slice/memory.max", root[0], root[1]},
		"5:cpu:/a\n4:hugetlb,memory:/job:1\nbroken\n": {"/sys/fs/cgroup/memory/job:1/memory.limit_in_bytes", root[1], root[0]},
		"0::/../../etc\n": {"/sys/fs/cgroup/etc/memory.max", root[0], root[1]},
	} {
		if got := limitFiles(groups); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", groups, got, want)
		}
	}
}
