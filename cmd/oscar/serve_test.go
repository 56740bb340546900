package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// serving is an oscar serve under way.
type serving struct {
	*exec.Cmd
	url    string
	stderr *strings.Builder
}

// startServing starts oscar serve on a free port of loopback.
func startServing(t *testing.T, args ...string) *serving {
	t.Helper()
	s := &serving{Cmd: exec.CommandContext(t.Context(), "oscar", append([]string{"serve", "--addr", "127.0.0.1:0", "--threads", "1"}, args...)...), stderr: &strings.Builder{}}
	s.Stderr = s.stderr
	stdout, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	match := regexp.MustCompile(`^serving  (https?://127\.0\.0\.1:\d+)/\n$`).FindStringSubmatch(line)
	if err != nil || match == nil {
		s.Wait()
		t.Fatalf("it said %q: %v\n%s", line, err, s.stderr)
	}
	s.url = match[1]
	go io.Copy(io.Discard, stdout)
	return s
}

// serve answers until a signal comes, and ends with status 0.
func TestServe(t *testing.T) {
	run := filepath.Join(shared(t), "run")
	s := startServing(t, run, "other="+filepath.Join(run, "saved_model"))
	for _, name := range []string{"run", "other"} {
		w, err := http.Get(fmt.Sprintf("%s/v1/models/%s", s.url, name))
		if err != nil {
			t.Fatal(err)
		}
		if w.Body.Close(); w.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, w.Status)
		}
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("%v\n%s", err, s.stderr)
	}
	if !strings.Contains(s.stderr.String(), "oscar: stopping after the requests under way; a second signal stops at once") {
		t.Errorf("it does not say what it finishes:\n%s", s.stderr)
	}
	if !strings.Contains(s.stderr.String(), "path=/v1/models/other status=200") {
		t.Errorf("the log has no line of a request:\n%s", s.stderr)
	}
}
