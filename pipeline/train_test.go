package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oscar/dataset"
)

func TestRunFolder(t *testing.T) {
	run := trained(t)
	entries, err := os.ReadDir(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), ".lock checkpoints curves.png environment.json evaluation.json events experiment.json metrics.jsonl saved_model split.json"; got != want {
		t.Errorf("the run holds %s\nwant %s", got, want)
	}
	noLeftovers(t, run.Dir)

	metrics, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	better := best{}
	for i, m := range metrics {
		if m.Epoch != i+1 || m.Step != 9*(i+1) || m.LearningRate != 1e-3 {
			t.Errorf("line %d: epoch %d, step %d, rate %g", i+1, m.Epoch, m.Step, m.LearningRate)
		}
		if better.beatenBy(m) {
			better = best{m.Epoch, m.ValidationAccuracy, m.ValidationLoss}
		}
	}
	if len(metrics) != 5 {
		t.Errorf("%d epochs of 5", len(metrics))
	}
	if metrics[4].Loss >= metrics[0].Loss {
		t.Errorf("it learns nothing: the loss goes from %g to %g", metrics[0].Loss, metrics[4].Loss)
	}
	e := evaluationOf(t, run.Dir)
	if e.Part != "test" || e.Images != 6 || e.Epoch != better.Epoch {
		t.Errorf("evaluated %s, %d images, epoch %d; want test, 6, epoch %d", e.Part, e.Images, e.Epoch, better.Epoch)
	}
	env := run.Environment
	if env.TensorFlow == "" || env.Threads != oneThread.Threads || env.Seed != 1 || env.Started.IsZero() {
		t.Errorf("environment %+v", env)
	}

	// experiment.json alone makes the same model.
	again, err := OpenRun(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	total, _, err := again.Experiment.Architecture.Parameters()
	if err != nil || total != 8546 {
		t.Errorf("experiment.json's model has %d parameters, %v; want 8546", total, err)
	}
}

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
			o.Listener.Stage = func(name string) {
				if name == stage {
					cancel()
				}
			}
			_, err := Train(ctx, o)
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("%v, want an interruption", err)
			}
			if stage == "reading images" {
				if exists(o.Out) {
					t.Error("there is a run folder")
				}
				return
			}
			if _, err := Resume(t.Context(), o.Out, oneThread, Listener{}); err != nil {
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
	n := &notes{}
	resume(t, dir, n.listener())
	n.want(t, "the run is finished already")
	for name, b := range tree(t, dir) {
		if before[name] != b {
			t.Errorf("%s was changed", name)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, modelDir)); err != nil {
		t.Fatal(err)
	}
	resume(t, dir, Listener{})
	sameRun(t, dir, trained(t).Dir)
	if got := tree(t, dir)[evaluationFile]; got != before[evaluationFile] {
		t.Error("the test part was looked at twice")
	}
}

// A checkpoint may be damaged in any of its files.
func TestDamagedCheckpoint(t *testing.T) {
	o := TrainOptions{Experiment: tiny()}
	o.Machine.CheckpointEvery = 4
	stopped := interrupt(t, o, 23) // checkpoints 20 and 23
	const data, index = bundlePrefix + ".data-00000-of-00001", bundlePrefix + ".index"
	edit := func(file string, change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(b), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(file string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	for name, damage := range map[string]func(*testing.T, string){
		"data cut":        edit(data, half),
		"a bit of data":   edit(data, flip),
		"no data":         remove(data),
		"index cut":       edit(index, half),
		"a bit of index":  edit(index, flip),
		"no index":        remove(index),
		"no state":        remove(stateFile),
		"state cut":       edit(stateFile, half),
		"state empty":     edit(stateFile, func([]byte) []byte { return nil }),
		"a digit of step": edit(stateFile, func(b []byte) []byte { return bytes.Replace(b, []byte(`"step": 23`), []byte(`"step": 22`), 1) }),
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, stopped)
			damage(t, filepath.Join(dir, checkpointsDir, "step-0000023"))
			n := &notes{}
			resume(t, dir, n.listener())
			n.want(t, "checkpoint step-0000023 is damaged and passed over: ")
			n.want(t, "going on at step 20, epoch 3")
			sameRun(t, dir, trained(t).Dir)
			if left, err := filepath.Glob(filepath.Join(dir, checkpointsDir, aside+"*")); err != nil || len(left) > 0 {
				t.Errorf("%v is still there, %v", left, err)
			}
		})
	}

	// A damaged one does not count among the newest two, and is kept until the
	// training has come that far again.
	t.Run("set aside", func(t *testing.T) {
		dir := copyDir(t, stopped)
		edit(data, flip)(t, filepath.Join(dir, checkpointsDir, "step-0000023"))
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			machine := oneThread
			machine.CheckpointEvery = 1
			if _, err := Resume(ctx, dir, machine, Listener{Step: func(StepInfo) { cancel() }}); !errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
		}
		entries, err := os.ReadDir(filepath.Join(dir, checkpointsDir))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got, want := strings.Join(names, " "), "best-0002 damaged-step-0000023 step-0000021 step-0000022"; got != want {
			t.Errorf("there are %s, want %s", got, want)
		}
	})

	t.Run("all", func(t *testing.T) {
		dir := copyDir(t, stopped)
		for _, name := range []string{"step-0000020", "step-0000023"} {
			edit(data, flip)(t, filepath.Join(dir, checkpointsDir, name))
		}
		// Weeks of training are not thrown away without a word.
		_, err := Resume(t.Context(), dir, oneThread, Listener{})
		if err == nil || !strings.Contains(err.Error(), "no checkpoint in ") || !strings.Contains(err.Error(), "put one back") {
			t.Fatal(err)
		}
		for _, name := range []string{"step-0000020", "step-0000023"} {
			if !exists(filepath.Join(dir, checkpointsDir, name)) {
				t.Errorf("%s is gone", name)
			}
			if err := os.RemoveAll(filepath.Join(dir, checkpointsDir, name)); err != nil {
				t.Fatal(err)
			}
		}
		resume(t, dir, Listener{})
		sameRun(t, dir, trained(t).Dir)
	})
}

// metrics.jsonl may be torn as well. A checkpoint that knows of more epochs is
// passed over, so that none is missing in the end.
func TestDamagedMetrics(t *testing.T) {
	stopped := interrupt(t, TrainOptions{Experiment: tiny()}, afterEpoch+2) // checkpoints 9 and 18
	b, err := os.ReadFile(filepath.Join(stopped, metricsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	for name, test := range map[string]struct {
		text  string
		notes []string
	}{
		"something torn behind": {lines[0] + lines[1] + lines[0][:30], []string{"going on at step 18, epoch 3"}},
		"a line twice":          {lines[0] + lines[1] + lines[0], []string{"going on at step 18, epoch 3"}},
		"the last line torn": {lines[0] + lines[1][:40], []string{
			"checkpoint step-0000018 is passed over: it has 2 epochs, metrics.jsonl 1", "going on at step 9, epoch 2",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, stopped)
			write(t, filepath.Join(dir, metricsFile), test.text)
			n := &notes{}
			resume(t, dir, n.listener())
			for _, note := range test.notes {
				n.want(t, note)
			}
			sameRun(t, dir, trained(t).Dir)
		})
	}
	t.Run("empty", func(t *testing.T) {
		dir := copyDir(t, stopped)
		write(t, filepath.Join(dir, metricsFile), "")
		before := tree(t, filepath.Join(dir, checkpointsDir))
		_, err := Resume(t.Context(), dir, oneThread, Listener{})
		wantError(t, err, "metrics.jsonl has 0 epochs, fewer than every checkpoint: it was cut short; put it back")
		if after := tree(t, filepath.Join(dir, checkpointsDir)); len(after) != len(before) {
			t.Error("checkpoints were lost")
		}
	})
}

func TestOneProcessARun(t *testing.T) {
	dir := copyDir(t, interrupt(t, TrainOptions{Experiment: tiny()}, 1))
	run, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.acquire(); err != nil {
		t.Fatal(err)
	}
	_, err = Resume(t.Context(), dir, oneThread, Listener{})
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
	if exists(j.Out) {
		t.Error("there is half a run folder")
	}
	noLeftovers(t, filepath.Dir(j.Out))
}

// Whatever was given is refused before the images are read, and stays.
func TestTrainRefusals(t *testing.T) {
	data := shapes(t)
	here := t.TempDir()
	t.Chdir(here)
	write(t, "file", "something")
	write(t, "full/mine.txt", "something")
	for _, test := range []struct {
		change func(*TrainOptions)
		want   string
	}{
		{func(o *TrainOptions) { o.Out = "full" }, "full is not empty; name a new folder"},
		{func(o *TrainOptions) { o.Out = "file" }, "file cannot be a folder for results: not a directory; name a new folder"},
		{func(o *TrainOptions) { o.Out = "file/run" }, "file/run cannot be a folder for results: not a directory; name a new folder"},
		{func(o *TrainOptions) { o.Out = "/proc/none/run" }, "cannot write in /proc: no such file or directory"},
		{func(o *TrainOptions) { o.Out = trained(t).Dir }, trained(t).Dir + " holds another run; go on with it by --resume " + trained(t).Dir + ", or name a new folder"},
		{func(o *TrainOptions) { o.Out = data + "/run" }, data + "/run lies in " + data + ", where every folder is a class; name a folder elsewhere"},
		{func(o *TrainOptions) { o.Data = "none" }, `cannot read image folder "none": no such file or directory`},
		{func(o *TrainOptions) { o.Experiment.Architecture.Name = "vgg" }, `no architecture "vgg"; have alexnet02, tiny`},
		{func(o *TrainOptions) { o.Experiment.Explain = "conv9" }, `no layer "conv9" to explain with in tiny; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *TrainOptions) { o.Experiment.Explain = "fc3" }, `no layer "fc3" to explain with in tiny; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *TrainOptions) { o.Experiment.Training.Epochs = 0 }, "epochs is 0, want at least 1"},
		{func(o *TrainOptions) { o.Experiment.Training.Batch = -1 }, "batch is -1, want at least 1"},
		{func(o *TrainOptions) { o.Experiment.Training.LearningRate = math.NaN() }, "learning rate is NaN, want above 0"},
		{func(o *TrainOptions) { o.Experiment.Data.Fractions = [3]float64{0.5, 0.5, 0.5} }, "fractions [0.5 0.5 0.5] sum to 1.5: they must sum to 1"},
		{func(o *TrainOptions) { o.Experiment.Data.Interpolation = "area" }, `no interpolation "area"; have bilinear, nearest, bicubic, mitchell, lanczos2, lanczos3`},
		{func(o *TrainOptions) { o.Experiment.Data.MaxPixels = -1 }, "max-pixels is -1, want 0 or more"},
		{func(o *TrainOptions) { o.Machine.CheckpointEvery = -1 }, "checkpoint-every is -1, want 0 or more"},
		{func(o *TrainOptions) { o.Experiment.Format = 2 }, "format is 2, this oscar reads 1"},
	} {
		o := TrainOptions{Data: data, Out: "run", Experiment: tiny()}
		test.change(&o)
		_, err := train(t, o)
		wantError(t, err, test.want)
	}
	t.Chdir(t.TempDir())
	_, err := train(t, TrainOptions{Out: ".", Experiment: tiny()})
	wantError(t, err, ". is the folder you are in, which cannot be replaced; name a new folder")

	want := map[string]string{"file": "something", "full/mine.txt": "something"}
	got := tree(t, here)
	if len(got) != len(want) || got["file"] != want["file"] || got["full/mine.txt"] != want["full/mine.txt"] {
		t.Errorf("the folder now holds %v", got)
	}
	noLeftovers(t, data)
}

// Files that cannot be read are told of and left out.
func TestUnreadableFiles(t *testing.T) {
	data := copyDir(t, shapes(t))
	write(t, filepath.Join(data, "can", "notes.txt"), "not an image")
	write(t, filepath.Join(data, "box", "empty.png"), "")
	whole, err := os.ReadFile(filepath.Join(data, "box", "0000.png"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(data, "box", "torn.png"), string(whole[:len(whole)/2]))
	write(t, filepath.Join(data, "tray", "twin.png"), string(whole)) // another class's

	e := tiny()
	e.Data.Strict = true
	_, err = train(t, TrainOptions{Data: data, Experiment: e})
	if err == nil || !strings.HasPrefix(err.Error(), "3 files cannot be read, the first is box/empty.png: ") {
		t.Errorf("strict: %v", err)
	}

	e.Data.Strict, e.Training.Epochs = false, 1
	n := &notes{}
	run, err := train(t, TrainOptions{Data: data, Experiment: e, Listener: n.listener()})
	if err != nil {
		t.Fatal(err)
	}
	n.want(t, "left out: box/empty.png: ")
	n.want(t, "left out: box/torn.png: ")
	n.want(t, "left out: can/notes.txt: ")
	n.want(t, "3 files could not be read; split.json lists them")
	n.want(t, "label conflict, the same content in more than one class: box/0000.png, tray/twin.png")
	if len(run.Split.Unreadable) != 3 {
		t.Errorf("split.json lists %v", run.Split.Unreadable)
	}
}

// A file that is changed or taken away while a run is under way is told of,
// counted and left out, and a run that is resumed counts no other.
func TestFilesLostOnTheWay(t *testing.T) {
	const lost = 12
	e := tiny()
	e.Training.Batch, e.Training.Epochs = 2, 2 // so that whole batches are lost
	start := func(t *testing.T, stop int) (string, *notes) {
		data := copyDir(t, shapes(t))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := &notes{}
		o := TrainOptions{Data: data, Out: filepath.Join(t.TempDir(), "run"), Experiment: e, Machine: oneThread, Listener: n.listener()}
		o.Machine.CheckpointEvery = 3
		o.Listener.Stage = func(name string) {
			if name != "training" {
				return
			}
			folder, err := dataset.Scan(ctx, data, dataset.ScanOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			split, err := dataset.NewSplit(folder, e.Data.Fractions, e.Seed)
			if err != nil {
				t.Error(err)
				return
			}
			for i, item := range split.Train[:lost] {
				path := filepath.Join(data, item.Path)
				if i == 0 {
					write(t, path, "changed")
				} else if err := os.Remove(path); err != nil {
					t.Error(err)
				}
			}
			if err := os.Remove(filepath.Join(data, split.Validation[0].Path)); err != nil {
				t.Error(err)
			}
		}
		steps := 0
		o.Listener.Step = func(i StepInfo) {
			if steps++; steps == stop {
				cancel()
			}
		}
		_, err := Train(ctx, o)
		if stop > 0 && !errors.Is(err, ErrInterrupted) || stop == 0 && err != nil {
			t.Fatal(err)
		}
		return o.Out, n
	}
	whole, n := start(t, 0)
	n.want(t, "changed since the split was made")
	n.want(t, "no such file or directory")
	if len(n.lines) != lost+1 {
		t.Errorf("%d notes for %d files: %s", len(n.lines), lost+1, strings.Join(n.lines, "\n"))
	}
	for _, m := range metricsOf(t, whole) {
		if m.Unreadable != lost+1 {
			t.Errorf("epoch %d counts %d files that cannot be read, want %d", m.Epoch, m.Unreadable, lost+1)
		}
		if m.Accuracy < 0 || m.Accuracy > 1 || m.Step > m.Epoch*18 || m.Step < m.Epoch*(36-lost)/2 {
			t.Errorf("epoch %d: accuracy %g, step %d", m.Epoch, m.Accuracy, m.Step)
		}
	}
	for _, stop := range []int{1, 4, 7} {
		dir, _ := start(t, stop)
		resume(t, dir, Listener{})
		sameWeights(t, dir, whole)
	}

	// With nothing left there is nothing to learn from.
	dir := interrupt(t, TrainOptions{Data: copyDir(t, shapes(t)), Experiment: e}, 18)
	run, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(run.Images(), run.Images()+".away"); err != nil {
		t.Fatal(err)
	}
	_, err = Resume(t.Context(), dir, oneThread, Listener{})
	wantError(t, err, "none of the 6 images to validate with in "+run.Images()+" can be read")
	if err := os.Rename(run.Images()+".away", run.Images()); err != nil {
		t.Fatal(err)
	}
	resume(t, dir, Listener{})

	e.Data.Strict = true
	dir = interrupt(t, TrainOptions{Data: copyDir(t, shapes(t)), Experiment: e}, 1)
	if run, err = OpenRun(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(run.Images(), run.Split.Train[3].Path)); err != nil {
		t.Fatal(err)
	}
	_, err = Resume(t.Context(), dir, oneThread, Listener{})
	wantError(t, err, run.Split.Train[3].Path+": no such file or directory")
}

// sameWeights is sameRun for runs whose data lies in different places.
func sameWeights(t *testing.T, got, want string) {
	t.Helper()
	const data = "saved_model/variables/variables.data-00000-of-00001"
	a, b := tree(t, got)[data], tree(t, want)[data]
	if a != b || a == "" {
		t.Errorf("the weights of %s and %s differ", got, want)
	}
}

// Without a validation part no numbers are made up for it, and the last epoch
// is kept.
func TestNoValidationPart(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 2
	e.Data.Fractions = [3]float64{0.8, 0, 0.2}
	run, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	text := tree(t, run.Dir)[metricsFile]
	if !strings.Contains(text, `"val_loss":null,"val_accuracy":null`) {
		t.Errorf("metrics: %s", text)
	}
	if got := evaluationOf(t, run.Dir); got.Epoch != 2 {
		t.Errorf("kept epoch %d, want the last", got.Epoch)
	}
	for _, m := range must(run.Metrics()) {
		if !math.IsNaN(float64(m.ValidationLoss)) {
			t.Errorf("read a validation loss of %g", m.ValidationLoss)
		}
	}
	stopped := interrupt(t, TrainOptions{Experiment: e}, 15)
	resume(t, stopped, Listener{})
	sameWeights(t, stopped, run.Dir)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Where decoded images are kept changes nothing.
func TestCaches(t *testing.T) {
	for _, cache := range []dataset.CacheMode{dataset.CacheMemory, dataset.CacheDisk} {
		o := TrainOptions{Experiment: tiny()}
		o.Machine.Cache = cache
		run, err := train(t, o)
		if err != nil {
			t.Fatal(err)
		}
		sameRun(t, run.Dir, trained(t).Dir)
		if cached := exists(run.path("cache")); cached != (cache == dataset.CacheDisk) {
			t.Errorf("%s: a cache folder: %v", cache, cached)
		}
	}
}

// TensorBoard's own reader finds the metrics in the events of a run that was
// interrupted once: each epoch once.
func TestTensorBoardReadsEvents(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORBOARD")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORBOARD names no folder with tensorboard; `make test` sets it")
	}
	python := os.Getenv("OSCAR_PYTHON")
	if python == "" {
		python = "python3"
	}
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 30)
	resume(t, dir, Listener{})
	cmd := exec.CommandContext(t.Context(), python, "../internal/events/testdata/read_events.py", filepath.Join(dir, eventsDir))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages)
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var scalars map[string][]struct {
		Step     int     `json:"step"`
		Value    float32 `json:"value"`
		WallTime float64 `json:"wall_time"`
	}
	if err := json.Unmarshal(output, &scalars); err != nil {
		t.Fatal(err)
	}
	run, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for tag, value := range map[string]func(EpochMetrics) float64{
		"loss/train":          func(m EpochMetrics) float64 { return m.Loss },
		"accuracy/train":      func(m EpochMetrics) float64 { return m.Accuracy },
		"loss/validation":     func(m EpochMetrics) float64 { return float64(m.ValidationLoss) },
		"accuracy/validation": func(m EpochMetrics) float64 { return float64(m.ValidationAccuracy) },
		"learning_rate":       func(m EpochMetrics) float64 { return m.LearningRate },
		"images_per_second":   func(m EpochMetrics) float64 { return m.ImagesPerSecond },
	} {
		if len(scalars[tag]) != len(metrics) {
			t.Errorf("%s: %d values for %d epochs", tag, len(scalars[tag]), len(metrics))
			continue
		}
		for i, m := range metrics {
			got := scalars[tag][i]
			if got.Step != m.Epoch || got.Value != float32(value(m)) || math.Abs(got.WallTime-float64(m.Time.UnixMilli())/1e3) > 1e-3 {
				t.Errorf("%s: %+v, want %g at %d, %v", tag, got, value(m), m.Epoch, m.Time)
			}
		}
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
	if _, err := Resume(t.Context(), dir, machine, n.listener()); err != nil {
		t.Fatal(err)
	}
	n.want(t, "the run began with 1+1 threads, and goes on with 1+2: the last bits may differ")
}

func TestResumeRefusals(t *testing.T) {
	_, err := Resume(t.Context(), "none", oneThread, Listener{})
	wantError(t, err, "none is not a run folder: it has no experiment.json")
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 3)
	for _, test := range []struct{ file, from, to, want string }{
		{experimentFile, `"seed": 1`, `"seed": 1, "sed": 2`, `experiment.json: json: unknown field "sed"`},
		{experimentFile, `"epochs": 5`, `"epochs": "five"`, `experiment.json: training.epochs is a string, want a whole number`},
		{splitFile, `"seed": 1`, `"seed": 2`, "was edited: its content hashes to"},
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
		_, err = Resume(t.Context(), filepath.Dir(path), oneThread, Listener{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want: %s", err, test.want)
		}
	}
	// Another split than the checkpoints'.
	other := filepath.Join(copyDir(t, dir), splitFile)
	e := tiny()
	e.Seed = 2
	run, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	write(t, other, tree(t, run.Dir)[splitFile])
	_, err = Resume(t.Context(), filepath.Dir(other), oneThread, Listener{})
	wantError(t, err, filepath.Join(filepath.Dir(other), checkpointsDir, "step-0000003")+" belongs to another split; split.json was replaced")
}

// The best epoch has the highest validation accuracy, the lowest loss among
// equals, and is the first among those.
func TestBestEpoch(t *testing.T) {
	at := func(accuracy, loss Measure) EpochMetrics {
		return EpochMetrics{ValidationAccuracy: accuracy, ValidationLoss: loss}
	}
	first := best{1, 0.5, 1}
	for _, test := range []struct {
		best  best
		epoch EpochMetrics
		want  bool
	}{
		{best{}, at(0, 9), true},
		{first, at(0.6, 2), true},
		{first, at(0.4, 0.5), false},
		{first, at(0.5, 0.9), true},
		{first, at(0.5, 1), false},
		{first, at(0.5, 1.1), false},
		{best{1, Unmeasured, Unmeasured}, at(Unmeasured, Unmeasured), true},
	} {
		if got := test.best.beatenBy(test.epoch); got != test.want {
			t.Errorf("%+v beaten by %g, %g: %v, want %v", test.best, test.epoch.ValidationAccuracy, test.epoch.ValidationLoss, got, test.want)
		}
	}
}
