package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// list returns the names in dir.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantList(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := list(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// put returns a fill for [Dir] that writes text to the file "model".
func put(text string) func(string) error {
	return func(tmp string) error { return os.WriteFile(filepath.Join(tmp, "model"), []byte(text), 0o666) }
}

func TestWriteAndReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.json")
	for _, text := range []string{"old", "new", ""} {
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != text {
			t.Errorf("holds %q, want %q", got, text)
		}
	}
	wantList(t, dir, "metrics.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o666&^umask { // others may read it, unlike CreateTemp's
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

var errFull = errors.New("disk full")

func TestFailureKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.json")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	err := Stream(path, func(f *os.File) error {
		fmt.Fprint(f, "half of the n")
		return errFull
	})
	if !errors.Is(err, errFull) || read(t, path) != "old" {
		t.Errorf("after %v the file holds %q", err, read(t, path))
	}
	wantList(t, dir, "metrics.json")
}

func TestDirAndReplace(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "runs", "one") // made on the way
	dir := filepath.Join(parent, "model")
	if err := Dir(dir+"/", put("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "left over"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir, put("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "model")); got != "new" {
		t.Errorf("holds %q", got)
	}
	wantList(t, parent, "model")
	wantList(t, dir, "model")
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o777&^umask { // unlike MkdirTemp's
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestDirWhereTwoFoldersCannotBeExchanged(t *testing.T) {
	able := exchange
	defer func() { exchange = able }()
	exchange = func(string, string) error { return syscall.EINVAL }
	TestDirAndReplace(t)

	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	exchange = func(string, string) error { return syscall.EIO } // not inability: a fault
	if err := errors.Join(Dir(dir, put("old")), Dir(dir, put("new"))); !errors.Is(err, syscall.EIO) || read(t, filepath.Join(dir, "model")) != "old" {
		t.Errorf("after %v the folder holds %q", err, read(t, filepath.Join(dir, "model")))
	}
	wantList(t, parent, "model")
}

func TestFailureKeepsTheOldFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	if err := Dir(dir, put("old")); err != nil {
		t.Fatal(err)
	}
	err := Dir(dir, func(tmp string) error { return errors.Join(put("half")(tmp), errFull) })
	if !errors.Is(err, errFull) || read(t, filepath.Join(dir, "model")) != "old" {
		t.Errorf("after %v the folder holds %q", err, read(t, filepath.Join(dir, "model")))
	}
	wantList(t, parent, "model")
	// Nor does one appear where none was.
	if err := Dir(filepath.Join(parent, "other"), func(string) error { return errFull }); !errors.Is(err, errFull) {
		t.Error(err)
	}
	wantList(t, parent, "model")
}

func TestInto(t *testing.T) {
	dir := t.TempDir()
	err := Into(dir, "model", func(tmp string) error { return errors.Join(put("half")(tmp), errFull) })
	if !errors.Is(err, errFull) {
		t.Error(err)
	}
	wantList(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, "maps", "old"), 0o777); err != nil {
		t.Fatal(err)
	}
	fill := func(tmp string) error {
		return errors.Join(put("new")(tmp), os.Mkdir(filepath.Join(tmp, "maps"), 0o777), os.WriteFile(filepath.Join(tmp, "z"), nil, 0o666))
	}
	if err := Into(dir, "model", fill); err != nil {
		t.Fatal(err)
	}
	wantList(t, dir, "maps", "model", "z")
	wantList(t, filepath.Join(dir, "maps"))
	if got := read(t, filepath.Join(dir, "model")); got != "new" {
		t.Errorf("holds %q", got)
	}
	// The last file comes last: it is not there if another cannot be put in place.
	if err := Into(dir, "missing", fill); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the last file: %v", err)
	}
}

func TestAFileInTheWayIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Dir(filepath.Join(path, "model"), put("new")); err == nil {
		t.Error("a folder below a file: no error")
	}
	if err := Write(filepath.Join(path, "metrics.json"), nil); err == nil {
		t.Error("a file below a file: no error")
	}
	if got := read(t, path); got != "mine" {
		t.Errorf("the file holds %q", got)
	}
}

// A reader beside a writer finds one of both, whole, at any moment: so does
// who comes after a writer that was killed at that moment.
func TestReaderFindsTheOldOrTheNew(t *testing.T) {
	const times = 50
	parent := t.TempDir()
	dir, file := filepath.Join(parent, "model"), filepath.Join(parent, "metrics.json")
	long := strings.Repeat("x", 100_000)
	write := func(i int) error {
		return errors.Join(Dir(dir, put(fmt.Sprint(i, long))), Write(file, fmt.Append(nil, i, long)))
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		var err error
		for i := 1; i <= times && err == nil; i++ {
			err = write(i)
		}
		done <- err
	}()
	for reads := 0; ; reads++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d reads", reads)
			return
		default:
		}
		for _, path := range []string{filepath.Join(dir, "model"), file} {
			b, err := os.ReadFile(path)
			if err != nil || !strings.HasSuffix(string(b), long) {
				<-done
				t.Fatalf("after %d reads, %d bytes of %s, %v", reads, len(b), path, err)
			}
		}
	}
}

// TestMain plays, when told to, the process that is killed: it stops in the
// middle of its writing.
func TestMain(m *testing.M) {
	parent := os.Getenv("ATOMICFILE_KILL")
	if parent == "" {
		os.Exit(m.Run())
	}
	die := func() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	if os.Getenv("ATOMICFILE_KIND") == "file" {
		Stream(filepath.Join(parent, "metrics.json"), func(f *os.File) error {
			fmt.Fprint(f, "half")
			return die()
		})
	} else {
		Dir(filepath.Join(parent, "model"), func(tmp string) error { return errors.Join(put("half")(tmp), die()) })
	}
	select {} // SIGKILL is on its way
}

func TestKilledWriterLeavesTheOldAndAPartialToClean(t *testing.T) {
	parent := t.TempDir()
	dir, file := filepath.Join(parent, "model"), filepath.Join(parent, "metrics.json")
	if err := errors.Join(Dir(dir, put("old")), Write(file, []byte("old"))); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"file", "folder"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ATOMICFILE_KILL="+parent, "ATOMICFILE_KIND="+kind)
		if err := cmd.Run(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the helper ended with %v, want it killed", err)
		}
	}
	if got := list(t, parent); len(got) != 4 {
		t.Errorf("the helpers should have left two partial ones: %q", got)
	}
	if err := Clean(parent); err != nil {
		t.Fatal(err)
	}
	wantList(t, parent, "metrics.json", "model")
	if read(t, file) != "old" || read(t, filepath.Join(dir, "model")) != "old" {
		t.Errorf("the file holds %q, the folder %q", read(t, file), read(t, filepath.Join(dir, "model")))
	}
}

func TestCleanTouchesNothingElse(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".hidden", "partial-1", "x.partial-1", ".partial-model-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	wantList(t, dir, ".hidden", "partial-1", "x.partial-1")
	if err := Clean(filepath.Join(dir, "nothing")); !os.IsNotExist(err) {
		t.Errorf("of no folder: %v", err)
	}
}

// Clean spares what another process writes at the time, which may be the last file of
// results that it has unlocked already.
func TestCleanSparesTheLiving(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "command.json")
	err := Stream(path, func(f *os.File) error {
		fmt.Fprint(f, "text")
		return Clean(dir)
	})
	if err != nil || read(t, path) != "text" {
		t.Errorf("it holds %q, %v", read(t, path), err)
	}
	wantList(t, dir, "command.json")

	// Nor does it take a file between its making and its lock.
	stop := make(chan struct{})
	var cleaner sync.WaitGroup
	cleaner.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := Clean(dir); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for i := range 100 {
		if err := Draft(path, Bytes([]byte("text"))); err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	close(stop)
	cleaner.Wait()
	wantList(t, dir, "command.json")
}

// Output removes what dead processes left of its file, and nothing else.
func TestOutputSweeps(t *testing.T) {
	dir := t.TempDir()
	lives, err := os.OpenFile(filepath.Join(dir, Prefix+"out.csv-1"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer lives.Close()
	if err := syscall.Flock(int(lives.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{Prefix + "out.csv-22", Prefix + "out.csv-x", Prefix + "other.csv-3", "mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := Output(filepath.Join(dir, "out.csv"), Bytes([]byte("a"))); err != nil {
		t.Fatal(err)
	}
	var got []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{Prefix + "other.csv-3", Prefix + "out.csv-1", Prefix + "out.csv-x", "mine", "out.csv"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
