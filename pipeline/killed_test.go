package pipeline

import (
	"os"
	"path/filepath"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
)

// A plan that was killed before it wrote its settings can be made by the same command.
func TestKilledPlan(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, atomicfile.LockFile), "")
	if err := os.Mkdir(filepath.Join(dir, partsDir), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := checksum.Update(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := predictKind.Check(dir); err != nil {
		t.Error(err)
	}
}
