package study

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"oscar/dataset"
	"oscar/pipeline"
)

// A test that kills a study runs it in a process of its own: this test binary,
// with the options in its environment. It is also an oscar that trains runs.
func TestMain(m *testing.M) {
	os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2")
	if len(os.Args) > 3 && os.Args[1] == "train" {
		os.Exit(trainApart(os.Args[3]))
	}
	if text := os.Getenv("OSCAR_TEST_STUDY"); text != "" {
		var o Options
		err := json.Unmarshal([]byte(text), &o)
		if err == nil {
			_, err = Run(context.Background(), o)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// trainApart resumes a run, as oscar train --resume does. A run whose name
// contains OSCAR_TEST_KILL kills itself; one with OSCAR_TEST_FULL finds the disk
// full.
func trainApart(dir string) int {
	if word := os.Getenv("OSCAR_TEST_FULL"); word != "" && strings.Contains(dir, word) {
		fmt.Fprintf(os.Stderr, "oscar: %v\n", &fs.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC})
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	note := func(text string) { fmt.Fprintln(os.Stderr, "note: "+text) }
	step := func(pipeline.StepInfo) {
		if word := os.Getenv("OSCAR_TEST_KILL"); word != "" && strings.Contains(dir, word) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	if _, err := pipeline.Resume(ctx, pipeline.ResumeOptions{Run: dir, Machine: oneThread, Listener: pipeline.Listener{OnNote: note, OnStep: step}}); err != nil {
		fmt.Fprintf(os.Stderr, "oscar: %v\n", err)
		return 1
	}
	return 0
}

// studying is a process that runs a study. It dies with the test.
func studying(t *testing.T, o Options) *exec.Cmd {
	t.Helper()
	o.Listener = Listener{}
	text, err := json.Marshal(struct {
		Study     Study
		Data, Out string
		Machine   pipeline.Machine
	}{o.Study, o.Data, o.Out, o.Machine})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "OSCAR_TEST_STUDY="+string(text))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd
}

// shared is what several tests read and none may change.
var shared struct {
	sync.Mutex
	dir string
}

// shapes is a folder of images, 6 classes of 10, with masks beside.
func shapes(t *testing.T) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	images := filepath.Join(shared.dir, "shapes", "images")
	if shared.dir != "" {
		return images
	}
	dir, err := os.MkdirTemp("", "oscar-study-")
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.Synthesize(t.Context(), filepath.Join(dir, "shapes"), dataset.SyntheticOptions{PerClass: 10, Width: 48, Height: 40, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	shared.dir = dir
	return filepath.Join(dir, "shapes", "images")
}

var oneThread = pipeline.Machine{Threads: pipeline.Threads{Intra: 1, Inter: 1}, Workers: 1}

// small is a study of the tiny network that takes seconds.
func small() Study {
	s := defaultStudy()
	s.Name = "small"
	s.Base = keys{
		"architecture": "tiny",
		"data":         keys{"fractions": []any{0.4, 0.2, 0.4}},
		"training":     keys{"epochs": 3, "batch": 8, "learning_rate": 2e-3},
	}
	s.Explain = Explain{Methods: []string{"gradcam"}, Images: 2, Mosaics: 1, Layer: "conv5"}
	s.Variants = []Variant{
		{Name: "baseline"},
		{Name: "no-norm", Without: []string{"batch_normalization"}},
	}
	s.Claims = []Claim{
		{Text: "normalization helps to learn", Variant: "no-norm", Measure: "train_accuracy", Direction: lower},
		{Text: "normalization helps to focus", Variant: "no-norm", Measure: "focus", Direction: lower},
	}
	return s
}

func options(t *testing.T) Options {
	t.Helper()
	return Options{Study: small(), Data: shapes(t), Out: filepath.Join(t.TempDir(), "out"), Machine: oneThread}
}

func mustOpen(t *testing.T, dir string) *pipeline.Run {
	t.Helper()
	r, err := pipeline.OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

// contents reads the files below dir whose path contains a word.
func contents(t *testing.T, dir, word string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, word) {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no files of %s in %s", word, dir)
	}
	return files
}

func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d files, then %d", len(before), len(after))
	}
}

// keys are those of an experiment, or of a part of one.
type keys = map[string]any

func builtin(t *testing.T, name string) Study {
	t.Helper()
	s, err := Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
