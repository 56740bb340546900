package foreign

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/internal/testkit"
)

// TestMain removes the models when all tests are done.
func TestMain(m *testing.M) {
	agreement.AtEnd(func() {
		if made.dir != "" && os.Getenv("OSCAR_ZOO") == "" {
			os.RemoveAll(made.dir)
		}
	})
	agreement.Main(m, "OSCAR_PYTHON_TENSORFLOW")
}

var made struct {
	once   sync.Once
	dir    string
	output []byte
	err    error
}

// zoo is the folder of testdata/zoo.py's models, made once. OSCAR_ZOO names one
// that is there already.
func zoo(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("OSCAR_ZOO"); dir != "" {
		return dir
	}
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	made.once.Do(func() {
		if made.dir, made.err = os.MkdirTemp("", "oscar-zoo-*"); made.err != nil {
			return
		}
		made.output, made.err = script(packages, "zoo.py", made.dir).CombinedOutput()
	})
	if made.err != nil {
		t.Fatalf("zoo.py: %v\n%s", made.err, made.output[max(0, len(made.output)-4000):])
	}
	return made.dir
}

// script is a Python program of testdata.
func script(packages, name string, args ...string) *exec.Cmd {
	return testkit.Python(context.Background(), packages, append([]string{filepath.Join("testdata", name)}, args...)...)
}

// python runs a script.
func python(t *testing.T, name string, args ...string) {
	t.Helper()
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	if output, err := script(packages, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, output[max(0, len(output)-4000):])
	}
}

// read reads an array of a model's folder.
func read(t *testing.T, elem ...string) (graph.Shape, []float32) {
	t.Helper()
	shape, values, err := npy.Read(filepath.Join(elem...) + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	return shape, values
}

func readJSON(t *testing.T, into any, elem ...string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func images(t *testing.T, folder string) explain.Images {
	t.Helper()
	shape, pixels := read(t, folder, "image")
	return explain.Images{N: shape[0], Height: shape[1], Width: shape[2], Channels: shape[3], Pixels: pixels}
}
