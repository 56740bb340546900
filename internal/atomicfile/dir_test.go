package atomicfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The next call for the same folder removes what killed processes left, puts back
// a folder that was put aside, and touches nothing else.
func TestDirSweeps(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ATOMICFILE_KILL="+parent, "ATOMICFILE_KIND=folder")
	if err := cmd.Run(); err == nil || len(list(t, parent)) != 1 {
		t.Fatalf("the helper ended with %v and left %q", err, list(t, parent))
	}
	others := []string{Prefix + "model-2-1", Prefix + "other-1", Prefix + "model-", "model-1"}
	for _, name := range append(others, Prefix+"model-1", Prefix+"model-2"+old) {
		if err := os.Mkdir(filepath.Join(parent, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	alive, lock, err := temporary(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir, put("new")); err == nil || err.Error() != dir+" is in use by another oscar" {
		t.Errorf("while another writes: %v", err)
	}
	if _, err := os.Stat(alive); err != nil {
		t.Error(err)
	}
	lock.Close()
	if err := Dir(dir, put("new")); err != nil {
		t.Fatal(err)
	}
	want := append([]string{"model"}, others...)
	got := map[string]bool{}
	for _, name := range list(t, parent) {
		got[name] = true
	}
	for _, name := range want {
		if !got[name] {
			t.Errorf("%s is missing", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s was left", name)
	}
	if read(t, filepath.Join(dir, "model")) != "new" {
		t.Error("the folder is not the new one")
	}

	// A process was killed between the two renames.
	aside := filepath.Join(parent, Prefix+"model-3"+old)
	if err := os.Rename(dir, aside); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir, func(string) error { return errFull }); err == nil || read(t, filepath.Join(dir, "model")) != "new" {
		t.Errorf("%v; the folder that was put aside is not back", err)
	}
}

func TestDirBehindALink(t *testing.T) {
	parent := t.TempDir()
	real, link := filepath.Join(parent, "disk", "model"), filepath.Join(parent, "link")
	if err := os.MkdirAll(real, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := Dir(link, put("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || read(t, filepath.Join(real, "model")) != "new" {
		t.Errorf("%v, %v: the link was replaced", info.Mode(), err)
	}
}

// The root of a file system is a mount point everywhere.
func TestMountPoint(t *testing.T) {
	want := "/ is a mount point, which cannot be replaced; name a folder in it"
	if err := Dir("/", put("new")); err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
	if err := Replaceable(t.TempDir()); err != nil {
		t.Error(err)
	}
}
