package pipeline

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oscar/internal/atomicfile"
	"oscar/internal/resultdir"
)

// Within one shard of slow methods the progress moves, and never back.
func TestExplainProgress(t *testing.T) {
	s := asked("gradcam,rise,scorecam,lime", "")
	s.Samples = 300
	var told []Progress
	_, err := tryExplain(t, &ExplainOptions{
		Paths: []string{photos(t, 3)}, Settings: s, Progress: func(p Progress) { told = append(told, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) < 30 {
		t.Fatalf("told %d times of 1800 samples", len(told))
	}
	small := 0
	for i, p := range told {
		if p.Total != 3 || p.Share < 0 || p.Share > 1 || p.Left < 0 || p.Left > time.Hour {
			t.Errorf("%+v", p)
		}
		if i > 0 && p.Share < told[i-1].Share-1e-9 {
			t.Errorf("from %+v back to %+v", told[i-1], p)
		}
		if p.Share < 0.02 {
			small++
		}
	}
	// By their samples gradcam is a thousandth of the work.
	if last := told[len(told)-1]; last.Images != 3 || last.Share != 1 || small == 0 {
		t.Errorf("at the end %+v; %d times below 2 %%", last, small)
	}
}

// prepare does what explain does with its folder first.
func prepare(out string, s Settings) (*resultdir.Dir, error) {
	dir, err := resultdir.Open(out, explainKind)
	if err != nil {
		return nil, err
	}
	if err := initResultDir(out, s, Listener{}); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// Of two that start in one new folder at the same time, with other settings,
// one gets it, and the folder is its own.
func TestExplainTwoStarts(t *testing.T) {
	for range 20 {
		out := filepath.Join(t.TempDir(), "out")
		var (
			group sync.WaitGroup
			held  [2]*resultdir.Dir
			errs  [2]error
		)
		alphas := [2]float64{0.3, 0.6}
		for i, alpha := range alphas {
			group.Go(func() {
				s := settings()
				s.Alpha = alpha
				held[i], errs[i] = prepare(out, s)
			})
		}
		group.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v and %v: want one to get the folder", errs[0], errs[1])
		}
		for i, err := range errs {
			if err != nil {
				if !strings.Contains(err.Error(), "in use by another oscar") && !strings.Contains(err.Error(), "holds explanations drawn with alpha") {
					t.Error(err)
				}
				continue
			}
			var s Settings
			text, err := os.ReadFile(filepath.Join(out, settingsFile))
			if err := errors.Join(err, json.Unmarshal(text, &s)); err != nil || s.Alpha != alphas[i] {
				t.Errorf("the folder is of alpha %g, want %g: %v", s.Alpha, alphas[i], err)
			}
			held[i].Close()
		}
	}

	// Killed between the lock and the settings: the folder can be taken.
	out := t.TempDir()
	write(t, filepath.Join(out, atomicfile.LockFile), "")
	held, err := prepare(out, settings())
	if err != nil {
		t.Fatal(err)
	}
	held.Close()
}
