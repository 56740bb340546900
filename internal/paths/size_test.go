package paths

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSizeOf(t *testing.T) {
	dir := t.TempDir()
	for name, n := range map[string]int{"a.data-0": 3, "a.data-1": 4, "b.index": 50} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := SizeOf(filepath.Join(dir, "a.*")); got != 7 {
		t.Errorf("%d bytes, want 7", got)
	}
	if got := SizeOf(filepath.Join(dir, "none*")); got != 0 {
		t.Errorf("%d bytes of no files", got)
	}
}
