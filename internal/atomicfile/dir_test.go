package atomicfile

import (
	"errors"
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

// A link that leads nowhere, or in a circle, is not replaced, neither by a folder nor by a
// file.
func TestLinkToNowhere(t *testing.T) {
	parent := t.TempDir()
	missing := "no such file or directory"
	for _, test := range []struct{ name, to, want string }{
		{"link", "missing", missing}, {"far", filepath.Join(parent, "disk", "model"), missing}, {"second", "link", missing},
		{"circle", "circle", "too many levels of symbolic links"},
	} {
		link := filepath.Join(parent, test.name)
		if err := os.Symlink(test.to, link); err != nil {
			t.Fatal(err)
		}
		want := link + " is a link to " + test.to + ": " + test.want + "; make that, or name another path"
		for kind, write := range map[string]func() error{
			"folder": func() error { return Dir(link, put("new")) },
			"file":   func() error { return Output(link, Bytes([]byte("new"))) },
		} {
			if err := write(); err == nil || err.Error() != want {
				t.Errorf("%s: %v; want %s", kind, err, want)
			}
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("%s: %s was replaced", kind, link)
			}
		}
	}
}

// Of a link to a file that the user names, the file is replaced.
func TestOutputBehindALink(t *testing.T) {
	parent := t.TempDir()
	real, link, second := filepath.Join(parent, "disk", "table.csv"), filepath.Join(parent, "link"), filepath.Join(parent, "second")
	if err := errors.Join(os.Mkdir(filepath.Dir(real), 0o777), os.WriteFile(real, []byte("old"), 0o666), os.Symlink(real, link), os.Symlink("link", second)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, second} {
		if err := Output(path, Bytes([]byte(path))); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 || read(t, real) != path {
			t.Errorf("%v, %v: the link was replaced", info.Mode(), err)
		}
	}
	if names := list(t, filepath.Dir(real)); len(names) != 1 {
		t.Errorf("left %q", names)
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
