package scene

import (
	"fmt"
	"path/filepath"
	"testing"

	"oscar/internal/testkit"
)

// Whatever folder, or file, is given in place of scenes, the error says what it lacks.
func TestOpenOfOtherFolders(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, filepath.Join(dir, "images", "train", "a.png"), "x")
	for path, want := range map[string]string{
		"none":               "cannot read the folder of scenes %q: no such file or directory",
		"images":             "%s is not a folder of scenes with a part test: it has no annotations/instances_test.json",
		"images/train/a.png": "%s is not a folder of scenes with a part test: it has no annotations/instances_test.json",
	} {
		path = filepath.Join(dir, path)
		if _, err := Open(t.Context(), path, Test); err == nil || err.Error() != fmt.Sprintf(want, path) {
			t.Errorf("%v, want %s of %s", err, want, path)
		}
	}
}
