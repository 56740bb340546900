package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Stop stops a process with SIGSTOP and waits until all its threads have stopped, because until then
// they can still answer. [Continue] continues it.
func Stop(t testing.TB, p *os.Process) {
	t.Helper()
	signal(t, p, syscall.SIGSTOP)
	for !stands(t, p.Pid) {
		time.Sleep(time.Millisecond)
	}
}

// Continue continues a process after [Stop].
func Continue(t testing.TB, p *os.Process) {
	t.Helper()
	signal(t, p, syscall.SIGCONT)
}

func signal(t testing.TB, p *os.Process, s os.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatalf("signal to process %d: %v", p.Pid, err)
	}
}

// stands reports whether all threads of a process are stopped.
func stands(t testing.TB, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("threads of process %d: %v, %v", pid, threads, err)
	}
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			return false // the thread just ended
		}
		// PID (NAME) STATE ...
		_, state, _ := strings.Cut(string(text), ") ")
		if strings.HasPrefix(state, "Z") {
			t.Fatalf("process %d has ended", pid)
		}
		if !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}
