package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/checksum"
	"oscar/internal/machine"
	"oscar/internal/testkit"
	"oscar/result"
	"oscar/run"
	"oscar/tfmodel"
)

// A test that kills a job, or counts its memory, runs it in a process of its
// own: this test binary, with a job in its environment.
func TestMain(m *testing.M) {
	os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2")
	if text := os.Getenv("OSCAR_TEST_JOB"); text != "" {
		if err := runJob(text); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	for _, dir := range shared.dirs {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// job is what a process of its own does with one thread: train, or continue with
// the run if there is one; or, given a model, explain and tell the rows and the
// peak of memory in KiB.
type job struct {
	Data, Out       string
	Experiment      experiment.Experiment
	CheckpointEvery int

	Model    string
	Paths    []string
	Settings Settings

	Most uint64 // bytes a file may have, as if the disk were full then; 0: any
}

func runJob(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	if j.Most > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: j.Most, Max: j.Most}); err != nil {
			return err
		}
	}
	ctx := context.Background()
	if j.Model != "" {
		summary, err := Explain(ctx, ExplainOptions{Model: j.Model, Paths: j.Paths, Out: j.Out, Settings: j.Settings, Machine: oneThread})
		if err != nil {
			return err
		}
		fmt.Println(summary.Rows, machine.PeakMemory()>>10)
		return nil
	}
	machine := oneThread
	machine.CheckpointEvery = j.CheckpointEvery
	if run.Is(j.Out) {
		_, err := Resume(ctx, ResumeOptions{Run: j.Out, Machine: machine})
		return err
	}
	_, err := Train(ctx, TrainOptions{Data: j.Data, Out: j.Out, Experiment: j.Experiment, Machine: machine})
	return err
}

// command is a process that does the job. It dies with the test.
func (j job) command(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var output, chatter bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "OSCAR_TEST_JOB="+string(text))
	cmd.Stdout, cmd.Stderr = &output, &chatter
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("a process said: %s%s", &output, &chatter)
		}
	})
	return cmd, &output
}

// shared is what several tests read and none may change.
var shared struct {
	sync.Mutex
	dirs   []string
	shapes string
	run    *Run
}

func tempShared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "oscar-pipeline-")
	if err != nil {
		t.Fatal(err)
	}
	shared.dirs = append(shared.dirs, dir)
	return dir
}

// shapes is a class folder of 6 x 8 images of 64x64: 36 to train on, 6 to
// validate with, 6 to test.
func shapes(t *testing.T) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.shapes == "" {
		dir := tempShared(t)
		if err := dataset.Synthesize(t.Context(), dir, dataset.SyntheticOptions{PerClass: 8, Width: 64, Height: 64, Seed: 7}); err != nil {
			t.Fatal(err)
		}
		shared.shapes = filepath.Join(dir, "images")
	}
	return shared.shapes
}

// oneThread makes results comparable bit for bit.
var oneThread = Machine{Threads: Threads{Intra: 1, Inter: 1}, Workers: 2}

// tiny is a training of 5 epochs of 9 steps.
func tiny() experiment.Experiment {
	e := experiment.Default()
	e.Architecture = tfmodel.Architecture{Name: "tiny"}
	e.Training.Epochs, e.Training.Batch, e.Training.LearningRate = 5, 4, 1e-3
	return e
}

// trained is the run of tiny on shapes that nobody disturbed.
func trained(t *testing.T) *Run {
	t.Helper()
	data := shapes(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.run == nil {
		run, err := Train(t.Context(), TrainOptions{Data: data, Out: filepath.Join(tempShared(t), "run"), Experiment: tiny(), Machine: oneThread})
		if err != nil {
			t.Fatal(err)
		}
		shared.run = run
	}
	return shared.run
}

// train is Train with one thread, on shapes unless told otherwise.
func train(t *testing.T, o TrainOptions) (*Run, error) {
	t.Helper()
	if o.Data == "" {
		o.Data = shapes(t)
	}
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "run")
	}
	o.Machine.Threads, o.Machine.Workers = oneThread.Threads, oneThread.Workers
	return Train(t.Context(), o)
}

// notes collects what a job says.
type notes struct {
	sync.Mutex
	lines []string
}

func (n *notes) listener() Listener {
	return Listener{OnNote: func(text string) {
		n.Lock()
		defer n.Unlock()
		n.lines = append(n.lines, text)
	}}
}

// want fails unless one of the notes has the text.
func (n *notes) want(t *testing.T, text string) {
	t.Helper()
	if !slices.ContainsFunc(n.lines, func(line string) bool { return strings.Contains(line, text) }) {
		t.Errorf("no note has %q; noted: %s", text, strings.Join(n.lines, "\n"))
	}
}

// afterEpoch plus n tells interrupt to wait for epoch n's end.
const afterEpoch = 1000

// interrupt trains until a step is done, as if a signal had come during it.
// The run folder is left as it is then.
func interrupt(t *testing.T, o TrainOptions, step int) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps := 0
	o.Listener.OnStep = func(StepInfo) {
		if steps++; steps == step {
			cancel()
		}
	}
	o.Listener.OnEpoch = func(m result.EpochMetrics, _ bool) {
		if afterEpoch+m.Epoch == step {
			cancel()
		}
	}
	if o.Data == "" {
		o.Data = shapes(t)
	}
	o.Out = filepath.Join(t.TempDir(), "run")
	o.Machine.Threads, o.Machine.Workers = oneThread.Threads, oneThread.Workers
	run, err := Train(ctx, o)
	if !errors.Is(err, ErrInterrupted) {
		t.Fatalf("interrupted at step %d: %v", step, err)
	}
	return run.Dir
}

// resume brings a run to its end.
func resume(t *testing.T, dir string, l Listener) *Run {
	t.Helper()
	run, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread, Listener: l})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// sameRun fails unless two runs ended with the same bits: weights, optimizer,
// metrics, SavedModel, evaluation.
func sameRun(t *testing.T, got, want string) {
	t.Helper()
	steps, err := checkpoints{filepath.Join(want, checkpointsDir)}.list("step-")
	if err != nil || len(steps) == 0 {
		t.Fatalf("checkpoints of %s: %v, %v", want, steps, err)
	}
	bests, err := checkpoints{filepath.Join(want, checkpointsDir)}.list("best-")
	if err != nil || len(bests) != 1 {
		t.Fatalf("checkpoints of %s: %v, %v", want, bests, err)
	}
	for _, dir := range []string{filepath.Join(checkpointsDir, steps[len(steps)-1]), filepath.Join(checkpointsDir, bests[0]), run.ModelDir} {
		a, b := tree(t, filepath.Join(got, dir)), tree(t, filepath.Join(want, dir))
		if _, timed := b[stateFile]; timed {
			for _, name := range []string{stateFile, checksum.File} {
				delete(a, name)
				delete(b, name)
			}
		}
		if len(b) < 2 {
			t.Errorf("%s of the undisturbed run holds %d files", dir, len(b))
		}
		for name := range b {
			if a[name] != b[name] {
				t.Errorf("%s/%s: %d bytes that differ from the undisturbed run's %d", dir, name, len(a[name]), len(b[name]))
			}
			delete(a, name)
		}
		for name := range a {
			t.Errorf("%s/%s: the undisturbed run has none", dir, name)
		}
	}
	if diff := cmp.Diff(metricsOf(t, want), metricsOf(t, got)); diff != "" {
		t.Errorf("metrics (-undisturbed +got):\n%s", diff)
	}
	if diff := cmp.Diff(evaluationOf(t, want), evaluationOf(t, got)); diff != "" {
		t.Errorf("evaluation (-undisturbed +got):\n%s", diff)
	}
}

// metricsOf reads a run's metrics without what depends on the clock.
func metricsOf(t *testing.T, dir string) []result.EpochMetrics {
	t.Helper()
	run, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if m.Seconds <= 0 || m.ImagesPerSecond <= 0 || m.Time.IsZero() {
			t.Errorf("epoch %d: %g seconds, %g images/s at %v", m.Epoch, m.Seconds, m.ImagesPerSecond, m.Time)
		}
		all[i].Seconds, all[i].ImagesPerSecond, all[i].PeakMemory, all[i].Time = 0, 0, 0, time.Time{}
	}
	return all
}

func evaluationOf(t *testing.T, dir string) *Evaluation {
	t.Helper()
	e, err := (&run.Run{Dir: dir}).Evaluation()
	if err != nil || e == nil {
		t.Fatalf("evaluation of %s: %v, %v", dir, e, err)
	}
	e.PerSecond = 0
	return e
}

// noLeftovers fails if a folder holds something half-written.
func noLeftovers(t *testing.T, dir string) {
	t.Helper()
	if left := leftovers(dir); len(left) > 0 {
		t.Errorf("left behind: %s", strings.Join(left, ", "))
	}
}

func leftovers(dir string) (left []string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".partial-") {
			left = append(left, path)
		}
		return nil
	})
	return left
}

var (
	tree      = testkit.Tree
	copyDir   = testkit.CopyDir
	write     = testkit.Write
	wantError = testkit.WantError
)
