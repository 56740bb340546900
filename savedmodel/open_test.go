package savedmodel_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// damage lets spoil change a copy of a file's bytes and puts the file back at
// the end of the test.
func damage(t *testing.T, path string, spoil func([]byte) []byte) {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, whole, 0o666); err != nil {
			t.Fatal(err)
		}
	})
	if spoiled := spoil(slices.Clone(whole)); spoiled != nil {
		err = os.WriteFile(path, spoiled, 0o666)
	} else {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// gone removes a file.
func gone([]byte) []byte { return nil }

// edit changes the JSON of the metadata.
func edit(change func(map[string]any)) func([]byte) []byte {
	return func(b []byte) []byte {
		m := map[string]any{}
		if err := json.Unmarshal(b, &m); err != nil {
			panic(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		return b
	}
}

// wantRefused opens a model, which must fail with the words.
func wantRefused(t *testing.T, dir string, words ...string) {
	t.Helper()
	b, err := savedmodel.Open(dir, graph.Config{})
	if err == nil {
		b.Close()
	} else {
		t.Log(err)
	}
	wantError(t, t.Name(), err, words...)
}

func TestOpenOfADamagedModel(t *testing.T) {
	dir := exported(t)
	half := func(b []byte) []byte { return b[:len(b)/2] }
	flipped := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	const data, index = "variables/variables.data-00000-of-00001", "variables/variables.index"
	// An older model has no list of checksums.
	older := filepath.Join(t.TempDir(), "older")
	if err := errors.Join(os.CopyFS(older, os.DirFS(dir)), os.Remove(filepath.Join(older, "SHA256SUMS"))); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		file  string
		spoil func([]byte) []byte
		words []string
	}{
		"no graph":             {"saved_model.pb", gone, []string{"not a SavedModel", "saved_model.pb"}},
		"half a graph":         {"saved_model.pb", half, []string{"saved_model.pb is damaged"}},
		"an empty graph":       {"saved_model.pb", func([]byte) []byte { return []byte{} }, []string{"saved_model.pb is damaged", "no graph"}},
		"no metadata":          {"assets.extra/oscar.json", gone, []string{"oscar.json", "not exported by oscar"}},
		"half the metadata":    {"assets.extra/oscar.json", half, []string{"oscar.json", "it ends in the middle of its JSON"}},
		"metadata of tomorrow": {"assets.extra/oscar.json", edit(func(m map[string]any) { m["format"] = 2 }), []string{"oscar.json", "format 2", "reads 1"}},
		"other classes":        {"assets.extra/oscar.json", edit(func(m map[string]any) { m["classes"] = []string{"a", "b"} }), []string{"oscar.json", "2 classes", "[N,3]"}},
		"another image": {"assets.extra/oscar.json", edit(func(m map[string]any) { m["image"] = map[string]any{"height": 5, "width": 5} }),
			[]string{"oscar.json", "5x5", "[N,12,10,3]"}},
		"no weights":       {data, gone, []string{data}},
		"half the weights": {data, half, []string{"may be damaged"}},
		"a flipped bit":    {data, flipped, []string{"Checksum does not match", "may be damaged"}},
		"no index":         {index, gone, []string{index}},
		"half the index":   {index, half, []string{"may be damaged"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			damage(t, filepath.Join(older, test.file), test.spoil)
			wantRefused(t, older, append(test.words, older)...)
		})
		t.Run(name+", with checksums", func(t *testing.T) {
			damage(t, filepath.Join(dir, test.file), test.spoil)
			wantRefused(t, dir, dir)
		})
	}
	open(t, dir) // all is back in place
	open(t, older)
}

// Every bit of a model's files counts: the constants of a frozen model and the names of the
// classes have no other check, and the weights have those of their tensors.
func TestOpenNoticesAFlippedBit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, frozen := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "model")
		export(t, trained(t, small()), dir, frozen)
		files := []string{"saved_model.pb", "assets.extra/oscar.json", "SHA256SUMS"}
		if !frozen {
			files = append(files, "variables/variables.index", "variables/variables.data-00000-of-00001")
		}
		for _, file := range files {
			for range 10 {
				t.Run(file, func(t *testing.T) {
					damage(t, filepath.Join(dir, file), func(b []byte) []byte {
						b[r.IntN(len(b))] ^= 1 << r.IntN(8)
						return b
					})
					words := []string{dir}
					if strings.HasPrefix(file, "variables") {
						words = []string{filepath.Join(dir, file), "is damaged: it differs", "export the model again"}
					}
					wantRefused(t, dir, words...)
				})
			}
		}
	}
}

// The answers do not depend on bytes that no tensor has.
func TestOpenOfLongerWeights(t *testing.T) {
	dir := exported(t)
	_, images := pixels(small(), 1, 3)
	want, err := open(t, dir).Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	damage(t, filepath.Join(dir, "variables/variables.data-00000-of-00001"), func(b []byte) []byte { return append(b, 1, 2, 3) })
	if got, err := open(t, dir).Predict(t.Context(), images); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestOpenOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nothing")
	_, err := savedmodel.Open(dir, graph.Config{})
	wantError(t, "no folder", err, dir, "not a SavedModel")
}

func TestDescribe(t *testing.T) {
	dir := exported(t)
	if err := os.RemoveAll(filepath.Join(dir, "variables")); err != nil { // they are not read
		t.Fatal(err)
	}
	meta, signatures, err := savedmodel.Describe(dir)
	if err != nil {
		t.Fatal(err)
	}
	if meta.Model != "small" || !slices.Equal(meta.Classes, classes) || len(meta.Layers) != 9 || meta.Explain != "conv5" {
		t.Errorf("metadata %+v", meta)
	}
	if want := []string{"gradcam", "serving_default"}; !slices.Equal(signatures, want) {
		t.Errorf("signatures %q, want %q", signatures, want)
	}
	damage(t, filepath.Join(dir, "saved_model.pb"), func([]byte) []byte { return []byte("no protobuf") })
	_, _, err = savedmodel.Describe(dir)
	wantError(t, "another graph", err, "saved_model.pb is damaged: it differs", "SHA256SUMS")
	damage(t, filepath.Join(dir, "SHA256SUMS"), gone)
	_, _, err = savedmodel.Describe(dir)
	wantError(t, "no graph", err, "saved_model.pb is damaged")
	_, _, err = savedmodel.Describe(t.TempDir())
	wantError(t, "an empty folder", err, "oscar.json")
}

// Models that were written before the table of layers said which are explainable are read
// alike, and a mark at an output that is no map is ignored.
func TestExplainableLayers(t *testing.T) {
	dir := exported(t)
	now, _, err := savedmodel.Describe(dir)
	if err != nil {
		t.Fatal(err)
	}
	var maps []string
	for _, l := range now.Layers {
		if l.Explainable {
			maps = append(maps, l.Name)
		}
	}
	if want := []string{"conv1", "relu1", "bn1", "conv5", "relu5", "pool5"}; !slices.Equal(maps, want) {
		t.Errorf("explainable are %q, want %q", maps, want)
	}
	damage(t, filepath.Join(dir, "SHA256SUMS"), gone) // as in older models
	for what, change := range map[string]func(layer map[string]any){
		"without marks":   func(layer map[string]any) { delete(layer, "explainable") },
		"with every mark": func(layer map[string]any) { layer["explainable"] = true },
	} {
		t.Run(what, func(t *testing.T) {
			damage(t, filepath.Join(dir, "assets.extra/oscar.json"), edit(func(m map[string]any) {
				for _, l := range m["layers"].([]any) {
					change(l.(map[string]any))
				}
			}))
			got, _, err := savedmodel.Describe(dir)
			if err != nil || !reflect.DeepEqual(got.Layers, now.Layers) {
				t.Errorf("layers are %+v, want %+v, %v", got.Layers, now.Layers, err)
			}
		})
	}
}

// A table that names another tensor than a layer's gets an error, not a panic.
func TestFeatureThatIsNoMap(t *testing.T) {
	dir := exported(t)
	damage(t, filepath.Join(dir, "SHA256SUMS"), gone)
	damage(t, filepath.Join(dir, "assets.extra/oscar.json"), edit(func(m map[string]any) {
		m["layers"].([]any)[0].(map[string]any)["feature"] = "logits:0"
	}))
	b := open(t, dir)
	_, images := pixels(small(), 1, 3)
	_, err := b.Differentiate(t.Context(), images, []int{0}, "conv1", explain.Logit)
	wantError(t, "logits as a layer", err, "conv1", "logits:0", "[N,3]")
}

func TestMetadataListsWhatThereIs(t *testing.T) {
	b := open(t, exported(t))
	if i, err := b.Metadata.Class("metal"); err != nil || i != 2 {
		t.Errorf("metal is class %d, %v", i, err)
	}
	_, err := b.Metadata.Class("plastic")
	wantError(t, "plastic", err, `no class "plastic"`, "have cardboard, glass, metal")
	for _, layer := range []string{"conv1", "relu1", "bn1", "conv5", "relu5", "pool5"} {
		if err := b.CheckLayer(layer); err != nil {
			t.Errorf("%s: %v", layer, err)
		}
	}
	wantError(t, "conv6", b.CheckLayer("conv6"), `no layer "conv6"`, "have conv1, relu1, bn1, conv5, relu5, pool5")
	wantError(t, "fc1", b.CheckLayer("fc1"), `layer "fc1" gives [3]`, "[height,width,channels]", "have conv1")
}

// TestAbsurdMetadata puts values that no model has into each place of oscar.json.
// Opening gives an error or a model, and never panics.
func TestAbsurdMetadata(t *testing.T) {
	dir := exported(t)
	path := filepath.Join(dir, "assets.extra", "oscar.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.WriteFile(path, text, 0o666) })
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	tries, refused := 0, 0
	var spoil func(node any, set func(any))
	spoil = func(node any, set func(any)) {
		for _, v := range []any{nil, -1, 0, 1e9, int64(1) << 62, "", "../x", "/x", []any{}, []any{-1, 1e18, 1e18}, map[string]any{}} {
			set(v)
			b, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
			tries++
			meta, _, err := savedmodel.Describe(dir)
			if err != nil {
				refused++
				continue
			}
			for _, name := range meta.Classes {
				if !filepath.IsLocal(name) {
					t.Errorf("class %q is taken", name)
				}
			}
			for _, l := range meta.Layers {
				if !filepath.IsLocal(l.Name) {
					t.Errorf("layer %q is taken", l.Name)
				}
			}
			if tries%16 != 0 { // opening takes longer
				continue
			}
			if b, err := savedmodel.Open(dir, graph.Config{Threads: graph.Threads{Intra: 1, Inter: 1}}); err == nil {
				b.Close()
			}
		}
		set(node)
		switch node := node.(type) {
		case map[string]any:
			for key, v := range node {
				spoil(v, func(v any) { node[key] = v })
			}
		case []any:
			for i, v := range node {
				spoil(v, func(v any) { node[i] = v })
			}
		}
	}
	spoil(tree, func(v any) { tree = v })
	if refused < tries/4 {
		t.Errorf("of %d changed files %d are refused", tries, refused)
	}
}
