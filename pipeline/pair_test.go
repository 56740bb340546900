package pipeline

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/checksum"
	"oscar/result"
)

// Of two processes that explain into one folder at the same time, with other
// settings, one makes all of it. The other is refused and changes nothing.
func TestExplainPairs(t *testing.T) {
	model, images := trained(t).Dir, []string{photos(t, 8)}
	pairs := 6
	if testing.Short() {
		pairs = 2
	}
	for pair := range pairs {
		out := filepath.Join(t.TempDir(), "out")
		alphas := [2]float64{0.3, 0.6}
		var both [2]*exec.Cmd
		var said [2]*bytes.Buffer
		for i, alpha := range alphas {
			s := settings()
			s.Alpha = alpha
			both[i], said[i] = job{Model: model, Paths: images, Out: out, Settings: s}.command(t)
			if err := both[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		winner, wins := 0, 0
		for i := range both {
			if both[i].Wait() == nil {
				winner, wins = i, wins+1
				continue
			}
			if text := said[i].String(); !strings.Contains(text, out+" is in use by another oscar") && !strings.Contains(text, out+" holds explanations drawn with alpha") {
				t.Errorf("pair %d: refused with %s", pair, text)
			}
		}
		if wins != 1 {
			t.Fatalf("pair %d: %d explained", pair, wins)
		}
		s, err := result.ReadSettings(out)
		if err != nil || s.Alpha != alphas[winner] {
			t.Errorf("pair %d: the folder is of alpha %g, want %g: %v", pair, s.Alpha, alphas[winner], err)
		}
		if err := checksum.CheckAll(out); err != nil {
			t.Errorf("pair %d: %v", pair, err)
		}
	}
}
