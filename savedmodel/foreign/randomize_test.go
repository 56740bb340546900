package foreign

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// An adopted model is randomized from the logits down, in few stages, and comes back to the
// bit. The values of a variable stay, in another order.
func TestRandomizeAdopted(t *testing.T) {
	root := zoo(t)
	for name, want := range map[string]struct{ first, last string }{"nested": {"dense", "Conv1"}, "user_seq": {"dense_1", "conv2d"}} {
		t.Run(name, func(t *testing.T) {
			model := filepath.Join(t.TempDir(), "model")
			if _, err := Adopt(t.Context(), filepath.Join(root, name, "export"), model, zooModels[name].options); err != nil {
				t.Fatal(err)
			}
			open := func() *savedmodel.Bundle {
				b, err := savedmodel.Open(model, graph.Config{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { b.Close() })
				return b
			}
			trained, second := open(), open()
			variables, err := trained.Variables()
			if err != nil {
				t.Fatal(err)
			}
			if got := filepath.Base(filepath.Dir(variables[0])); got != want.last {
				t.Errorf("the image meets %s first, want %s", variables[0], want.last)
			}
			r, err := tfmodel.Randomize(trained, second, 1)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(r.Layers); n < 2 || n > 16 || filepath.Base(r.Layers[0]) != want.first {
				t.Errorf("%d stages, %q, want %s first", n, r.Layers, want.first)
			}
			in := images(t, filepath.Join(root, name))
			logits := func(b *savedmodel.Bundle) [][]float32 {
				p, err := b.Predict(t.Context(), explain.Images{N: 1, Height: in.Height, Width: in.Width, Channels: 3, Pixels: in.Pixels[:len(in.Pixels)/in.N]})
				if err != nil {
					t.Fatal(err)
				}
				return p.Logits
			}
			before := logits(trained)
			head := variables[slices.IndexFunc(variables, func(v string) bool { return strings.Contains(v, want.first+"/kernel") })]
			old, err := trained.Read(t.Context(), head, variables[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := r.To(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			now, err := second.Read(t.Context(), head, variables[0])
			if err != nil {
				t.Fatal(err)
			}
			if slices.Equal(now[head], old[head]) {
				t.Errorf("%s is as it was", head)
			}
			slices.Sort(now[head])
			slices.Sort(old[head])
			if !slices.Equal(now[head], old[head]) {
				t.Errorf("%s has other values", head)
			}
			if !slices.Equal(now[variables[0]], old[variables[0]]) {
				t.Errorf("%s is randomized with the head", variables[0])
			}
			if slices.Equal(logits(second)[0], before[0]) {
				t.Error("the logits are as they were")
			}
			if err := r.To(t.Context(), len(r.Layers)); err != nil {
				t.Fatal(err)
			}
			if err := r.To(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			if got := logits(second); !slices.Equal(got[0], before[0]) {
				t.Errorf("after the way back the logits are %v, want %v", got, before)
			}
		})
	}
}
