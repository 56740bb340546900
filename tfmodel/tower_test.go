package tfmodel

import (
	"math"
	"math/rand/v2"
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

func TestTowersTrainAsOneProcess(t *testing.T) {
	servers := clustertest.Start(t, 2)
	config := onCluster(t, servers)
	for name, c := range map[string]struct {
		training Training
		images   int
	}{
		"adam":                     {Training{}, 16},
		"uneven":                   {Training{}, 7},
		"fewer images than towers": {Training{}, 1},
		"accumulated and averaged": {Training{Accumulate: 2, AverageDecay: 0.9, Clipping: Clipping{GlobalNorm: 1}}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			var losses [2][]float64
			var correct [2][]int
			for k, config := range []Config{{Threads: graph.Threads{Intra: 1}}, config} {
				trainer, err := NewTrainer(withoutNorm(), c.training, 5, config)
				if err != nil {
					t.Fatal(err)
				}
				defer trainer.Close()
				if err := trainer.Init(t.Context()); err != nil {
					t.Fatal(err)
				}
				for step := range 20 {
					loss, right, err := trainer.Step(t.Context(), randomBatch(trainer.Architecture, c.images, step), step, 1e-3)
					if err != nil {
						t.Fatal(err)
					}
					losses[k], correct[k] = append(losses[k], loss), append(correct[k], right)
				}
			}
			worst := 0.0
			for step, loss := range losses[0] {
				d := math.Abs(loss - losses[1][step])
				worst = max(worst, d)
				if !(d <= 1e-6*max(1, math.Abs(loss))) {
					t.Errorf("step %d: the loss is %.8g on the cluster, %.8g in one process", step, losses[1][step], loss)
				}
				if correct[0][step] != correct[1][step] {
					t.Errorf("step %d: %d right on the cluster, %d in one process", step, correct[1][step], correct[0][step])
				}
			}
			t.Logf("largest difference %.2g, loss %.4g to %.4g", worst, losses[0][0], losses[0][19])
		})
	}
}
