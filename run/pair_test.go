package run

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/atomicfile"
)

var pairs = flag.Int("pairs", 50, "pairs of processes that make a run in one folder")

// TestMain plays, in a process of its own, one that makes a run.
func TestMain(m *testing.M) {
	os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2")
	if dir := os.Getenv("OSCAR_TEST_RUN"); dir != "" {
		seed, err := strconv.ParseUint(os.Getenv("OSCAR_TEST_SEED"), 10, 64)
		if err == nil {
			err = create(dir, seed)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// create makes a run without images, in which all files say which seed it has.
func create(dir string, seed uint64) error {
	folder, err := Claim(dir)
	if err != nil {
		return err
	}
	e := experiment.Default()
	e.Architecture.Name, e.Seed, e.Data.Root = "tiny", seed, "/none"
	if err := e.Resolve(2); err != nil {
		return err
	}
	split, err := splitOf(seed)
	if err != nil {
		return err
	}
	r, err := Create(folder, e, NewEnvironment(Config{}, seed), split)
	if err != nil {
		return err
	}
	return r.Close()
}

// splitOf divides images that are not there.
func splitOf(seed uint64) (*dataset.Split, error) {
	f := &dataset.Folder{Root: "/none", Classes: []string{"a", "b"}}
	for class, name := range f.Classes {
		for i := range 10 {
			path := fmt.Sprintf("%s/%d.png", name, i)
			f.Items = append(f.Items, dataset.Item{Path: path, Class: class, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(path)))})
		}
	}
	return dataset.NewSplit(f, dataset.DefaultFractions, seed)
}

// Of two processes that make a run in one folder at the same time one wins. The
// other is refused and changes nothing.
func TestPairs(t *testing.T) {
	refusals := map[string]int{}
	n := *pairs
	if testing.Short() {
		n = min(n, 10)
	}
	for pair := range n {
		dir := filepath.Join(t.TempDir(), "run")
		var both [2]*exec.Cmd
		var said [2]bytes.Buffer
		for i := range both {
			both[i] = exec.Command(os.Args[0])
			both[i].Env = append(os.Environ(), "OSCAR_TEST_RUN="+dir, fmt.Sprint("OSCAR_TEST_SEED=", i+1))
			both[i].Stdout = &said[i]
			if err := both[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		winner, wins := 0, 0
		for i := range both {
			if both[i].Wait() == nil {
				winner, wins = i, wins+1
				continue
			}
			text := strings.TrimSpace(strings.ReplaceAll(said[i].String(), dir, "RUN"))
			refusals[text]++
			if text != "RUN is in use by another oscar" && text != `RUN holds another run; continue with "oscar train --resume RUN", or name a new folder` {
				t.Errorf("pair %d: refused with %s", pair, text)
			}
		}
		if wins != 1 {
			t.Fatalf("pair %d: %d made the run", pair, wins)
		}
		seed := uint64(winner + 1)
		r := &Run{Dir: dir}
		if err := r.read(); err != nil {
			t.Fatal(err)
		}
		if r.Experiment.Seed != seed || r.Environment.Seed != seed || r.Split.Seed != seed {
			t.Errorf("pair %d: the run of seed %d has %d, %d and %d", pair, seed, r.Experiment.Seed, r.Environment.Seed, r.Split.Seed)
		}
	}
	t.Log(refusals)
}

// A process that ended before it wrote experiment.json leaves a folder that can be
// used again; a failure leaves none.
func TestCreateWholeOrNotAtAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	folder, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{MetricsFile, SplitFile, CheckpointsDir + "/step-1/x", DataDir + "/images/x"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
	if err := create(dir, 3); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointsDir + "/step-1", DataDir} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s of the killed process is in the run", name)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, MetricsFile)); err != nil || len(b) > 0 {
		t.Errorf("metrics: %q, %v", b, err)
	}

	other := filepath.Join(t.TempDir(), "run")
	if folder, err = Claim(other); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(other, ExperimentFile), 0o777); err != nil { // so that it cannot be written
		t.Fatal(err)
	}
	e := experiment.Default()
	e.Architecture.Name, e.Data.Root = "tiny", "/none"
	if err := e.Resolve(2); err != nil {
		t.Fatal(err)
	}
	split, err := splitOf(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(folder, e, NewEnvironment(Config{}, 1), split); err == nil {
		t.Error("no error")
	}
	left, err := os.ReadDir(other)
	if err != nil || len(left) != 2 { // the lock, and what the test made
		t.Errorf("%v, %v", left, err)
	}

	// An earlier file cannot be written: experiment.json is not written either.
	third := filepath.Join(t.TempDir(), "run")
	if folder, err = Claim(third); err != nil {
		t.Fatal(err)
	}
	atomicfile.Fault = func(step, path string) error {
		if filepath.Base(path) == SplitFile {
			return syscall.ENOSPC
		}
		return nil
	}
	defer func() { atomicfile.Fault = nil }()
	if _, err := Create(folder, e, NewEnvironment(Config{}, 1), split); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without room for the split: %v", err)
	}
	if left, err := os.ReadDir(third); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}
