package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"oscar/internal/atomicfile"
)

// Within a run's folder of checkpoints, see docs/formats.md.
const (
	checkpointsDir = "checkpoints"
	stateFile      = "state.json"
	bundlePrefix   = "variables"
	aside          = "damaged-"
)

// checkpoints is a run's folder of checkpoints.
type checkpoints struct{ dir string }

// position is what tests read of a checkpoint's state.
type position struct {
	Step, Epoch, Position int
	Best                  struct{ Epoch int }
}

func bestName(epoch int) string { return fmt.Sprintf("best-%04d", epoch) }

// list returns the names with a prefix, oldest first.
func (c checkpoints) list(prefix string) (names []string, err error) {
	entries, err := os.ReadDir(c.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// newest reads the state of the newest checkpoint.
func (c checkpoints) newest() (s position, name string, err error) {
	names, err := c.list("step-")
	if err != nil {
		return s, "", err
	}
	if len(names) == 0 {
		return s, "", os.ErrNotExist
	}
	name = names[len(names)-1]
	return s, name, atomicfile.ReadJSON(filepath.Join(c.dir, name, stateFile), &s)
}
