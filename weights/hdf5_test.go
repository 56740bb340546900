package weights

import (
	"archive/zip"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"oscar/internal/hdf5"
)

const kerasFile = "../internal/hdf5/testdata/keras.weights.h5"

// A file of Keras's has its tensors by layer and role, in a .keras too.
func TestOpenKeras(t *testing.T) {
	text, err := os.ReadFile(kerasFile)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]tensor{
		"conv1/kernel": {[]int{3, 3, 3, 4}, true}, "conv1/bias": {[]int{4}, true}, "fc/kernel": {[]int{784, 3}, true}, "fc/bias": {[]int{3}, true},
		"bn1/gamma": {[]int{4}, true}, "bn1/beta": {[]int{4}, true}, "bn1/moving_mean": {[]int{4}, true}, "bn1/moving_variance": {[]int{4}, true},
	}
	stored := archive(t, "model.weights.h5", zip.Store, text)
	for _, path := range []string{kerasFile, stored} {
		f, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(f.tensors, want) {
			t.Errorf("%s has %v", path, f.tensors)
		}
		values, err := f.read(t.Context(), []string{"bn1/moving_variance", "conv1/kernel"})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(values[0], []float32{1, 1, 1, 1}) || len(values[1]) != 108 || values[1][0] != -0.14874854683876038 {
			t.Errorf("%s has the values %v and %v", path, values[0], values[1])
		}
	}
	for path, words := range map[string][]string{
		archive(t, "model.weights.h5", zip.Deflate, text): {"is compressed, which is not read", "scripts/weights-to-safetensors"},
		archive(t, "config.json", zip.Store, text):        {"holds no model.weights.h5"},
		cut(t, text, 4000): {"it is damaged: ", "scripts/weights-to-safetensors", "cut.safetensors makes a file of it that can be read"},
	} {
		_, err := Open(t.Context(), path)
		wantError(t, err, words...)
	}
}

func archive(t *testing.T, name string, method uint16, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.keras")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func cut(t *testing.T, content []byte, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cut.h5")
	if err := os.WriteFile(path, content[:n], 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Keras 2 names variables, in lists that may be split.
func TestKerasNames(t *testing.T) {
	f := &hdf5.File{Groups: map[string]hdf5.Group{
		"": {}, "model_weights": {"layer_names": {"a", "b"}}, "model_weights/a": {"weight_names0": {"a/a/kernel:0"}, "weight_names1": {"a/a/bias:0"}},
		"model_weights/b": {"weight_names": {}}, "model_weights/a/a": {},
	}, Arrays: map[string]hdf5.Array{"model_weights/a/a/a/kernel:0": {Offset: 1}, "model_weights/a/a/a/bias:0": {Offset: 2}}}
	got, err := kerasNames(f)
	if want := map[string]hdf5.Array{"a/kernel": {Offset: 1}, "a/bias": {Offset: 2}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	delete(f.Arrays, "model_weights/a/a/a/bias:0")
	_, err = kerasNames(f)
	wantError(t, err, "layer a has no array a/a/bias:0")
	_, err = kerasNames(&hdf5.File{Groups: map[string]hdf5.Group{"layers/conv2d/vars": {}}})
	wantError(t, err, "no variables with names of layers")
	same := map[string]hdf5.Group{"x/vars": {"name": {"fc"}}, "y/vars": {"name": {"fc"}}}
	_, err = kerasNames(&hdf5.File{Groups: same, Arrays: map[string]hdf5.Array{"x/vars/0": {}, "y/vars/0": {}}})
	wantError(t, err, "two layers are called fc")
}

// The state of the optimizer, which model.save also stores, is not a weight.
func TestOptimizerIsLeftOut(t *testing.T) {
	array := hdf5.Array{Shape: []int{3, 2}, Type: "float32"}
	got, err := kerasNames(&hdf5.File{
		Groups: map[string]hdf5.Group{"optimizer/vars": {"name": {"adam"}}, "layers/conv2d/vars": {"name": {"stem"}}},
		Arrays: map[string]hdf5.Array{"optimizer/vars/0": array, "optimizer/vars/1": array, "layers/conv2d/vars/0": array},
	})
	if _, ok := got["stem/kernel"]; err != nil || !ok || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}
