package tfmodel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"oscar/cluster"
	"oscar/cluster/clustertest"
	"oscar/internal/graph"
)

// onCluster is the configuration of a training on servers, with one thread each.
func onCluster(t *testing.T, s *clustertest.Servers) Config {
	t.Helper()
	o := cluster.Options{Spec: s.Spec(), StepTimeout: time.Minute}
	on, err := o.Join(t.Context(), graph.Threads{Intra: 1}, func(note string) { t.Log(note) })
	if err != nil {
		t.Fatal(err)
	}
	return Config{Threads: graph.Threads{Intra: 1}, Cluster: on}
}

// randomBatch is a batch of noise, a function of the step.
func randomBatch(a Architecture, n, step int) Batch {
	r := rand.New(rand.NewPCG(uint64(step), 7))
	classes, _ := a.Classes()
	b := Batch{N: n, Images: make([]uint8, n*Shape(a.Input).Elements())}
	for i := range b.Images {
		b.Images[i] = uint8(r.Uint32())
	}
	for range n {
		b.Labels = append(b.Labels, r.IntN(classes))
	}
	return b
}

// withoutNorm is tiny without batch normalisation, but with dropout. Instead the pixels are
// scaled to 0..1.
func withoutNorm() Architecture {
	a := Tiny(6)
	layers := []Named{{"rescaling", &Rescaling{Scale: 1. / 255}}}
	for _, l := range a.Layers {
		if l.Layer.Kind() != (*BatchNormalization)(nil).Kind() {
			layers = append(layers, l)
		}
	}
	a.Layers = layers
	return a
}

// residual is a small network of two residual blocks, for several labels.
func residual() Architecture {
	block := func() Layer {
		return &Residual{Body: []Named{
			{"conv", &Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: Same, L2: 1e-3}}, {"relu", &ReLU{}},
		}}
	}
	return Architecture{Name: "residual", Input: Shape{12, 12, 3}, Output: Sigmoid, Layers: []Named{
		{"rescaling", &Rescaling{Scale: 1. / 255}},
		{"stem", &Conv2D{Filters: 4, Kernel: 3, Stride: 2, Padding: Same}},
		{"block1", block()}, {"block2", block()},
		{"pool", &GlobalAveragePool2D{}}, {"fc", &Dense{Units: 5}},
	}}
}

// severalLabels is a batch with several labels an image, weights and factors of labels.
func severalLabels(a Architecture, n, step int) Batch {
	b := randomBatch(a, n, step)
	r := rand.New(rand.NewPCG(uint64(step), 8))
	b.Positive = []float32{1, 2, 3, 1, 0.5}
	for range n {
		b.Weights = append(b.Weights, 0.5+r.Float32())
		for range 5 {
			b.Targets = append(b.Targets, float32(r.IntN(2)))
		}
	}
	return b
}

// stepsOf trains 20 steps and returns the losses and the numbers of correct predictions.
func stepsOf(t *testing.T, a Architecture, training Training, config Config, batch func(step int) Batch) (losses []float64, correct []int) {
	t.Helper()
	trainer, err := NewTrainer(a, training, 5, config)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	for step := range 20 {
		loss, right, err := trainer.Step(t.Context(), batch(step), step, 1e-3)
		if err != nil {
			t.Fatal(err)
		}
		losses, correct = append(losses, loss), append(correct, right)
	}
	return losses, correct
}

// TestTowersTrainAsOneProcess compares each step's loss with that of one process. Dropout and
// stochastic depth would change it by far more than the tolerance, were their masks others.
func TestTowersTrainAsOneProcess(t *testing.T) {
	config := onCluster(t, clustertest.Start(t, 3))
	for name, c := range map[string]struct {
		architecture Architecture
		training     Training
		batch        func(a Architecture, n, step int) Batch
		images       int
	}{
		"adam":                     {withoutNorm(), Training{}, randomBatch, 16},
		"fewer images than towers": {withoutNorm(), Training{}, randomBatch, 2},
		"accumulated and averaged": {withoutNorm(), Training{Accumulate: 2, AverageDecay: 0.9, Clipping: Clipping{GlobalNorm: 1}}, randomBatch, 7},
		"several labels, stochastic depth": {
			residual(), Training{Loss: Loss{Kind: BinaryCrossEntropy}, StochasticDepth: 0.5, Accumulate: 2}, severalLabels, 10,
		},
	} {
		t.Run(name, func(t *testing.T) {
			batch := func(step int) Batch { return c.batch(c.architecture, c.images, step) }
			want, wantCorrect := stepsOf(t, c.architecture, c.training, Config{Threads: graph.Threads{Intra: 1}}, batch)
			got, correct := stepsOf(t, c.architecture, c.training, config, batch)
			worst := 0.0
			for step := range want {
				d := math.Abs(got[step] - want[step])
				worst = max(worst, d)
				if !(d <= 1e-6) {
					t.Errorf("step %d: the loss is %.8g on the cluster, %.8g in one process", step, got[step], want[step])
				}
			}
			if !slices.Equal(correct, wantCorrect) {
				t.Errorf("%v right on the cluster, %v in one process", correct, wantCorrect)
			}
			t.Logf("largest difference %.2g, loss %.4g to %.4g", worst, want[0], want[19])
		})
	}
}

// TestTowersNormaliseApart compares batch normalisation's statistics after a step with the mean of
// those of trainers that each got the images of one worker.
func TestTowersNormaliseApart(t *testing.T) {
	a := Tiny(6)
	a.Layers = slices.DeleteFunc(slices.Clone(a.Layers), func(l Named) bool { return l.Name == "dropout1" })
	config := onCluster(t, clustertest.Start(t, 2))
	whole := randomBatch(a, 8, 0)
	after := func(config Config, b Batch) map[string][]float32 {
		trainer, err := NewTrainer(a, Training{}, 5, config)
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		if err := trainer.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := trainer.Step(t.Context(), b, 0, 1e-3); err != nil {
			t.Fatal(err)
		}
		return weights(t, trainer)
	}
	alone := Config{Threads: graph.Threads{Intra: 1}}
	got := after(config, whole)
	first, second, together := after(alone, whole.part(0, 4)), after(alone, whole.part(4, 8)), after(alone, whole)
	for _, name := range []string{"bn1/moving_mean", "bn1/moving_variance"} {
		differs := false
		for i, x := range got[name] {
			mean := (first[name][i] + second[name][i]) / 2
			if math.Abs(float64(x-mean)) > 1e-5*math.Abs(float64(mean))+1e-6 {
				t.Errorf("%s of channel %d is %g, the mean of the halves %g", name, i, x, mean)
			}
			differs = differs || math.Abs(float64(x-together[name][i])) > 1e-3*math.Abs(float64(mean))
		}
		if name == "bn1/moving_variance" && !differs {
			t.Error("the variance is that of the whole batch")
		}
	}
}
