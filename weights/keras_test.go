package weights

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/internal/testkit"
	"oscar/tfmodel"
)

// Networks of Keras Applications with random weights answer in oscar as in Keras, from
// every kind of file that Keras saves weights in.
func TestKerasWeights(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	if testing.Short() {
		t.Skip("makes networks in Keras")
	}
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	command := testkit.Python(t.Context(), packages, filepath.Join("testdata", "in_keras.py"), folder)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("in_keras.py: %v\n%s", err, output[max(0, len(output)-4000):])
	}
	text, err := os.ReadFile(at("applications.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]struct{ Parameters, Frozen int }
	if err := json.Unmarshal(text, &table); err != nil || len(table) != 2 {
		t.Fatal(table, err)
	}
	version, err := os.ReadFile(at("version.txt"))
	if err != nil {
		t.Fatal(err)
	}
	shape, images, err := npy.Read(at("images.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range table {
		whole, err := tfmodel.Lookup(name, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if total, frozen, err := whole.Parameters(); err != nil || total != want.Parameters || frozen != want.Frozen {
			t.Errorf("%s: %d parameters, %d not trained, %v; Keras's has %d and %d", name, total, frozen, err, want.Parameters, want.Frozen)
		}
		_, logits, err := npy.Read(at(name + ".npy"))
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{".weights.h5", ".h5", ".keras"} { // oscar's reader and h5py read the same
			if name == "mobilenet_v2" || end == ".weights.h5" {
				sameTensors(t, at(name+end), at(name+end+".safetensors"))
			}
		}
		for _, end := range []string{".weights.h5.safetensors", ".h5.safetensors", ".keras.safetensors", ".ckpt"} {
			if name != "mobilenet_v2" && end != ".weights.h5.safetensors" {
				continue
			}
			got := answers(t, at(name+end), name, shape, images, 5, "Keras Applications")
			agreement.Check(t, agreement.Line{
				Group: agreement.Layer, Subject: "forward", Model: name, Oracle: string(version),
				Compared:   "logits with weights that Keras saved, " + strings.TrimPrefix(end, "."),
				Difference: agreement.Apart(got, logits), Of: "the largest", Bound: 1e-5,
			})
		}
	}
}

// sameTensors fails unless two files have the same tensors, to the bit.
func sameTensors(t *testing.T, path, other string) {
	t.Helper()
	var tensors [2]map[string]tensor
	var values [2][][]float32
	for i, p := range []string{path, other} {
		f, err := Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		tensors[i] = f.tensors
		if values[i], err = f.read(t.Context(), slices.Sorted(maps.Keys(f.tensors))); err != nil {
			t.Fatal(err)
		}
	}
	if len(tensors[0]) == 0 || !reflect.DeepEqual(tensors[0], tensors[1]) || !reflect.DeepEqual(values[0], values[1]) {
		t.Errorf("%s and %s differ", path, other)
	}
}

// answers are the logits of an architecture with the weights of a file, whose names are a
// program's and all of whose tensors are used.
func answers(t *testing.T, path, name string, shape []int, images []float32, classes int, program string) []float32 {
	t.Helper()
	file, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := tfmodel.Lookup(name, 2)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := file.Classes(a); err != nil || n != classes {
		t.Fatalf("%s: %d classes, %v; want %d", path, n, err, classes)
	}
	if a, err = tfmodel.Lookup(name, classes); err != nil {
		t.Fatal(err)
	}
	return answersOf(t, file, a, shape, images, program)
}

func answersOf(t *testing.T, file *File, a tfmodel.Architecture, shape []int, images []float32, program string) []float32 {
	t.Helper()
	a.Input = tfmodel.Shape(shape[1:])
	a, err := file.Prepare(a)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := file.Load(t.Context(), a, true)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(loaded.Program, program) || len(loaded.Unused) > 0 || len(loaded.Head) > 0 {
		t.Errorf("%s: names of %s, unused %v, head %v; want %s's, all used", file.Path, loaded.Program, loaded.Unused, loaded.Head, program)
	}
	return logitsOf(t, a, loaded.Values, shape, images)
}

func logitsOf(t *testing.T, a tfmodel.Architecture, values map[string][]float32, shape []int, images []float32) []float32 {
	t.Helper()
	n, err := tfmodel.CompileFrozen(a, values)
	if err != nil {
		t.Fatal(err)
	}
	session, err := n.Graph.NewSession(graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.Run(t.Context(), []graph.Feed{{To: n.Image, Value: graph.FromFloat32s(shape, images)}}, []graph.Tensor{n.Logits})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float32s()
}
