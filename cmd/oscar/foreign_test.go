package main

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"oscar/internal/npy"
	"oscar/internal/testkit"
)

// A user's Keras model, as README says: exported, adopted, explained, judged. $MODELS is
// what testdata/foreign/models.py wrote, $DATA the images that the model was trained on.
func TestForeignModels(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	images := filepath.Join(shared(t), "shapes", "images")
	models := os.Getenv("OSCAR_KERAS_MODELS") // that are there already
	if models == "" {
		models = filepath.Join(t.TempDir(), "models")
		cmd := testkit.Python(t.Context(), packages, filepath.Join("testdata", "foreign", "models.py"), images, filepath.Join("..", "..", "README.md"), models)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("models.py: %v\n%s", err, output[max(0, len(output)-4000):])
		}
	}
	t.Run("script", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir: filepath.Join("testdata", "foreign"),
			Setup: func(e *testscript.Env) error {
				e.Setenv("DATA", images)
				e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
				e.Setenv("PYTHON", cmp.Or(os.Getenv("OSCAR_PYTHON"), "python3"))
				e.Setenv("PYTHONPATH", packages)
				e.Setenv("CUDA_VISIBLE_DEVICES", "-1")
				return os.CopyFS(filepath.Join(e.WorkDir, "models"), os.DirFS(models))
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"refused": refused, "near": near, "jsonkeys": jsonKeys, "lines": lines,
			},
		})
	})
}

// near compares the values of two arrays: near A.npy B.npy. They may differ by 1e-4 of the
// largest.
func near(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: near A.npy B.npy")
	}
	_, a, err := npy.Read(ts.MkAbs(args[0]))
	ts.Check(err)
	_, b, err := npy.Read(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(a) != len(b) {
		ts.Fatalf("%d values and %d", len(a), len(b))
	}
	largest, apart := float32(0), float32(0)
	for i := range a {
		largest, apart = max(largest, a[i], -a[i]), max(apart, a[i]-b[i], b[i]-a[i])
	}
	if !(apart <= 1e-4*largest) || largest == 0 {
		ts.Fatalf("they differ by %g, and the largest is %g", apart, largest)
	}
}
