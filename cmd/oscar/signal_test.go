package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is an oscar under way.
type process struct {
	*exec.Cmd
	t     *testing.T
	lines chan string // of standard error
	said  []string
}

func start(t *testing.T, dir string, stdin io.Reader, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), "oscar", args...), t: t, lines: make(chan string, 1000)}
	p.Dir, p.Stdin = dir, stdin
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	return p
}

// await waits for a line on standard error.
func (p *process) await(pattern string) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.After(time.Minute); ; {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("it ended without %q; it said\n%s", pattern, strings.Join(p.said, "\n"))
			}
			p.said = append(p.said, line)
			if re.MatchString(line) {
				return
			}
		case <-deadline:
			p.t.Fatalf("no %q in a minute; it said\n%s", pattern, strings.Join(p.said, "\n"))
		}
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// ends waits for the end and wants its status and, as a pattern, the last line.
func (p *process) ends(status int, last string) {
	p.t.Helper()
	for line := range p.lines {
		p.said = append(p.said, line)
	}
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](p.Wait()); ok {
		code = exit.ExitCode()
	}
	if code != status || !regexp.MustCompile(last).MatchString(p.said[len(p.said)-1]) {
		p.t.Errorf("status %d, want %d; last line to be %q; it said\n%s", code, status, last, strings.Join(p.said, "\n"))
	}
}

const stopping = "^oscar: stopping after the step under way; a second signal stops at once$"

// Told to stop by either signal, train saves, says how to go on, and goes on.
func TestSignalsToTrain(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, nil, "train", filepath.Join(shared(t), "shapes", "images"), "--out", "run", "--arch", "tiny", "--epochs", "100000", "--batch", "4", "--checkpoint-every", "2")
	for i, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(s) { // as nohup ignores SIGHUP
			continue
		}
		p.await("^epoch ")
		if i == 0 {
			second := start(t, dir, nil, "train", "--resume", "run")
			second.ends(1, "^oscar: run is in use by another oscar$")
		}
		p.signal(s)
		p.await(stopping)
		p.ends(3, `^oscar: interrupted at step \d+, epoch \d+; continue with --resume run$`)
		var step, epoch int
		if _, err := fmt.Sscanf(p.said[len(p.said)-1], "oscar: interrupted at step %d, epoch %d;", &step, &epoch); err != nil {
			t.Fatal(err)
		}
		p = start(t, dir, nil, "train", "--resume", "run")
		p.await(fmt.Sprintf("^note: going on at step %d, epoch %d$", step, epoch))
	}
	p.signal(syscall.SIGKILL)
	p.ends(-1, "")
	left, err := filepath.Glob(filepath.Join(dir, ".partial-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// A step of this network takes seconds.
const slow = `
explain: conv2
architecture:
  name: slow
  input: [96, 96, 3]
  layers:
    - {name: conv1, kind: conv2d, filters: 64, kernel: 3}
    - {name: conv2, kind: conv2d, filters: 64, kernel: 15}
    - {name: conv3, kind: conv2d, filters: 64, kernel: 15}
    - {name: pool, kind: global_average_pool2d}
    - {name: out, kind: dense, units: 6}
training: {batch: 16}
`

// A second signal does not wait for the step under way.
func TestSecondSignal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "slow.yaml"), []byte(slow), 0o666); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, nil, "train", filepath.Join(shared(t), "shapes", "images"), "--out", "run", "--experiment", "slow.yaml")
	p.await("^training$")
	time.Sleep(200 * time.Millisecond) // into the first step
	p.signal(syscall.SIGINT)
	p.await(stopping)
	p.signal(syscall.SIGTERM)
	begin := time.Now()
	p.ends(130, stopping)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v to stop at once", took)
	}
}

// explain stops between shards and goes on.
func TestSignalToExplain(t *testing.T) {
	dir, photos := t.TempDir(), t.TempDir()
	for i := range 600 {
		if err := os.Link(filepath.Join(shared(t), "shapes", "images", "can", "0000.png"), filepath.Join(photos, fmt.Sprintf("%03d.png", i))); err != nil {
			t.Skip(err) // another file system
		}
	}
	args := []string{"explain", filepath.Join(shared(t), "run"), photos, "--out", "out", "--batch", "2"}
	p := start(t, dir, nil, args...)
	p.await("^explaining$")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if parts, _ := filepath.Glob(filepath.Join(dir, "out", "parts", "*.jsonl")); len(parts) > 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatal("no shard is done in a minute")
		}
	}
	p.signal(syscall.SIGTERM)
	p.await(stopping)
	p.ends(3, "^oscar: interrupted; the same command resumes where it stopped$")
	var stdout, stderr strings.Builder
	t.Chdir(dir)
	if status := call(t.Context(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	if out := stdout.String(); !strings.HasPrefix(out, "600 images, 600 rows: ") || !strings.Contains(out, " images done before\n") {
		t.Errorf("it said %s", out)
	}
}

// A list that does not come keeps nobody waiting.
func TestSignalToAListThatDoesNotCome(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	p := start(t, t.TempDir(), r, "explain", filepath.Join(shared(t), "run"), "-", "--out", "out")
	p.await("^reading a list of paths on standard input$")
	p.signal(syscall.SIGINT)
	p.await(stopping)
	p.ends(3, "^oscar: interrupted$")
}
