package paths

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hostile makes a folder and a file next to it, and returns names that lead from
// one to the other.
func hostile(t *testing.T) (dir, secret string, names []string) {
	t.Helper()
	top := t.TempDir()
	dir, secret = filepath.Join(top, "results"), filepath.Join(top, "secret")
	if err := os.MkdirAll(filepath.Join(dir, "maps"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"up": "..", "absolute": top, "maps/up": "../.."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, secret, []string{"../secret", secret, "maps/../../secret", "", "..", "up/secret", "absolute/secret", "maps/up/secret"}
}

func TestLocalStaysBelowTheFolder(t *testing.T) {
	dir, secret, names := hostile(t)
	for _, name := range names {
		path, err := Local(dir, name)
		if err == nil {
			t.Errorf("%q leads to %s", name, path)
		}
		removed := RemoveLocal(dir, name)
		if removed == nil {
			t.Errorf("%q was removed", name)
		}
		if link, by := strings.CutSuffix(name, "/secret"); by && !filepath.IsAbs(name) && !strings.Contains(name, "..") {
			want := fmt.Sprintf("%s: the link %s leads out of the folder; remove the link", filepath.Join(dir, name), filepath.Join(dir, link))
			for _, err := range []error{err, removed} {
				if !errors.Is(err, ErrOutside) || err.Error() != want {
					t.Errorf("%v, want %s", err, want)
				}
			}
		}
		if b, err := os.ReadFile(secret); err != nil || string(b) != "secret" {
			t.Fatalf("after %q: %q, %v", name, b, err)
		}
	}
	// A link to the file itself is removed, not the file; it is not read.
	if err := os.Symlink("../secret", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := Local(dir, "link"); err == nil {
		t.Error("a link out of the folder is followed")
	}
	if err := RemoveLocal(dir, "link"); err != nil || !Exists(secret) || Exists(filepath.Join(dir, "link")) {
		t.Errorf("the link is not removed, or its file is: %v", err)
	}
	for _, name := range []string{"maps", "maps/new.npy", "maps/./a", "none/at/all"} {
		if path, err := Local(dir, name); err != nil || path != filepath.Join(dir, name) {
			t.Errorf("%q: %s, %v", name, path, err)
		}
	}
	if err := RemoveLocal(dir, "maps/none"); err != nil {
		t.Error(err)
	}
}

func TestReadFileReadsRegularFilesUpToALimit(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	text := make([]byte, 5000)
	for i := range text {
		text[i] = byte(i)
	}
	if err := os.WriteFile(file, text, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(file, 5000); err != nil || string(b) != string(text) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if b, err := ReadFile("/proc/self/status", 1<<20); err != nil || len(b) == 0 { // its size is 0
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := ReadFile(filepath.Join(dir, "none"), 1); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
	for path, want := range map[string]string{
		file:        file + " is larger than 4999 bytes, the most that is read",
		dir:         dir + " is a folder, want a file",
		pipe:        pipe + " is not a regular file (p---------)",
		"/dev/zero": "/dev/zero is not a regular file (Dc---------)",
	} {
		done := make(chan error, 1)
		go func() { _, err := ReadFile(path, 4999); done <- err }()
		select {
		case err := <-done:
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s hangs", path)
		}
	}
	if _, err := ReadFile("/proc/self/status", 10); err == nil {
		t.Error("a file without a size is read beyond the limit")
	}
}

// The largest size of a file of results is that of its kind, whatever its folder; a larger file
// is refused without being read.
func TestReadRecordUpToTheLimitOfTheName(t *testing.T) {
	dir := t.TempDir()
	for name, limit := range map[string]int64{
		"metrics.jsonl": 1 << 26, "saved_model/assets.extra/oscar.json": 1 << 26, "checkpoints/step-1/state.json": 1 << 26,
		"manifest.jsonl": 1 << 30, "split.json": 1 << 30, "evaluation.json": 1 << 30, "parts/state.json.part": 1 << 30,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o666); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadRecord(path); err != nil || string(b) != "{}" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		for _, size := range []int64{limit + 1, 1 << 40} {
			if err := os.Truncate(path, size); err != nil {
				t.Skip(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := ReadRecord(path)
			runtime.ReadMemStats(&after)
			if want := fmt.Sprintf("%s is larger than %d bytes, the most that is read", path, limit); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
				t.Errorf("%s: %d bytes were taken before it was refused", name, got)
			}
		}
	}
}
