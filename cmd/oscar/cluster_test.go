package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oscar/internal/paths"
	"oscar/internal/testkit"
)

// clusterTries is the number of random moments at which each fault of a cluster is tried.
var clusterTries = flag.Int("cluster-tries", 1, "moments at which each fault of a cluster is tried")

// workers are the servers of a cluster on loopback.
type workers struct {
	t         *testing.T
	dir       string // of cluster.json
	addresses [2]string
	processes [2]*exec.Cmd
}

func startWorkers(t *testing.T) *workers {
	t.Helper()
	w := &workers{t: t, dir: t.TempDir(), addresses: [2]string{"127.0.0.1:0", "127.0.0.1:0"}}
	for i := range w.processes {
		w.restart(i)
	}
	b, err := json.Marshal(map[string]any{"worker": w.addresses})
	if err == nil {
		err = os.WriteFile(filepath.Join(w.dir, "cluster.json"), b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *workers) restart(i int) {
	w.t.Helper()
	cmd := exec.Command("oscar", "tf-server", "--listen", w.addresses[i], "--threads", "1", "--end-with-parent")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.processes[i] = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		w.t.Fatalf("oscar tf-server said %q: %v", line, err)
	}
	w.addresses[i] = address
}

func (w *workers) kill(i int) {
	w.processes[i].Process.Kill()
	w.processes[i].Wait()
}

// end ends the servers by SIGTERM, as a user does.
func (w *workers) end() {
	w.t.Helper()
	for i, p := range w.processes {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			w.t.Error(err)
		}
		if err := p.Wait(); err != nil {
			w.t.Errorf("server %d ended with %v after SIGTERM", i, err)
		}
	}
}

// training is an oscar train on the cluster.
type training struct {
	cmd   *exec.Cmd
	said  said
	ended chan struct{} // closed at its end
}

// said is what a process wrote so far.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// train starts a training of 72 steps of images in the folder run, or continues it.
func (w *workers) train(run string, more ...string) *training {
	w.t.Helper()
	args := []string{"train", filepath.Join(shared(w.t), "shapes", "images"), "--out", run, "--arch", "tiny", "--epochs", "12",
		"--batch", "4", "--learning-rate", "1e-3"}
	if len(more) > 0 && more[0] == "--resume" {
		args, more = []string{"train", "--resume", run}, more[1:]
	}
	args = append(args, "--threads", "1", "--maps=false", "--checkpoint-every", "4", "--cluster", filepath.Join(w.dir, "cluster.json"))
	x := &training{cmd: exec.Command("oscar", append(args, more...)...), ended: make(chan struct{})}
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	x.cmd.Stderr = &x.said
	if err := x.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		x.cmd.Wait()
		close(x.ended)
	}()
	return x
}

// until waits until something is so, or the training ends.
func (x *training) until(so func() bool) {
	for !so() {
		select {
		case <-x.ended:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// begun waits until a run can be resumed, or its training ends.
func (x *training) begun(run string) {
	x.until(func() bool { return paths.Exists(filepath.Join(run, "experiment.json")) })
}

// status waits for the end and returns the exit status, -1 after a signal.
func (x *training) status() int {
	<-x.ended
	return x.cmd.ProcessState.ExitCode()
}

// modelBytes are the exported weights of a run.
func modelBytes(t *testing.T, run string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(run, "saved_model", "variables", "variables.data-00000-of-00001"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestClusterFaults stops workers and the trainer at random moments. The run goes on and ends
// with the bits of an undisturbed one, or says in one line why it did not.
func TestClusterFaults(t *testing.T) {
	w := startWorkers(t)
	defer w.end()
	dir := t.TempDir()
	const patient = "--worker-wait=10m"
	begin := time.Now()
	whole := w.train(filepath.Join(dir, "whole"), patient)
	if status := whole.status(); status != 0 {
		t.Fatalf("status %d: %s", status, whole.said.String())
	}
	took := time.Since(begin)
	// No step of a slow machine is as long as a whole training.
	timeout := max(6*time.Second, took)
	hangs := fmt.Sprintf("--step-timeout=%s", timeout)
	want := modelBytes(t, filepath.Join(dir, "whole"))
	random := rand.New(rand.NewPCG(18, 3))
	faults := []struct {
		name   string
		strike func(run string, x *training, victim int) *training
	}{
		{"SIGKILL of a worker", func(_ string, x *training, victim int) *training {
			w.kill(victim)
			time.Sleep(time.Second)
			w.restart(victim)
			return x
		}},
		{"SIGSTOP of a worker", func(_ string, x *training, victim int) *training {
			testkit.Stop(t, w.processes[victim].Process)
			time.Sleep(timeout + 2*time.Second)
			testkit.Continue(t, w.processes[victim].Process)
			return x
		}},
		{"SIGKILL of the trainer", func(run string, x *training, _ int) *training {
			x.cmd.Process.Kill()
			switch {
			case x.status() == 0:
				return x // it had ended
			case !paths.Exists(filepath.Join(run, "experiment.json")):
				return w.train(run, patient)
			}
			return w.train(run, "--resume", patient)
		}},
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			struck, bad := 0, 0
			for try := range *clusterTries {
				run := filepath.Join(dir, fmt.Sprint(strings.ReplaceAll(fault.name, " ", "-"), try))
				x := w.train(run, patient, hangs)
				at := time.Duration(random.Int64N(int64(took)))
				time.Sleep(at)
				x = fault.strike(run, x, random.IntN(2))
				struck++
				if status := x.status(); status != 0 {
					bad++
					t.Errorf("after %s: status %d: %s", at, status, x.said.String())
				} else if modelBytes(t, run) != want {
					bad++
					t.Errorf("after %s: other weights: %s", at, x.said.String())
				}
				t.Logf("struck after %s of %s", at.Round(time.Millisecond), took.Round(time.Millisecond))
			}
			if *updateReliability {
				testkit.UpdateRows(t, reliabilityPage, "cluster", 1, [][]string{{fault.name, fmt.Sprint(struck), fmt.Sprint(struck - bad), fmt.Sprint(bad)}})
			}
		})
	}
	// stopped strikes a training until one had not ended before, continues that, and wants a model.
	stopped := func(t *testing.T, name, want string, wanted int, strike func(*training), check func(run string, x *training), more ...string) {
		for try := 0; ; try++ {
			run := filepath.Join(dir, fmt.Sprint(name, try))
			x := w.train(run, more...)
			x.begun(run)
			strike(x)
			status := x.status()
			if status == 0 {
				continue
			} else if status != wanted {
				t.Fatalf("status %d: %s", status, x.said.String())
			}
			check(run, x)
			x = w.train(run, "--resume", patient)
			if status := x.status(); status != 0 || modelBytes(t, run) != want {
				t.Errorf("after --resume: status %d, or other weights: %s", status, x.said.String())
			}
			return
		}
	}
	t.Run("worker away", func(t *testing.T) {
		away := func(x *training) {
			w.kill(1)
			<-x.ended
			w.restart(1)
		}
		stopped(t, "away", want, exitFailed, away, func(run string, x *training) {
			lines := strings.Split(strings.TrimSpace(x.said.String()), "\n")
			last := lines[len(lines)-1]
			if !strings.Contains(last, "worker 1, "+w.addresses[1]+", does not answer: connection refused; start oscar tf-server there; continue with --resume "+run) {
				t.Errorf("it says %q", last)
			}
		}, "--worker-wait=1s", hangs)
		w.kill(1)
		fewer := w.train(filepath.Join(dir, "fewer"), "--worker-wait=1s", "--min-workers", "1")
		if status := fewer.status(); status != 0 || !strings.Contains(fewer.said.String(), "going on with 1 of 2 workers") {
			t.Errorf("with --min-workers 1: status %d: %s", status, fewer.said.String())
		}
		w.restart(1)
	})
	interrupt := func(x *training) { x.cmd.Process.Signal(syscall.SIGTERM) }
	nothing := func(string, *training) {}
	t.Run("interrupted", func(t *testing.T) {
		stopped(t, "interrupted", want, exitInterrupted, interrupt, nothing, patient, hangs)
	})
	for name, flag := range map[string]string{
		"bfloat16": "--precision=bfloat16", "synchronized": "--set=training.batch_normalization=synchronized",
	} {
		t.Run(name, func(t *testing.T) {
			if name == "bfloat16" {
				testkit.BFloat16(t)
			}
			run := filepath.Join(dir, name)
			whole := w.train(run, flag, patient)
			if status := whole.status(); status != 0 {
				t.Fatalf("status %d: %s", status, whole.said.String())
			}
			if modelBytes(t, run) == want {
				t.Error("it is trained as without the setting")
			}
			stopped(t, name+"-interrupted", modelBytes(t, run), exitInterrupted, interrupt, nothing, flag, patient, hangs)
		})
	}
}
