package pipeline

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/paths"
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

// metrics.jsonl may be torn as well. A checkpoint that knows of more epochs is
// passed over, so that none is missing in the end.
func TestDamagedMetrics(t *testing.T) {
	stopped := interrupt(t, TrainOptions{Experiment: tiny()}, afterEpoch+2) // checkpoints 9 and 18
	b, err := os.ReadFile(filepath.Join(stopped, run.MetricsFile))
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
			write(t, filepath.Join(dir, run.MetricsFile), test.text)
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
		write(t, filepath.Join(dir, run.MetricsFile), "")
		before := tree(t, filepath.Join(dir, checkpointsDir))
		_, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread})
		wantError(t, err, "metrics.jsonl has 0 epochs, fewer than every checkpoint: it was cut short; put it back")
		if after := tree(t, filepath.Join(dir, checkpointsDir)); len(after) != len(before) {
			t.Error("checkpoints were lost")
		}
	})
}
