package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ready is a worker's first line.
type ready struct {
	Ready   bool   `json:"ready"`
	Version string `json:"version"` // version of the program
	Note    string `json:"note"`    // choices that it made
}

// done is a worker's answer to a number of pieces.
type done struct {
	Done int `json:"done"` // the number
}

// worker is a contestant's process for one job.
type worker struct {
	contestant
	ready
	pieces int   // per round
	peak   int64 // bytes

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	log *tail
}

// start starts a contestant and waits until it is ready.
func start(c contestant, cmd *exec.Cmd) (*worker, error) {
	w := &worker{contestant: c, cmd: cmd, log: &tail{}}
	cmd.Stderr = w.log
	var err error
	if w.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.out = bufio.NewScanner(out)
	if err := w.read(&w.ready); err != nil {
		return nil, w.fail(err)
	}
	return w, nil
}

// read reads a line of JSON; it ignores other lines, such as a library's messages.
func (w *worker) read(v any) error {
	for w.out.Scan() {
		if line := w.out.Bytes(); len(line) > 0 && line[0] == '{' {
			return json.Unmarshal(line, v)
		}
	}
	return errEnded
}

// errEnded is returned if a worker closed its output too early.
var errEnded = errors.New("ended early")

// round runs that many pieces and returns the seconds.
func (w *worker) round(pieces int) (float64, error) {
	begin := time.Now()
	if _, err := fmt.Fprintln(w.in, pieces); err != nil {
		return 0, errEnded
	}
	var d done
	if err := w.read(&d); err != nil {
		return 0, err
	}
	seconds := time.Since(begin).Seconds()
	if d.Done != pieces {
		return 0, fmt.Errorf("%s did %d of %d", w.Name, d.Done, pieces)
	}
	return seconds, nil
}

// fail stops a worker and returns the error with the worker's last lines, if it
// ended by itself.
func (w *worker) fail(err error) error {
	w.stop()
	if errors.Is(err, errEnded) {
		return fmt.Errorf("%w, %s: %s", err, w.cmd.ProcessState, w.log)
	}
	return err
}

// stop ends the worker, if it is running, and records its peak memory.
func (w *worker) stop() error {
	if w.cmd.ProcessState != nil {
		return nil
	}
	w.in.Close()
	stuck := time.AfterFunc(time.Minute, func() { w.cmd.Process.Kill() })
	defer stuck.Stop()
	for w.out.Scan() { // read to the end, so that it can write
	}
	err := w.cmd.Wait()
	w.peak = peak(w.cmd.ProcessState)
	return err
}

// peak returns the peak memory of a process in bytes.
func peak(p *os.ProcessState) int64 {
	if usage, ok := p.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10 // in KiB on Linux
	}
	return 0
}

// once runs a cold contestant from start to end.
func once(cmd *exec.Cmd) (seconds float64, most int64, err error) {
	log := &tail{}
	cmd.Stderr = log
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, log)
	}
	return time.Since(begin).Seconds(), peak(cmd.ProcessState), nil
}

// lastLine returns the last line of an error, where Python writes the exception.
func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// tail keeps the end of the text written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-1000):]
	return len(p), nil
}

func (t *tail) String() string { return string(t.b) }

// serve implements the worker's side of the protocol for oscar.
func serve(r ready, run func(pieces int) error) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(r); err != nil {
		return err
	}
	for {
		var pieces int
		if _, err := fmt.Scanln(&pieces); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := run(pieces); err != nil {
			return err
		}
		if err := out.Encode(done{pieces}); err != nil {
			return err
		}
	}
}
