package tfmodel

import (
	"slices"
	"strings"
	"testing"

	"oscar/explain"
)

// At every depth the layers above are as an untrained network of the seed has
// them, those below as they were trained; and the way back gives the trained
// model again, to the bit.
func TestRandomized(t *testing.T) {
	n, s, constants := trainedTiny(t)
	trained, second := attach(t, n, s, nil).Bundle, attach(t, n, s, nil).Bundle
	const seed = 7
	r, err := Randomize(trained, second, seed)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"fc3", "fc1", "conv5", "bn1", "conv1"}; !slices.Equal(r.Layers, want) {
		t.Fatalf("layers %v, want %v", r.Layers, want)
	}
	learnt, err := n.Values(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	untrained := newTrainer(t, Tiny(4), seed)
	fresh := weights(t, untrained)
	for _, depth := range []int{1, 3, 5, 2, 4, 0} {
		if err := r.To(t.Context(), depth); err != nil {
			t.Fatal(err)
		}
		for name, values := range learnt {
			layer, _, _ := strings.Cut(name, "/")
			want := values
			if slices.Contains(r.Layers[:depth], layer) {
				want = fresh[name]
			}
			got, err := second.Read(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[name], want) {
				t.Errorf("depth %d: %s is neither trained nor fresh", depth, name)
			}
		}
	}
	images := tinyImages(3)
	want := logitsOf(t, trained, images)
	if got := logitsOf(t, second, images); !slices.Equal(got, want) {
		t.Errorf("after the way back the logits are %v, want %v", got, want)
	}
	if err := r.To(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if got := logitsOf(t, second, images); slices.Equal(got, want) {
		t.Error("a randomized model gives the trained one's logits")
	}
	if got := logitsOf(t, trained, images); !slices.Equal(got, want) {
		t.Error("randomizing the second opening changed the first")
	}

	if err := r.To(t.Context(), 6); err == nil || !strings.Contains(err.Error(), "want 0 to 5") {
		t.Errorf("depth 6 of 5: %v", err)
	}
	fixed := attach(t, constants, nil, nil).Bundle
	r, err = Randomize(fixed, fixed, seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.To(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "a frozen model has none") {
		t.Errorf("a frozen model: %v", err)
	}
}

func logitsOf(t *testing.T, m explain.Predictor, images explain.Images) []float32 {
	t.Helper()
	p, err := m.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(p.Logits...)
}
