// Package clustertest starts TensorFlow servers in separate processes, for tests. If
// OSCAR_TEST_SERVER is set, a test binary that imports this package is such a server.
package clustertest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/cpu"

	"oscar/cluster"
	"oscar/internal/machine"
	"oscar/internal/testkit"
)

// WithoutBFloat16 is an environment variable. Servers started with it report that they lack bfloat16
// instructions.
const WithoutBFloat16 = "OSCAR_TEST_WITHOUT_BFLOAT16"

func init() {
	address := os.Getenv("OSCAR_TEST_SERVER")
	if address == "" {
		return
	}
	if os.Getenv(WithoutBFloat16) != "" {
		cpu.X86.HasAVX512BF16, cpu.X86.HasAMXBF16 = false, false
	}
	at, err := cluster.Serve(address, machine.Threads{Intra: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(at)
	select {}
}

// Servers are the workers of a cluster on the loopback interface, with one thread each. They end
// with the test.
type Servers struct {
	t         testing.TB
	Addresses []string
	processes []*exec.Cmd
}

// Start starts n servers.
func Start(t testing.TB, n int) *Servers {
	t.Helper()
	s := &Servers{t: t, Addresses: make([]string, n), processes: make([]*exec.Cmd, n)}
	for i := range n {
		s.Addresses[i] = "127.0.0.1:0"
		s.Restart(i)
	}
	t.Cleanup(func() {
		for i := range s.processes {
			s.Kill(i)
		}
	})
	return s
}

// Spec returns the cluster of all servers.
func (s *Servers) Spec() *cluster.Spec { return &cluster.Spec{Workers: s.Addresses} }

// Restart starts an ended server again, at the same address.
func (s *Servers) Restart(i int) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "OSCAR_TEST_SERVER="+s.Addresses[i], "TF_CPP_MIN_LOG_LEVEL=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.processes[i] = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("a server said %q: %v", line, err)
	}
	s.Addresses[i] = strings.TrimSpace(line)
}

// Continue continues a server after [Servers.Stop].
func (s *Servers) Continue(i int) {
	s.t.Helper()
	testkit.Continue(s.t, s.processes[i].Process)
}

// Stop stops a server with SIGSTOP.
func (s *Servers) Stop(i int) {
	s.t.Helper()
	testkit.Stop(s.t, s.processes[i].Process)
}

// PID returns the process id of a server.
func (s *Servers) PID(i int) int { return s.processes[i].Process.Pid }

// Kill ends a server with SIGKILL and waits for its end.
func (s *Servers) Kill(i int) {
	s.processes[i].Process.Kill()
	s.processes[i].Wait()
}
