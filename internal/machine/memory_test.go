package machine

import (
	"runtime"
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
