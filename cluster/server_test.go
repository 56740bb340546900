package cluster_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"oscar/cluster"
	"oscar/cluster/clustertest"
	"oscar/internal/machine"
)

// listening returns the local addresses, as the kernel writes them, of a process's listening
// sockets.
func listening(t *testing.T, pid int) (addresses []string) {
	t.Helper()
	sockets := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			sockets[strings.Trim(to, "socket:[]")] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && sockets[f[9]] {
				addresses = append(addresses, f[1])
			}
		}
	}
	return addresses
}

// TestListensOnOneAddress asks the kernel, since TensorFlow itself listens on all interfaces.
func TestListensOnOneAddress(t *testing.T) {
	s := clustertest.Start(t, 1)
	_, port, err := net.SplitHostPort(s.Addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	got := listening(t, s.PID(0))
	want := []string{fmt.Sprintf("0100007F:%04X", number), fmt.Sprintf("0000000000000000FFFF00000100007F:%04X", number)}
	if len(got) != 1 || got[0] != want[0] && got[0] != want[1] {
		t.Errorf("it listens on %v, want one of %v", got, want)
	}
}

func TestServeRefusals(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for address, want := range map[string]string{
		taken:             "cannot listen on " + taken + ": address already in use",
		"7701":            "is not an address",
		":7701":           "names no host; want 127.0.0.1:PORT, or 0.0.0.0:PORT for all networks",
		"127.0.0.1:-1":    `has port "-1", want 0 to 65535`,
		"192.0.2.1:7701":  "cannot listen on 192.0.2.1:7701: cannot assign requested address",
		"127.0.0.1:77010": "want 0 to 65535",
	} {
		if _, err := cluster.Serve(address, machine.Threads{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

func TestJoinSaysWhoDoesNotAnswer(t *testing.T) {
	s := clustertest.Start(t, 2)
	var notes []string
	onNote := func() {}
	join := func(ctx context.Context, o cluster.Options) (int, error) {
		notes = nil
		o.Spec = s.Spec()
		on, err := o.Join(ctx, machine.Threads{Intra: 1}, func(note string) {
			notes = append(notes, note)
			onNote()
		})
		if err != nil {
			return 0, err
		}
		return len(on.Workers), nil
	}
	if n, err := join(t.Context(), cluster.Options{}); n != 2 || err != nil || notes != nil {
		t.Errorf("%d workers, %v, notes %q", n, err, notes)
	}
	s.Stop(1)
	if _, err := join(t.Context(), cluster.Options{}); err == nil || !strings.Contains(err.Error(), "worker 1, "+s.Addresses[1]+", accepts connections and does not answer within") {
		t.Errorf("a stopped worker: %v", err)
	}
	s.Continue(1)
	s.Kill(0)
	if _, err := join(t.Context(), cluster.Options{}); err == nil || err.Error() != "worker 0, "+s.Addresses[0]+", does not answer: connection refused; start oscar tf-server there" {
		t.Errorf("a killed worker: %v", err)
	}
	if n, err := join(t.Context(), cluster.Options{Least: 1}); n != 1 || err != nil || len(notes) != 1 || !strings.HasSuffix(notes[0], "connection refused; going on with 1 of 2 workers") {
		t.Errorf("%d workers, %v, notes %q", n, err, notes)
	}
	ctx, cancel := context.WithCancel(t.Context())
	onNote = cancel
	if _, err := join(ctx, cluster.Options{Wait: time.Hour}); err != context.Canceled {
		t.Errorf("a canceled wait: %v", err)
	}
	onNote = func() { s.Restart(0) }
	if n, err := join(t.Context(), cluster.Options{Wait: time.Hour}); n != 2 || err != nil || len(notes) != 1 {
		t.Errorf("%d workers, %v, notes %q", n, err, notes)
	}
}

// TestJoinRefusesWorkersWithoutBFloat16 has a server that says that its processor lacks it.
func TestJoinRefusesWorkersWithoutBFloat16(t *testing.T) {
	t.Setenv(clustertest.WithoutBFloat16, "1")
	s := clustertest.Start(t, 1)
	for precision, want := range map[machine.Precision]string{
		machine.Float32:  "<nil>",
		machine.BFloat16: "worker 0, " + s.Addresses[0] + ", has no instructions for bfloat16 (AVX512_BF16 or AMX), the precision of the training; name another worker",
	} {
		o := cluster.Options{Spec: s.Spec(), Precision: precision}
		if _, err := o.Join(t.Context(), machine.Threads{Intra: 1}, func(string) {}); fmt.Sprint(err) != want {
			t.Errorf("%s: %v, want %s", precision, err, want)
		}
	}
}

func TestOptionsCheck(t *testing.T) {
	spec := &cluster.Spec{Workers: []string{"a:1", "b:1"}}
	for want, o := range map[string]cluster.Options{
		"step-timeout is 1ns, want at least 1ms":                     {Spec: spec, StepTimeout: 1},
		"worker-wait is -1s, want 0 or more":                         {Spec: spec, Wait: -time.Second},
		"min-workers is 3, want 1 to 2, the workers of the cluster":  {Spec: spec, Least: 3},
		"min-workers is -1, want 1 to 2, the workers of the cluster": {Spec: spec, Least: -1},
	} {
		if err := o.Check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
