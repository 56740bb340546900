package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// discarded is the file discarded.json. It marks a run whose model was removed on purpose.
type discarded struct {
	Format int    `json:"format"` // 1
	Model  string `json:"model"`  // SHA-256 of the SavedModel's list of checksums
}

// DiscardModel removes a finished run's model, checkpoints, TensorBoard events and initial weights.
// Settings and metrics are kept. After a kill, the same call removes the rest.
func DiscardModel(dir string) error {
	if Discarded(dir) == nil {
		sum, err := checksum.Sum(filepath.Join(dir, ModelDir, checksum.File))
		if err == nil {
			err = checksum.WriteJSON(dir, result.DiscardedFile, discarded{Format: 1, Model: sum})
		}
		if err != nil {
			return err
		}
	}
	for _, name := range []string{ModelDir, CheckpointsDir, eventsDir, PretrainedDir} {
		// Rename first, because a partly removed model would count as damaged.
		aside := filepath.Join(dir, atomicfile.Prefix+name)
		err := os.RemoveAll(aside)
		if err == nil {
			err = os.Rename(filepath.Join(dir, name), aside)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := errors.Join(err, os.RemoveAll(aside)); err != nil {
			return err
		}
	}
	return nil
}

// Discarded returns an error if the run's model was discarded, else nil.
func Discarded(dir string) error {
	if !paths.Exists(filepath.Join(dir, result.DiscardedFile)) {
		return nil
	}
	return fmt.Errorf("run %s has no model: it was discarded after its measures were complete; to train it again remove the folder, and repeat the command that made it", dir)
}
