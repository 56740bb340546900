package tfmodel

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// tunedTrainer trains an architecture with the weights of a bundle before its head.
func tunedTrainer(t *testing.T, a Architecture, o Tuning, prefix string, seed uint64) *Trainer {
	t.Helper()
	a, err := a.Tuned(o)
	if err != nil {
		t.Fatal(err)
	}
	a.Weights = prefix
	return newTrainer(t, a, seed)
}

// pretrainedWeights are those of a network that has learned a little.
func pretrainedWeights(t *testing.T, a Architecture, classes int) (prefix string, values map[string][]float32) {
	t.Helper()
	before := newTrainer(t, a, 7)
	for step := range 3 {
		learn(t, before, toy(8, a, classes, uint64(step)), step, 1e-2)
	}
	prefix = filepath.Join(t.TempDir(), "weights")
	if err := before.SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	return prefix, weights(t, before)
}

// Own layers with weights learn what they learn as layers of an imported graph:
// batch normalization with its moving averages, what is frozen, the rates, the head alone.
func TestTuningEqualsFineTuning(t *testing.T) {
	o := Tuning{Freeze: []string{"conv1"}, Decay: 0.5}
	network := func(classes int) Architecture {
		a := Tiny(classes)
		a.Layers = slices.Clone(a.Layers)
		a.Layers[len(a.Layers)-1].Name = "head" // as that of imported layers: the same initial values
		a, err := a.Without("dropout")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	prefix, before := pretrainedWeights(t, network(5), 5)
	imported := newTrainer(t, importArchitecture(t, exportedWith(t, network(5), prefix), 3, o), 4)
	three := network(3)
	tuned := tunedTrainer(t, three, o, prefix, 4)
	for name, v := range weights(t, tuned) {
		if head := strings.HasPrefix(name, "head/"); slices.Equal(v, before[name]) == head {
			t.Errorf("%s begins with the weights: %v", name, !head)
		}
	}
	batch := func(step int) Batch { return toy(8, three, 3, uint64(step)) }
	for step := range 2 { // the head alone
		for _, trainer := range []*Trainer{tuned, imported} {
			b, err := batch(step), error(nil)
			if b.Features, err = trainer.Features(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			b.Images = nil
			learn(t, trainer, b, step, 1e-2)
		}
	}
	for step := range 3 {
		got, _ := learn(t, tuned, batch(step), step, 1e-3)
		want, _ := learn(t, imported, batch(step), step, 1e-3)
		near(t, "loss", []float32{float32(got)}, []float32{float32(want)}, 1e-6)
	}
	theirs := weights(t, imported)
	for name, got := range weights(t, tuned) {
		near(t, name, got, theirs[name], 1e-5)
		if frozen := slices.Contains([]string{"conv1/kernel", "conv1/bias", "bn1/moving_mean", "bn1/moving_variance"}, name); slices.Equal(got, before[name]) != frozen {
			t.Errorf("%s is as before: %v", name, !frozen)
		}
	}
}

// Frozen parameters count as such, and patterns that fit nothing are errors.
func TestTuningOfArchitecture(t *testing.T) {
	a, err := ResNet10(3).Tuned(Tuning{Freeze: []string{"block1", "block2/bn*"}, Decay: 0.7})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		frozen := strings.HasPrefix(r.Name, "block1/") || strings.HasPrefix(r.Name, "block2/bn")
		if r.Kind == "batch_normalization" && !frozen {
			if r.Frozen*2 != r.Parameters {
				t.Errorf("%s: %d of %d frozen", r.Name, r.Frozen, r.Parameters)
			}
		} else if r.Parameters > 0 && (r.Frozen == r.Parameters) != frozen {
			t.Errorf("%s: %d of %d frozen", r.Name, r.Frozen, r.Parameters)
		}
	}
	if a.HeadOnly() {
		t.Error("not all is frozen")
	}
	if all, err := ResNet10(3).Tuned(Tuning{Freeze: []string{"*"}}); err != nil || !all.HeadOnly() {
		t.Errorf("all is frozen: %v", err)
	}
	_, err = ResNet10(3).Tuned(Tuning{Freeze: []string{"stem*"}})
	wantError(t, "a pattern", err, `freeze "stem*" fits no variable; have layers conv1, bn1, block1/conv1`)
	_, err = ResNet10(3).Tuned(Tuning{Freeze: []string{"fc"}})
	wantError(t, "the head", err, `freeze "fc" fits no variable`)
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back Architecture
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, a) {
		t.Errorf("came back as %+v, %v", back.Tuning, err)
	}
}

// The head is the last layer with a kernel and the dropout before it.
func TestHead(t *testing.T) {
	for name, want := range map[string]string{"alexnet02": "fc3", "efficientnet_lite0": "dropout", "resnet50": "fc", "mobilenet_v2": "fc", "vgg16": "fc3"} {
		a, err := Lookup(name, 3)
		if err != nil {
			t.Fatal(err)
		}
		s := laid(t, a)
		if got := s[s.head()].name; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
