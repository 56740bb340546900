package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/run"
)

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
			if _, err := Resume(ctx, ResumeOptions{Run: dir, Machine: machine, Listener: Listener{OnStep: func(StepInfo) { cancel() }}}); !errors.Is(err, ErrInterrupted) {
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
		_, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread})
		if err == nil || !strings.Contains(err.Error(), "no checkpoint in ") || !strings.Contains(err.Error(), "put one back") {
			t.Fatal(err)
		}
		for _, name := range []string{"step-0000020", "step-0000023"} {
			if !paths.Exists(filepath.Join(dir, checkpointsDir, name)) {
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

// metrics.jsonl may be damaged as well. It is made again from the checkpoint. One of
// an older version has no copy of it: if it knows of more epochs it is passed over,
// so that none is missing in the end.
func TestDamagedMetrics(t *testing.T) {
	stopped := interrupt(t, TrainOptions{Experiment: tiny()}, afterEpoch+2) // checkpoints 9 and 18
	b, err := os.ReadFile(filepath.Join(stopped, run.MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	again := []string{"metrics.jsonl is damaged; it is made again from the checkpoint of step 18", "going on at step 18, epoch 3"}
	texts := map[string]string{
		"something torn behind": lines[0] + lines[1] + lines[0][:30],
		"a line twice":          lines[0] + lines[1] + lines[0],
		"the last line torn":    lines[0] + lines[1][:40],
		"a digit":               strings.Replace(string(b), `"step":9`, `"step":8`, 1),
		"empty":                 "",
	}
	for name, test := range map[string]struct{ now, older []string }{
		"something torn behind": {again[1:], again[1:]},
		"a line twice":          {again[1:], again[1:]},
		"a digit":               {again, nil},
		"the last line torn": {again, []string{
			"checkpoint step-0000018 is passed over: it has 2 epochs, metrics.jsonl 1", "going on at step 9, epoch 2",
		}},
		"empty": {again, nil},
	} {
		check := func(t *testing.T, dir string, noted []string) {
			write(t, filepath.Join(dir, run.MetricsFile), texts[name])
			n := &notes{}
			resume(t, dir, n.listener())
			for _, note := range noted {
				n.want(t, note)
			}
			sameRun(t, dir, trained(t).Dir)
		}
		t.Run(name, func(t *testing.T) { check(t, copyDir(t, stopped), test.now) })
		if test.older != nil {
			t.Run(name+", older", func(t *testing.T) { check(t, older(t, stopped), test.older) })
		}
	}
	t.Run("empty, older", func(t *testing.T) {
		dir := older(t, stopped)
		write(t, filepath.Join(dir, run.MetricsFile), "")
		before := tree(t, filepath.Join(dir, checkpointsDir))
		_, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread})
		wantError(t, err, "metrics.jsonl has 0 epochs, fewer than every checkpoint: it was cut short; put it back")
		if after := tree(t, filepath.Join(dir, checkpointsDir)); len(after) != len(before) {
			t.Error("checkpoints were lost")
		}
	})
}

// older copies a run as an older version made it: without checksums, and without
// the epochs in its checkpoints.
func older(t *testing.T, from string) string {
	t.Helper()
	dir := copyDir(t, from)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch d.Name() {
		case checksum.File:
			return os.Remove(path)
		case stateFile:
			var s map[string]json.RawMessage
			if err := atomicfile.ReadJSON(path, &s); err != nil {
				return err
			}
			delete(s, "epochs")
			s["sum"] = json.RawMessage(`""`)
			return atomicfile.WriteJSON(path, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// spoil changes a bit in the middle of a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// What a finished run can make again of itself, it makes again.
func TestDamagedFinishedRun(t *testing.T) {
	best, err := filepath.Glob(filepath.Join(trained(t).Dir, checkpointsDir, "best-*"))
	if err != nil || len(best) != 1 {
		t.Fatalf("%v, %v", best, err)
	}
	const data = bundlePrefix + ".data-00000-of-00001"
	for _, test := range []struct {
		file string
		note string
	}{
		{run.EvaluationFile, "evaluation.json is damaged: it differs from what was written (SHA-256); it is made again"},
		{result.NetworkFile, "network.json is damaged: it differs from what was written (SHA-256); it is made again"},
		{run.MetricsFile, "metrics.jsonl is damaged; it is made again from the checkpoint of step 45"},
		{"saved_model/variables/" + data, data + " is damaged: it differs from what was written (SHA-256); it is made again"},
		{"saved_model/assets.extra/oscar.json", "oscar.json is damaged: it differs from what was written (SHA-256); it is made again"},
		{checkpointsDir + "/" + filepath.Base(best[0]) + "/" + data, data + " is damaged: it differs from what was written (SHA-256); it is made again from saved_model"},
	} {
		for _, gone := range []bool{false, true} {
			t.Run(fmt.Sprint(test.file, gone), func(t *testing.T) {
				dir := copyDir(t, trained(t).Dir)
				path := filepath.Join(dir, test.file)
				if gone {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					test.note = strings.Replace(test.note, " is damaged: it differs from what was written (SHA-256)", " is missing", 1)
				} else {
					spoil(t, path)
				}
				n := &notes{}
				resume(t, dir, n.listener())
				n.want(t, test.note)
				sameRun(t, dir, trained(t).Dir)
				for name, text := range tree(t, trained(t).Dir) {
					if filepath.Base(name) == result.NetworkFile && tree(t, dir)[name] != text {
						t.Errorf("%s differs", name)
					}
				}
				whole(t, dir)
			})
		}
	}
	// What it cannot make again is named.
	for _, name := range []string{run.EnvironmentFile, run.SplitFile} {
		dir := copyDir(t, trained(t).Dir)
		spoil(t, filepath.Join(dir, name))
		if _, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is damaged: %v", name, err)
		}
	}
}

// whole fails unless all files below a folder are as their lists have them.
func whole(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = checksum.Check(path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Damaged weights of the best epoch are made again from a checkpoint of that
// epoch. If there is none, another epoch takes its place, which is noted; without
// any the run is refused.
func TestDamagedBest(t *testing.T) {
	o := TrainOptions{Experiment: tiny()}
	dir := interrupt(t, o, afterEpoch+1)
	spoil(t, filepath.Join(dir, checkpointsDir, bestName(1), bundlePrefix+".index"))
	n := &notes{}
	resume(t, dir, n.listener())
	n.want(t, "it is made again")
	sameRun(t, dir, trained(t).Dir)

	stopped := interrupt(t, o, 12)
	spoil(t, filepath.Join(stopped, checkpointsDir, bestName(1), bundlePrefix+".index"))
	dir = copyDir(t, stopped)
	n = &notes{}
	if err := Export(t.Context(), ExportOptions{Model: dir, Out: filepath.Join(t.TempDir(), "model"), Listener: n.listener()}); err != nil {
		t.Error(err)
	}
	n.want(t, "the weights of epoch 1, of checkpoint step-0000009, are taken in its place")
	resume(t, dir, n.listener())
	n.want(t, "it is made again from checkpoint step-0000009")
	sameRun(t, dir, trained(t).Dir)

	dir = copyDir(t, stopped)
	spoil(t, filepath.Join(dir, checkpointsDir, "step-0000009", bundlePrefix+".index"))
	steps := 0
	_, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread, Listener: Listener{OnStep: func(StepInfo) { steps++ }}})
	wantError(t, err, filepath.Join(dir, checkpointsDir, bestName(1), bundlePrefix+".index")+
		" is damaged: it differs from what was written (SHA-256); no checkpoint is whole at the end of an epoch; put it back")
	if steps > 0 {
		t.Errorf("%d steps were trained", steps)
	}

	// With a rate that is far too high the first epoch is the best.
	wild := tiny()
	wild.Training.LearningRate, wild.Training.Select = 100, experiment.ByLoss
	dir = interrupt(t, TrainOptions{Experiment: wild}, afterEpoch+3)
	if s, _, err := (checkpoints{filepath.Join(dir, checkpointsDir)}).newest(); err != nil || s.Best.Epoch != 1 {
		t.Fatalf("the best epoch is %d, %v", s.Best.Epoch, err)
	}
	spoil(t, filepath.Join(dir, checkpointsDir, bestName(1), bundlePrefix+".data-00000-of-00001"))
	n = &notes{}
	resume(t, dir, n.listener())
	n.want(t, "epoch 3, of checkpoint step-0000027, takes its place")
	whole(t, dir)
}
