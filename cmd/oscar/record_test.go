package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/result"
)

// A command line is recorded while no other process can write to the folder of results.
func TestCommandIsRecordedUnderTheLock(t *testing.T) {
	x := newTorture(t, victim{})
	t.Chdir(t.TempDir())
	defer func() { atomicfile.Fault = nil }()
	recorded := ""
	atomicfile.Fault = func(step, path string) error {
		if filepath.Base(path) != result.CommandFile || step != "rename" {
			return nil
		}
		recorded = filepath.Dir(path)
		if lock, err := atomicfile.Lock(recorded); err == nil {
			t.Errorf("%s is written when the folder is not locked", path)
			lock.Close()
		}
		return nil
	}
	for _, test := range []struct{ args, dir string }{ // explain-global, compare and audit fill a folder within the locked one
		{"train $DATA --out run --arch tiny --epochs 1 --threads 1 --maps=false", "run"},
		{"train --resume run --threads 1 --maps=false", "run"},
		{"explain $RUN $DATA/can --out maps --threads 1", "maps"},
		{"draw maps --colormap viridis", "maps"},
		{"score $RUN $DATA --split all --out scores --threads 1 --method saliency --per-class 1 --mosaics 0 --metric gini", "scores"},
		{"plan explain $RUN $DATA/can --out planned --threads 1", "planned"},
		{"plan predict $RUN $DATA/can --out predicted", "predicted"},
		{"train $DATA --out folds --folds 2 --arch tiny --epochs 1 --threads 1", "folds"},
		{"train $SCENES --experiment $SMALL --out detector --epochs 1 --threads 1", "detector"},
		{"explain $DETECTOR $SCENES/images/test --out objects --threads 1", "objects"},
	} {
		recorded = ""
		var stdout, stderr strings.Builder
		if status := call(context.WithoutCancel(t.Context()), x.words(test.args), &stdout, &stderr); status != 0 {
			t.Fatalf("oscar %s: status %d, %s", test.args, status, &stderr)
		}
		if recorded != test.dir {
			t.Errorf("oscar %s: recorded in %q", test.args, recorded)
		}
		lines, err := result.Commands(test.dir)
		if verb, _, _ := strings.Cut(test.args, " "); err != nil || len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "oscar "+verb+" ") {
			t.Errorf("oscar %s: recorded %q, %v", test.args, lines, err)
		}
	}
	// Results within results belong to the outer command.
	inner, err := filepath.Glob(filepath.Join("folds", "*", result.CommandFile))
	if err != nil || len(inner) > 0 {
		t.Errorf("recorded in %q, %v", inner, err)
	}
}

// A job that is stopped before it has saved anything leaves an empty folder empty: the same
// command can use it.
func TestStoppedBeforeAnythingIsSaved(t *testing.T) {
	x := newTorture(t, victim{})
	for _, args := range []string{
		"explain $RUN $DATA/can --out out --threads 1",
		"train $DATA --out out --arch tiny --epochs 1 --threads 1 --maps=false",
		"score $RUN $DATA --split all --out out --threads 1 --method saliency --per-class 1 --mosaics 0 --metric gini",
	} {
		t.Chdir(t.TempDir())
		if err := os.Mkdir("out", 0o777); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var stdout, stderr strings.Builder
		if status := call(ctx, x.words(args), &stdout, &stderr); status != exitInterrupted {
			t.Errorf("oscar %s: status %d, %s", args, status, &stderr)
		}
		if status := call(context.WithoutCancel(ctx), x.words(args), &stdout, &stderr); status != 0 {
			t.Errorf("oscar %s, again: status %d, %s", args, status, &stderr)
		}
	}
}
