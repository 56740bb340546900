package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oscar/internal/checkpoint"
	"oscar/internal/paths"
	"oscar/run"
)

// A process that is killed at any moment, and started again, ends with the bits
// of one that was not. Some are killed while they write a checkpoint, some
// wherever they are.
func TestKilledAtAnyMoment(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	j := job{Data: shapes(t), Out: filepath.Join(t.TempDir(), "run"), Experiment: tiny(), CheckpointEvery: 1}
	dir := checkpoints{filepath.Join(j.Out, checkpointsDir)}
	var kills, midEpoch, midSave int
	for target := 1 + random.IntN(6); ; target += 2 + random.IntN(7) {
		cmd, output := j.command(t)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		whileSaving := random.IntN(2) == 0
		moment := time.Duration(random.IntN(20_000)) * time.Microsecond
		done := false
		for deadline := time.Now().Add(time.Minute); !done; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("process %d: %v\n%s", kills+1, err, output)
				}
				done = true
				continue
			default:
			}
			if s, _, err := dir.newest(); err == nil && s.Step >= target {
				if !whileSaving {
					time.Sleep(moment)
					break
				} else if len(leftovers(dir.dir)) > 0 {
					break
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %d does not get on\n%s", kills+1, output)
			}
			time.Sleep(200 * time.Microsecond)
		}
		if done {
			break
		}
		cmd.Process.Kill()
		<-ended
		kills++
		if len(leftovers(dir.dir)) > 0 {
			midSave++
		}
		if s, _, err := dir.newest(); err != nil {
			t.Fatal(err)
		} else if s.Position > 0 {
			midEpoch++
		}
	}
	t.Logf("%d kills, %d in mid-epoch, %d in mid-save", kills, midEpoch, midSave)
	if kills < 3 || midEpoch == 0 {
		t.Errorf("%d kills, %d in mid-epoch: the test does not test", kills, midEpoch)
	}
	sameRun(t, j.Out, trained(t).Dir)
	noLeftovers(t, j.Out)
}

// Told to stop, a run saves after the step under way. Every kind of place:
// first step, mid-epoch, an epoch's last step, the very last one.
func TestInterruptedAndResumed(t *testing.T) {
	for _, step := range []int{1, 5, 9, 10, 44, 45} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			dir := interrupt(t, TrainOptions{Experiment: tiny()}, step)
			s, _, err := checkpoints{filepath.Join(dir, checkpointsDir)}.newest()
			if err != nil || s.Step != step {
				t.Errorf("saved step %d, %v; want %d", s.Step, err, step)
			}
			n := &notes{}
			resume(t, dir, n.listener())
			n.want(t, fmt.Sprintf("going on at step %d", step))
			sameRun(t, dir, trained(t).Dir)
		})
	}
}

// A job that is stopped where nothing is under way says so as well.
func TestInterruptedBetweenStages(t *testing.T) {
	for _, stage := range []string{"reading images", "building the graph", "training", "exporting", "evaluating the test part"} {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := TrainOptions{Data: shapes(t), Out: filepath.Join(t.TempDir(), "run"), Experiment: tiny(), Machine: oneThread}
			o.Listener.OnStage = func(name string) {
				if name == stage {
					cancel()
				}
			}
			_, err := Train(ctx, o)
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("%v, want an interruption", err)
			}
			if stage == "reading images" {
				if paths.Exists(o.Out) {
					t.Error("there is a run folder")
				}
				return
			}
			if _, err := Resume(t.Context(), ResumeOptions{Run: o.Out, Machine: oneThread}); err != nil {
				t.Fatal(err)
			}
			sameRun(t, o.Out, trained(t).Dir)
			noLeftovers(t, filepath.Dir(o.Out))
		})
	}
}

// A finished run is left as it is; what is missing of it is made.
func TestResumeAFinishedRun(t *testing.T) {
	dir := copyDir(t, trained(t).Dir)
	before := tree(t, dir)
	older := []string{checkpoint.Step(1), checkpoint.Best(9)} // a process was killed before it removed them
	for i, name := range older {
		older[i] = filepath.Join(dir, run.CheckpointsDir, name)
		if err := os.Mkdir(older[i], 0o777); err != nil {
			t.Fatal(err)
		}
	}
	n := &notes{}
	resume(t, dir, n.listener())
	n.want(t, "the run is finished already")
	for _, path := range older {
		if paths.Exists(path) {
			t.Errorf("%s is left", path)
		}
	}
	for name, b := range tree(t, dir) {
		if before[name] != b {
			t.Errorf("%s was changed", name)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, run.ModelDir)); err != nil {
		t.Fatal(err)
	}
	resume(t, dir, Listener{})
	sameRun(t, dir, trained(t).Dir)
	if got := tree(t, dir)[run.EvaluationFile]; got != before[run.EvaluationFile] {
		t.Error("the test part was looked at twice")
	}
}

// A run goes on from wherever oscar is called.
func TestResumeFromAnotherFolder(t *testing.T) {
	data := shapes(t)
	t.Chdir(filepath.Dir(data))
	dir := interrupt(t, TrainOptions{Data: filepath.Base(data), Experiment: tiny()}, 3)
	t.Chdir(filepath.Dir(dir))
	resume(t, filepath.Base(dir), Listener{})
	sameRun(t, dir, trained(t).Dir)
}

// Another number of threads is told of.
func TestResumeWithOtherThreads(t *testing.T) {
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 40)
	n := &notes{}
	machine := oneThread
	machine.Threads.Inter = 2
	if _, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: machine, Listener: n.listener()}); err != nil {
		t.Fatal(err)
	}
	n.want(t, "the run began with 1+1 threads, and continues with 1+2: the last bits may differ")
}

func TestResumeRefusals(t *testing.T) {
	_, err := Resume(t.Context(), ResumeOptions{Run: "none", Machine: oneThread})
	wantError(t, err, "none is not a run folder: it has no experiment.json")
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 3)
	for _, test := range []struct{ file, from, to, want string }{
		{run.ExperimentFile, `"seed": 1`, `"seed": 1, "sed": 2`, `experiment.json: it has an unknown key "sed"`},
		{run.ExperimentFile, `"epochs": 5`, `"epochs": "five"`, `experiment.json: training.epochs is a string, want a whole number`},
		{run.SplitFile, `"seed": 1`, `"seed": 2`, "was edited: its content hashes to"},
	} {
		path := filepath.Join(copyDir(t, dir), test.file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		edited := strings.Replace(string(b), test.from, test.to, 1)
		if edited == string(b) {
			t.Fatalf("%s has no %s", test.file, test.from)
		}
		write(t, path, edited)
		_, err = Resume(t.Context(), ResumeOptions{Run: filepath.Dir(path), Machine: oneThread})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want: %s", err, test.want)
		}
	}
	// Another split than the checkpoints'.
	other := filepath.Join(copyDir(t, dir), run.SplitFile)
	e := tiny()
	e.Seed = 2
	run, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	write(t, other, tree(t, run.Dir)["split.json"])
	_, err = Resume(t.Context(), ResumeOptions{Run: filepath.Dir(other), Machine: oneThread})
	wantError(t, err, filepath.Join(filepath.Dir(other), checkpointsDir, "step-0000003")+" belongs to another split; split.json was replaced")
}

func TestOneProcessARun(t *testing.T) {
	dir := copyDir(t, interrupt(t, TrainOptions{Experiment: tiny()}, 1))
	run, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Acquire(); err != nil {
		t.Fatal(err)
	}
	_, err = Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread})
	wantError(t, err, dir+" is in use by another oscar")
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	resume(t, dir, Listener{})
}

// A disk that fills: here, files that may not grow beyond a size.
func TestFullDisk(t *testing.T) {
	j := job{Data: shapes(t), Out: filepath.Join(t.TempDir(), "run"), Experiment: tiny(), Most: 60_000}
	cmd, output := j.command(t)
	if err := cmd.Run(); err == nil {
		t.Fatal("no error")
	}
	if got := output.String(); !strings.HasPrefix(got, "write the checkpoint of step 9: ") && !strings.HasPrefix(got, "write the weights of epoch 1: ") || !strings.Contains(got, "File too large") {
		t.Errorf("it said: %s", got)
	}
	noLeftovers(t, j.Out)
	resume(t, j.Out, Listener{})
	sameRun(t, j.Out, trained(t).Dir)

	j.Out, j.Most = filepath.Join(t.TempDir(), "run"), 1000
	cmd, output = j.command(t)
	if err := cmd.Run(); err == nil {
		t.Fatal("no error")
	}
	if got := output.String(); !strings.HasPrefix(got, "create the run folder: ") || !strings.Contains(got, "file too large") {
		t.Errorf("it said: %s", got)
	}
	if paths.Exists(j.Out) {
		t.Error("there is half a run folder")
	}
	noLeftovers(t, filepath.Dir(j.Out))
}
