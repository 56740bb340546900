package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/dataset"
)

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
		o.Listener.OnStage = func(name string) {
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
		o.Listener.OnStep = func(i StepInfo) {
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
	n.want(t, "left out: more images, for the same reason: no such file or directory. metrics.jsonl counts all of them in each epoch")
	if len(n.lines) != 1+dataset.MostAlike+1 {
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
	if err := errors.Join(os.Rename(run.Images(), run.Images()+".away"), os.Mkdir(run.Images(), 0o777)); err != nil {
		t.Fatal(err)
	}
	_, err = Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread})
	wantError(t, err, "none of the 6 images to validate with in "+run.Images()+" can be read")
	if err := errors.Join(os.Remove(run.Images()), os.Rename(run.Images()+".away", run.Images())); err != nil {
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
	_, err = Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread})
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
