package study

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"oscar/internal/paths"
	"oscar/pipeline"
)

// process trains a run in its own process. Then the peak memory is the run's alone, because
// TensorFlow's allocator does not return memory to the system. If the system kills the process for
// lack of memory, the study continues.
type process struct {
	command []string
	machine pipeline.Machine
	note    func(string)
}

// every is the interval of reading a process's progress.
const every = time.Second

// train resumes a run. It calls epochs with the number of finished epochs.
func (p process) train(ctx context.Context, dir string, epochs func(int)) error {
	cmd := exec.CommandContext(ctx, p.command[0], append(p.command[1:], p.arguments(dir)...)...)
	cmd.Args[0] = "oscar"
	// The child is in its own process group, because otherwise the terminal would send signals to both
	// processes; this process forwards them. The child is killed if this process is.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	said, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	// The system kills the child when the thread that started it ends, so keep the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		countEpochs(dir, epochs, ended)
	}()
	last := p.listen(said)
	err = cmd.Wait()
	close(ended)
	<-followed
	return p.outcome(ctx, err, last)
}

// arguments returns the arguments of oscar train --resume.
func (p process) arguments(dir string) []string {
	args := []string{"train", "--resume", dir, "--maps=false"} // the study makes its own maps
	for _, f := range []struct {
		flag  string
		value int
	}{
		{"threads", p.machine.Threads.Intra}, {"inter-threads", p.machine.Threads.Inter},
		{"workers", p.machine.Workers}, {"checkpoint-every", p.machine.CheckpointEvery},
	} {
		if f.value != 0 {
			args = append(args, "--"+f.flag, strconv.Itoa(f.value))
		}
	}
	if p.machine.Cache != "" {
		args = append(args, "--cache", string(p.machine.Cache))
	}
	return args
}

// listen forwards notes and returns the last error message.
func (p process) listen(said io.Reader) (wrong string) {
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "note: "); ok {
			p.note(text)
		}
		if text, ok := strings.CutPrefix(lines.Text(), "oscar: "); ok {
			wrong = text
		}
	}
	_, _ = io.Copy(io.Discard, said) // a line was too long; read the rest
	return wrong
}

// outcome returns the error of an ended process, or nil.
func (p process) outcome(ctx context.Context, err error, wrong string) error {
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return pipeline.ErrInterrupted
	case !failed:
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		if status.Signal() == syscall.SIGKILL {
			return errors.New("its process was killed, perhaps by the system for lack of memory")
		}
		return fmt.Errorf("its process was ended by a signal: %s", status.Signal())
	}
	if wrong == "" {
		return fmt.Errorf("its process ended with %s", exit)
	}
	return errors.New(wrong)
}

// countEpochs reports the number of finished epochs until the process has ended.
func countEpochs(dir string, epochs func(int), ended <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			if text, err := paths.ReadRecord(filepath.Join(dir, "metrics.jsonl")); err == nil {
				epochs(bytes.Count(text, []byte("\n")))
			}
		}
	}
}
