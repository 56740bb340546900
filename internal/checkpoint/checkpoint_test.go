package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
)

func TestWriteAndList(t *testing.T) {
	dir := t.TempDir()
	save := func(prefix string) error { return os.WriteFile(prefix+".index", []byte("x"), 0o666) }
	for _, step := range []int{12345678, 20, 3} {
		if err := Write(dir, step, save, map[string]int{"step": step}); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteBest(dir, 2, save); err != nil {
		t.Fatal(err)
	}
	names, err := List(dir, Steps)
	if want := []string{Step(3), Step(20), Step(12345678)}; err != nil || !slices.Equal(names, want) {
		t.Errorf("steps %v, %v; want %v", names, err, want)
	}
	var state struct{ Step int }
	if err := atomicfile.ReadJSON(filepath.Join(dir, names[1], State), &state); err != nil || state.Step != 20 {
		t.Errorf("state %+v, %v", state, err)
	}
	for _, name := range append(names, Best(2)) {
		if err := checksum.Check(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	failed := errors.New("full")
	if err := Write(dir, 99, func(string) error { return failed }, nil); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	if err := Remove(dir, names[:2]); err != nil {
		t.Error(err)
	}
	entries, _ := os.ReadDir(dir)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{Best(2), Step(12345678)}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	if _, err := List(filepath.Join(dir, "none"), Steps); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}
