package tfmodel

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"oscar/internal/graph"
)

func TestAlexNet02HasTheStudysParameters(t *testing.T) {
	total, frozen, err := AlexNet02(6).Parameters()
	if err != nil {
		t.Fatal(err)
	}
	if total != 55_799_814 || frozen != 704 {
		t.Errorf("got %d parameters, %d of them not trained; the study has 55,799,814 and 704", total, frozen)
	}
}

func noise(n int, a Architecture, classes int) Batch {
	r := rand.New(rand.NewPCG(1, 2))
	b := Batch{N: n, Images: make([]uint8, n*a.Input.Elements()), Labels: make([]int, n)}
	for i := range b.Images {
		b.Images[i] = uint8(r.UintN(256))
	}
	for i := range b.Labels {
		b.Labels[i] = r.IntN(classes)
	}
	return b
}

func BenchmarkStepAlexNet02(b *testing.B) { benchmarkStep(b, AlexNet02(6), graph.Config{}) }

// Two operations beside each other, as plain TensorFlow would run them.
func BenchmarkStepAlexNet02Inter2(b *testing.B) {
	benchmarkStep(b, AlexNet02(6), graph.Config{Threads: graph.Threads{Inter: 2}})
}

// benchmarkStep trains on batches of 32.
func benchmarkStep(b *testing.B, a Architecture, config graph.Config) {
	t, err := NewTrainer(a, Training{}, 1, config)
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	ctx := context.Background()
	if err := t.Init(ctx); err != nil {
		b.Fatal(err)
	}
	batch := noise(32, a, 6)
	if _, _, err := t.Step(ctx, batch, 0, 5e-6); err != nil {
		b.Fatal(err)
	}
	n := 1
	for b.Loop() {
		if _, _, err := t.Step(ctx, batch, n, 5e-6); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(32*b.N)/b.Elapsed().Seconds(), "images/s")
}

// The layers of the study's baseline, as its table has them.
func TestAlexNet02HasTheStudysLayers(t *testing.T) {
	want := []Row{
		{"conv1", "conv2d", Shape{55, 55, 96}, 11*11*3*96 + 96, 0},
		{"relu1", "relu", Shape{55, 55, 96}, 0, 0},
		{"pool1", "max_pool2d", Shape{27, 27, 96}, 0, 0},
		{"bn1", "batch_normalization", Shape{27, 27, 96}, 4 * 96, 2 * 96},
		{"conv2", "conv2d", Shape{27, 27, 256}, 5*5*96*256 + 256, 0},
		{"relu2", "relu", Shape{27, 27, 256}, 0, 0},
		{"pool2", "max_pool2d", Shape{13, 13, 256}, 0, 0},
		{"bn2", "batch_normalization", Shape{13, 13, 256}, 4 * 256, 2 * 256},
		{"conv5", "conv2d", Shape{13, 13, 256}, 3*3*256*256 + 256, 0},
		{"relu5", "relu", Shape{13, 13, 256}, 0, 0},
		{"pool5", "max_pool2d", Shape{6, 6, 256}, 0, 0},
		{"flatten", "flatten", Shape{9216}, 0, 0},
		{"fc1", "dense", Shape{4096}, 9216*4096 + 4096, 0},
		{"relu_fc1", "relu", Shape{4096}, 0, 0},
		{"fc2", "dense", Shape{4096}, 4096*4096 + 4096, 0},
		{"relu_fc2", "relu", Shape{4096}, 0, 0},
		{"fc3", "dense", Shape{6}, 4096*6 + 6, 0},
	}
	a := AlexNet02(6)
	got, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	n, err := Compile(a)
	if err != nil {
		t.Fatal(err)
	}
	for i, out := range n.outputs {
		if static := out.Shape(); !slices.Equal(static[1:], graph.Shape(want[i].Output)) {
			t.Errorf("layer %s is %v in the graph, want %v", want[i].Name, static, want[i].Output)
		}
	}
}

func TestAlexNet02Forecast(t *testing.T) {
	a := AlexNet02(6)
	m, err := a.Memory(32, Training{})
	if err != nil {
		t.Fatal(err)
	}
	const (
		parameters = 55_799_814
		trained    = parameters - 704
		// Convolutions and dense layers give way to their ReLU, pool5 to flatten.
		// The largest layer is relu1, which takes as much as it gives.
		kept        = 55*55*96 + 2*27*27*96 + 27*27*256 + 2*13*13*256 + 13*13*256 + 6*6*256 + 6*6*256 + 2*4096 + 6
		images      = 227*227*3*4 + 227*227*3
		activations = images + 4*kept + 2*4*2*55*55*96
	)
	held := int64(4*parameters + 16*trained + 32*activations)
	want := Memory{
		Batch: 32, Weights: 4 * parameters, Gradients: 4 * trained, Optimizer: 8 * trained, Activations: 32 * activations,
		Overhead: 4*trained + held/4, Training: held + held/4, Inference: 4*parameters + 32*4*2*55*55*96,
	}
	if m != want {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}

	// The study could not run it without max pooling; the forecast says why.
	a, err = a.Without("max_pool2d")
	if err != nil {
		t.Fatal(err)
	}
	if m, err = a.Memory(32, Training{}); err != nil || m.Weights < 4*55*55*256*4096 || m.Training < 4*m.Weights {
		t.Errorf("without max pooling: %+v, %v", m, err)
	}
}

func TestAlexNet02BeginsFinite(t *testing.T) {
	if testing.Short() {
		t.Skip("55 million parameters")
	}
	a := AlexNet02(6)
	trainer := newTrainer(t, a, 1)
	b := noise(2, a, 6)
	before, _, err := trainer.Evaluate(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if loss, _ := learn(t, trainer, b, 0, 5e-6); loss <= 0 {
		t.Errorf("the first loss is %g", loss)
	}
	after, _, err := trainer.Evaluate(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range after {
		if len(p) != 6 || slices.Equal(p, before[i]) {
			t.Errorf("image %d: %v before the step, %v after", i, before[i], p)
		}
	}
}

// In bfloat16, where the processor has instructions for it.
func BenchmarkStepAlexNet02BFloat16(b *testing.B) {
	benchmarkStep(b, AlexNet02(6), graph.Config{Precision: graph.BFloat16})
}
