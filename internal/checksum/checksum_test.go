package checksum

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/atomicfile"
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// folder is a folder of three files, two of them listed.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "a b.json", "one")
	put(t, dir, "maps/x.npy", "two")
	put(t, dir, "other", "three")
	if err := Update(dir, "a b.json", "maps/x.npy", "never"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDamageIsNoticed(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(path string) error
		gone  bool
	}{
		"a bit":   {func(path string) error { return os.WriteFile(path, []byte("twn"), 0o666) }, false},
		"cut":     {func(path string) error { return os.Truncate(path, 1) }, false},
		"longer":  {func(path string) error { return os.WriteFile(path, []byte("two "), 0o666) }, false},
		"removed": {os.Remove, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			if err := Check(dir); err != nil {
				t.Fatal(err)
			}
			if err := test.spoil(filepath.Join(dir, "maps", "x.npy")); err != nil {
				t.Fatal(err)
			}
			err := Check(dir)
			d, ok := errors.AsType[*Damage](err)
			if !ok || d.Name != "maps/x.npy" || d.Gone != test.gone {
				t.Errorf("the check says %v", err)
			}
			if err := Check(dir, "a b.json", "other"); err != nil {
				t.Errorf("a whole file: %v", err)
			}
			if _, err := ReadFile(dir, "maps/x.npy"); err == nil {
				t.Error("the damaged file can be read")
			}
		})
	}
}

func TestReadFile(t *testing.T) {
	dir := folder(t)
	for name, want := range map[string]string{"a b.json": "one", "other": "three"} {
		if b, err := ReadFile(dir, name); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestDamagedList(t *testing.T) {
	for _, text := range []string{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n", "nothing\n", "00  a\n", "\x00", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  ../a\n",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a"} {
		dir := t.TempDir()
		put(t, dir, File, text)
		if d, ok := errors.AsType[*Damage](Check(dir)); !ok || d.Name != File {
			t.Errorf("a list of %q: %v", text, d)
		}
	}
}

func TestUpdateAndRemove(t *testing.T) {
	dir := folder(t)
	put(t, dir, "a b.json", "new")
	if err := errors.Join(Update(dir, "a b.json"), Check(dir)); err != nil {
		t.Error(err)
	}
	if err := Remove(dir, "a b.json"); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a b.json", "newer")
	l, err := Read(dir)
	if err := errors.Join(err, Check(dir)); err != nil || !slices.Equal(l.Names(), []string{"maps/x.npy"}) {
		t.Errorf("%v, %v", l, err)
	}
}

func TestTree(t *testing.T) {
	dir := folder(t)
	put(t, dir, "inner/file", "")
	put(t, dir, "inner/"+File, "")
	put(t, dir, ".partial-x/file", "")
	got, err := Tree(dir)
	if want := []string{"a b.json", "maps/x.npy", "other"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// coreutils read the list.
func TestSha256sum(t *testing.T) {
	program, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("no sha256sum")
	}
	dir := folder(t)
	check := func() error {
		c := exec.Command(program, "--strict", "-c", File)
		c.Dir = dir
		return c.Run()
	}
	if err := check(); err != nil {
		t.Error(err)
	}
	put(t, dir, "maps/x.npy", "twn")
	if check() == nil {
		t.Error("sha256sum finds a damaged file whole")
	}
}

// The first version's lists have no trailer. One of a SavedModel that names all its
// files is read; one that was cut is damaged.
func TestListWithoutTrailer(t *testing.T) {
	dir := t.TempDir()
	names := []string{"assets.extra/oscar.json", "saved_model.pb", "variables/variables.index"}
	var lines []string
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, sum([]byte(name))+"  "+name+"\n")
	}
	for n := range len(lines) + 1 {
		if err := os.WriteFile(filepath.Join(dir, File), []byte(strings.Join(lines[:n], "")), 0o666); err != nil {
			t.Fatal(err)
		}
		l, err := Read(dir)
		if whole := n == len(lines); whole != (err == nil) || whole && len(l) != n || !whole && !Is(err) {
			t.Errorf("%d of %d lines: %v, %v", n, len(lines), l, err)
		}
	}
}

// The list of a folder that this process is making, and so has locked, can be changed.
func TestUpdateOfAnUnfinishedFolder(t *testing.T) {
	fill := func(tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, "file"), nil, 0o666); err != nil {
			return err
		}
		return Update(tmp, "file")
	}
	for name, write := range map[string]func(dir string) error{
		"Dir": func(dir string) error { return atomicfile.Dir(dir, fill) },
		"Into": func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o777), atomicfile.Into(dir, "file", fill))
		},
	} {
		dir := filepath.Join(t.TempDir(), "results")
		if err := write(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if l, err := Read(dir); err != nil || len(l) != 1 {
			t.Errorf("%s: list %v, %v", name, l, err)
		}
	}
}
