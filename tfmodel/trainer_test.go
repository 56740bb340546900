package tfmodel

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/graph"
)

// newTrainer returns a trainer with its initial weights.
func newTrainer(t *testing.T, a Architecture, seed uint64) *Trainer {
	t.Helper()
	trainer := coldTrainer(t, a, seed)
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return trainer
}

func coldTrainer(t *testing.T, a Architecture, seed uint64) *Trainer {
	t.Helper()
	settings := DefaultAdam()
	if a.Name == "branched" {
		settings.WeightDecay = 0.05
	}
	trainer, err := NewTrainer(a, Training{Optimizer: settings}, seed, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	return trainer
}

func learn(t *testing.T, trainer *Trainer, b Batch, number int, rate float64) (loss float64, correct int) {
	t.Helper()
	loss, correct, err := trainer.Step(t.Context(), b, number, rate)
	if err != nil {
		t.Fatal(err)
	}
	return loss, correct
}

// weights reads a trainer's weights the way an export does: by a bundle of
// them, into a network compiled anew.
func weights(t *testing.T, trainer *Trainer) map[string][]float32 {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := trainer.SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	n, err := Compile(trainer.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.Restore(t.Context(), prefix, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := n.Values(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// sameBits checks weights against each other.
func sameBits(t *testing.T, what string, got, want map[string][]float32) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("%s: other variables", what)
	}
	for name, w := range want {
		if !slices.EqualFunc(got[name], w, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

// toy returns images whose class is the channel that is brightest, as no single
// pixel tells.
func toy(n int, a Architecture, classes int, seed uint64) Batch {
	r := rand.New(rand.NewPCG(seed, 3))
	b := Batch{N: n}
	for range n {
		class := r.IntN(classes)
		b.Labels = append(b.Labels, class)
		for range a.Input[0] * a.Input[1] {
			for c := range a.Input[2] {
				v := r.IntN(200)
				if c == class {
					v += 40
				}
				b.Images = append(b.Images, uint8(v))
			}
		}
	}
	return b
}

func TestTrainerLearns(t *testing.T) {
	a := Tiny(3)
	trainer := newTrainer(t, a, 1)
	first, _ := learn(t, trainer, toy(24, a, 3, 0), 0, 1e-3)
	var last float64
	for i := 1; i < 200; i++ {
		last, _ = learn(t, trainer, toy(24, a, 3, uint64(i)), i, 1e-3)
	}
	unseen := toy(60, a, 3, 1_000_000)
	probabilities, losses, err := trainer.Evaluate(t.Context(), unseen)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	var loss float64
	for i, p := range probabilities {
		var sum float64
		for _, v := range p {
			sum += float64(v)
		}
		if want := -math.Log(float64(p[unseen.Labels[i]])); math.Abs(sum-1) > 1e-5 || math.Abs(float64(losses[i])-want) > 1e-4 {
			t.Errorf("image %d: probabilities sum to %g, the loss is %g, want %g", i, sum, losses[i], want)
		}
		if p[unseen.Labels[i]] == slices.Max(p) {
			right++
		}
		loss += float64(losses[i]) / float64(len(losses))
	}
	t.Logf("loss %.3f, after 200 steps %.3f; of unseen images %.3f, %d of %d right", first, last, loss, right, unseen.N)
	if first < 0.5 || last > 0.2 || loss > 0.3 || right < 57 {
		t.Errorf("it has not learned: loss %.3f, then %.3f; unseen %.3f, %d of %d right", first, last, loss, right, unseen.N)
	}
}

func TestTrainerCountsWhatIsRight(t *testing.T) {
	a, err := Tiny(3).Without("dropout", "batch_normalization") // then both branches are one
	if err != nil {
		t.Fatal(err)
	}
	trainer := newTrainer(t, a, 1)
	b := toy(32, a, 3, 5)
	probabilities, losses, err := trainer.Evaluate(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	want, mean := 0, 0.0
	for i, p := range probabilities {
		if slices.Index(p, slices.Max(p)) == b.Labels[i] {
			want++
		}
		mean += float64(losses[i]) / float64(b.N)
	}
	loss, correct := learn(t, trainer, b, 0, 1e-3)
	if correct != want || math.Abs(loss-mean) > 1e-5*mean {
		t.Errorf("%d right at a loss of %g, want %d at %g: those before the step", correct, loss, want, mean)
	}
}

func TestSameSeedSameBits(t *testing.T) {
	for _, a := range []Architecture{Tiny(3), branched(3)} {
		t.Run(a.Name, func(t *testing.T) { checkSameBits(t, a) })
	}
}

func checkSameBits(t *testing.T, a Architecture) {
	run := func(seed uint64) ([]float64, map[string][]float32) {
		trainer := newTrainer(t, a, seed)
		var losses []float64
		for i := range 5 {
			loss, _ := learn(t, trainer, toy(16, a, 3, uint64(i)), i, 1e-3)
			losses = append(losses, loss)
		}
		return losses, weights(t, trainer)
	}
	losses, want := run(1)
	again, got := run(1)
	if !slices.Equal(again, losses) {
		t.Errorf("losses %v, then %v", losses, again)
	}
	sameBits(t, "the same seed", got, want)
	if other, _ := run(2); other[0] == losses[0] {
		t.Errorf("another seed gives the same first loss %v", other[0])
	}
}

// A run that is killed and goes on ends with the bits of one that was not.
func TestRestoreGoesOnToTheSameBits(t *testing.T) {
	for _, a := range []Architecture{Tiny(3), branched(3)} {
		t.Run(a.Name, func(t *testing.T) { checkRestore(t, a) })
	}
}

func checkRestore(t *testing.T, a Architecture) {
	prefix := filepath.Join(t.TempDir(), "checkpoint")
	train := func(trainer *Trainer, from, to int) (losses []float64) {
		for i := from; i < to; i++ {
			loss, _ := learn(t, trainer, toy(16, a, 3, uint64(i)), i, 1e-2)
			losses = append(losses, loss)
		}
		return losses
	}
	whole := newTrainer(t, a, 1)
	train(whole, 0, 4)
	if err := whole.Save(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	atSave := weights(t, whole)
	losses := train(whole, 4, 8)

	resumed := coldTrainer(t, a, 1)
	if err := resumed.Restore(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	sameBits(t, "after Restore", weights(t, resumed), atSave)
	if got := train(resumed, 4, 8); !slices.Equal(got, losses) {
		t.Errorf("losses %v, without interruption %v", got, losses)
	}
	sameBits(t, "after Restore and four steps", weights(t, resumed), weights(t, whole))

	// The weights alone are not enough for that: the optimizer begins anew.
	half := newTrainer(t, a, 1)
	if err := half.RestoreWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	sameBits(t, "after RestoreWeights", weights(t, half), atSave)
	if got := train(half, 4, 8); slices.Equal(got, losses) {
		t.Error("RestoreWeights restores the optimizer as well, or Restore does not")
	}
	// Nor does the step's number go for nothing: it draws the dropout masks.
	replayed := coldTrainer(t, a, 1)
	if err := replayed.Restore(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	if loss, _ := learn(t, replayed, toy(16, a, 3, 4), 40, 1e-2); loss == losses[0] {
		t.Error("another step number draws the same dropout mask")
	}
}

func TestRestoreOfWhatIsNotThere(t *testing.T) {
	trainer := coldTrainer(t, Tiny(3), 1)
	missing := filepath.Join(t.TempDir(), "nothing")
	wantError(t, "no bundle", trainer.Restore(t.Context(), missing), "restore "+missing)

	// A bundle of another network.
	small, err := Tiny(3).Without("conv5", "relu5")
	if err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(t.TempDir(), "small")
	if err := newTrainer(t, small, 1).SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	wantError(t, "without conv5", trainer.RestoreWeights(t.Context(), prefix), "restore "+prefix, "conv5/")
	// Of the weights alone there are no optimizer's variables to restore.
	if err := newTrainer(t, Tiny(3), 1).SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	wantError(t, "weights alone", trainer.Restore(t.Context(), prefix), "restore "+prefix, "optimizer/")
}

func TestLossThatIsNoNumber(t *testing.T) {
	a := Tiny(3)
	trainer := newTrainer(t, a, 1)
	b := toy(8, a, 3, 1)
	var err error
	for i := 0; i < 5 && err == nil; i++ {
		_, _, err = trainer.Step(t.Context(), b, i, 1e30)
	}
	wantError(t, "a rate of 1e30", err, "the loss is", "at step 2", "smaller learning rate than 1e+30")
}

func TestStepNeedsWeightsAndTime(t *testing.T) {
	a := Tiny(3)
	trainer := coldTrainer(t, a, 1)
	b := toy(8, a, 3, 1)
	_, _, err := trainer.Step(t.Context(), b, 0, 1e-3)
	wantError(t, "before Init", err, "run: ")

	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := weights(t, trainer)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := trainer.Step(ctx, b, 0, 1e-3); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled step gives %v", err)
	}
	if _, _, err := trainer.Evaluate(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	sameBits(t, "a canceled step and an evaluation", weights(t, trainer), before)
}

func TestTrainerRefusesAnArchitectureThatDoesNotFit(t *testing.T) {
	for name, layers := range map[string][]Named{
		"ends with [32,32,3], want [classes]": {{"relu", &ReLU{}}},
		"layer fc (dense)":                    {{"fc", &Dense{Units: 3}}},
		`two layers are named "x"`:            {{"x", &Flatten{}}, {"x", &Dense{Units: 3}}},
	} {
		_, err := NewTrainer(Architecture{Name: "mine", Input: Shape{32, 32, 3}, Layers: layers}, Training{}, 1, graph.Config{})
		wantError(t, name, err, "architecture mine", name)
	}
}
