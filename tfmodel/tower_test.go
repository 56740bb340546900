package tfmodel

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	types "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"

	"oscar/cluster"
	"oscar/cluster/clustertest"
	"oscar/internal/graph"
	"oscar/internal/testkit"
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

// withoutNorm is tiny without batch normalization, but with dropout. Instead the pixels are
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

// history is what a training gives: the loss of each step, the number of correct predictions, and
// at last the variables.
type history struct {
	losses    []float64
	correct   []int
	variables map[string][]float32
}

// stepsOf trains 20 steps.
func stepsOf(t *testing.T, a Architecture, training Training, config Config, batch func(step int) Batch) (out history) {
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
		out.losses, out.correct = append(out.losses, loss), append(out.correct, right)
	}
	out.variables = weights(t, trainer)
	return out
}

// wantSameTraining wants each step's loss within 1e-6 of that of one process, and the same
// predictions.
func wantSameTraining(t *testing.T, got, want history) {
	t.Helper()
	worst := 0.0
	for step := range want.losses {
		d := math.Abs(got.losses[step] - want.losses[step])
		worst = max(worst, d)
		if !(d <= 1e-6) {
			t.Errorf("step %d: the loss is %.8g on the cluster, %.8g in one process", step, got.losses[step], want.losses[step])
		}
	}
	if !slices.Equal(got.correct, want.correct) {
		t.Errorf("%v right on the cluster, %v in one process", got.correct, want.correct)
	}
	t.Logf("largest difference %.2g, loss %.4g to %.4g", worst, want.losses[0], want.losses[19])
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
			want := stepsOf(t, c.architecture, c.training, Config{Threads: graph.Threads{Intra: 1}}, batch)
			wantSameTraining(t, stepsOf(t, c.architecture, c.training, config, batch), want)
		})
	}
}

// normalized is residual with batch normalization, before and after additions. Its convolutions
// have no bias: normalization leaves a bias no gradient but rounding, which Adam enlarges.
func normalized() Architecture {
	a := residual()
	block := func() Layer {
		return &Residual{Body: []Named{
			{"conv", &Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: Same, UseBias: new(false)}}, {"bn", &BatchNormalization{Momentum: 0.9}}, {"relu", &ReLU{}},
		}}
	}
	a.Layers = []Named{
		a.Layers[0], {"stem", &Conv2D{Filters: 4, Kernel: 3, Stride: 2, Padding: Same, UseBias: new(false)}}, {"bn", &BatchNormalization{Momentum: 0.5, Epsilon: 1e-5}}, {"block1", block()}, {"block2", block()},
		a.Layers[4], a.Layers[5],
	}
	return a
}

// without returns an architecture without the layers of a kind.
func without(a Architecture, kind string) Architecture {
	a.Layers = slices.DeleteFunc(slices.Clone(a.Layers), func(l Named) bool { return l.Layer.Kind() == kind })
	return a
}

// TestSynchronizedTowersTrainAsOneProcess is TestTowersTrainAsOneProcess with batch normalization. It
// also compares all variables, among them the moving averages, after 20 steps.
func TestSynchronizedTowersTrainAsOneProcess(t *testing.T) {
	config, alone := onCluster(t, clustertest.Start(t, 3)), Config{Threads: graph.Threads{Intra: 1}}
	single := normalized()
	single.Output = ""
	for name, c := range map[string]struct {
		architecture Architecture
		training     Training
		batch        func(a Architecture, n, step int) Batch
		images       int
	}{
		"sgd":                      {single, Training{Optimizer: SGD{}}, randomBatch, 16},
		"adam":                     {single, Training{}, randomBatch, 16},
		"fewer images than towers": {single, Training{Optimizer: SGD{}}, randomBatch, 2},
		"several labels": {
			normalized(), Training{Loss: Loss{Kind: BinaryCrossEntropy}, Accumulate: 2, Optimizer: SGD{Momentum: 0.9}}, severalLabels, 11,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, batch := c.architecture, func(step int) Batch { return c.batch(c.architecture, c.images, step) }
			want, apart := stepsOf(t, a, c.training, alone, batch), stepsOf(t, a, c.training, config, batch)
			c.training.SynchronizedBatchNormalization = true
			sameBits(t, "synchronized, in one process", stepsOf(t, a, c.training, alone, batch).variables, want.variables)
			got := stepsOf(t, a, c.training, config, batch)
			wantSameTraining(t, got, want)
			wantSameVariables(t, got.variables, want.variables)
			if differs := math.Abs(apart.losses[19] - want.losses[19]); differs < 1e-3 {
				t.Errorf("without synchronization the last loss differs by %g only", differs)
			}
		})
	}
}

// TestSynchronizedTowersOfLargeImages has channels of 800,000 values. Their sums in float32 depend on
// the algorithm, which is another one in one process. So it compares three towers with one.
func TestSynchronizedTowersOfLargeImages(t *testing.T) {
	servers := clustertest.Start(t, 3)
	a := Tiny(6)
	batch := func(step int) Batch { return randomBatch(a, 16, step) }
	three := onCluster(t, servers)
	servers.Addresses = servers.Addresses[:1]
	one, alone := onCluster(t, servers), Config{Threads: graph.Threads{Intra: 1}}
	training := Training{Optimizer: SGD{}, SynchronizedBatchNormalization: true}
	want, got, process := stepsOf(t, a, training, one, batch), stepsOf(t, a, training, three, batch), stepsOf(t, a, training, alone, batch)
	worst := 0.0
	for step, loss := range want.losses {
		d := math.Abs(got.losses[step] - loss)
		worst = max(worst, d)
		if d > 1e-6*loss {
			t.Errorf("step %d: the loss is %.8g of three towers, %.8g of one", step, got.losses[step], loss)
		}
	}
	d := math.Abs(process.losses[0] - want.losses[0])
	if d > 1e-6*want.losses[0] {
		t.Errorf("the first loss is %.8g in one process, %.8g of one tower", process.losses[0], want.losses[0])
	}
	t.Logf("largest difference %.2g; first loss %.2g from that of one process", worst, d)
}

// wantSameVariables wants each variable within 1e-5 of its largest value.
func wantSameVariables(t *testing.T, got, want map[string][]float32) {
	t.Helper()
	for name, values := range want {
		scale := 0.0
		for _, x := range values {
			scale = max(scale, math.Abs(float64(x)))
		}
		for i, x := range values {
			if d := math.Abs(float64(got[name][i] - x)); !(d <= 1e-5*scale+1e-6) {
				t.Errorf("%s[%d] is %g, in one process %g", name, i, got[name][i], x)
				break
			}
		}
	}
}

// TestTowersNormalizeApart compares batch normalization's statistics after a step with the mean of
// those of trainers that each got the images of one worker.
func TestTowersNormalizeApart(t *testing.T) {
	a := without(Tiny(6), (*Dropout)(nil).Kind())
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

// TestTowersInBFloat16 wants the products of the workers in bfloat16, and the variables and sums of
// the chief in float32. The losses differ from those in float32 at most twice as much as in one process.
func TestTowersInBFloat16(t *testing.T) {
	testkit.BFloat16(t)
	servers := clustertest.Start(t, 2)
	a := Tiny(6)
	batch := func(step int) Batch { return randomBatch(a, 16, step) }
	alone := Config{Threads: graph.Threads{Intra: 1}, Precision: graph.BFloat16}
	float32s := Config{Threads: alone.Threads}
	exact, short := stepsOf(t, a, Training{}, float32s, batch), stepsOf(t, a, Training{}, alone, batch)
	rounding := 0.0 // of one process
	for i, loss := range short.losses {
		rounding = max(rounding, math.Abs(loss-exact.losses[i]))
	}
	for workers := 1; workers <= 2; workers++ {
		o := cluster.Options{Spec: &cluster.Spec{Workers: servers.Addresses[:workers]}, StepTimeout: time.Minute, Precision: graph.BFloat16}
		on, err := o.Join(t.Context(), alone.Threads, func(note string) { t.Log(note) })
		if err != nil {
			t.Fatal(err)
		}
		config := alone
		config.Cluster, float32s.Cluster = on, on
		exact := stepsOf(t, a, Training{}, float32s, batch)
		var got history
		step := rewritten(t, func() { got = stepsOf(t, a, Training{}, config, batch) })
		if again := stepsOf(t, a, Training{}, config, batch); !slices.Equal(got.losses, again.losses) {
			t.Errorf("%d workers: other losses the second time", workers)
		}
		worst := 0.0
		for i, loss := range got.losses {
			worst = max(worst, math.Abs(loss-exact.losses[i]))
			if loss == exact.losses[i] {
				t.Errorf("%d workers, step %d: loss %g as in float32", workers, i, loss)
			}
		}
		t.Logf("%d workers: bfloat16 changes the loss by %.2g, in one process by %.2g", workers, worst, rounding)
		if worst > 2*rounding {
			t.Errorf("%d workers: bfloat16 changes the loss by %g, in one process by %g", workers, worst, rounding)
		}
		products := map[string]int{}
		for _, n := range step.Node {
			short := n.Attr["T"].GetType() == types.DataType_DT_BFLOAT16
			device, _, _ := strings.Cut(strings.TrimPrefix(n.Device, "/job:"), "/device")
			switch {
			case strings.HasPrefix(n.Op, "Conv2D") || n.Op == "MatMul":
				if !short && strings.HasPrefix(device, "worker") {
					t.Errorf("%s (%s) on %s is not in bfloat16", n.Name, n.Op, n.Device)
				}
				products[device]++
			case short && n.Op != "Cast" && !strings.HasPrefix(device, "worker"):
				t.Errorf("%s (%s) on %s is in bfloat16", n.Name, n.Op, n.Device)
			}
		}
		t.Logf("%d workers: products %v", workers, products)
	}
}
