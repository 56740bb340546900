package pipeline

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oscar/explain"
	"oscar/internal/machine"
	"oscar/internal/testkit"
	"oscar/methods"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// BenchmarkPrecision measures jobs in both precisions, in turn. Its ratios are those of the
// table [measured].
func BenchmarkPrecision(b *testing.B) {
	testkit.BFloat16(b)
	for _, name := range []string{"tiny", "alexnet02", "resnet10", "resnet50", "vgg11"} {
		a, err := tfmodel.Lookup(name, 6)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.Run("train", func(b *testing.B) { compareSteps(b, a) })
			dir := untrained(b, a)
			for job, method := range map[string]string{"predict": "", "gradcam": "gradcam", "rise": "rise", "integrated-gradients": "integrated-gradients"} {
				b.Run(job, func(b *testing.B) { compareExplainers(b, dir, method) })
			}
		})
	}
}

// both runs two functions in turn, the other one first each time, and reports the median
// ratio of their times.
func both(b *testing.B, images int, exact, fast func() error) {
	var ratios, times [2][]float64
	for _, f := range []func() error{exact, fast} { // the first run also plans
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	for round := 0; b.Loop(); round++ {
		var took [2]float64
		for k := range 2 {
			which := (round + k) % 2
			begin := time.Now()
			if err := []func() error{exact, fast}[which](); err != nil {
				b.Fatal(err)
			}
			took[which] = time.Since(begin).Seconds()
		}
		ratios[0] = append(ratios[0], took[0]/took[1])
		times[0], times[1] = append(times[0], took[0]), append(times[1], took[1])
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(float64(images)/median(times[0]), "float32_images/s")
	b.ReportMetric(float64(images)/median(times[1]), "bfloat16_images/s")
	b.ReportMetric(median(ratios[0]), "ratio")
	b.ReportMetric(0, "ns/op")
}

// compareSteps takes training steps of 32 images.
func compareSteps(b *testing.B, a tfmodel.Architecture) {
	batch := tfmodel.Batch{N: 32, Images: make([]uint8, 32*a.Input.Elements()), Labels: make([]int, 32)}
	for i := range batch.Images {
		batch.Images[i] = uint8(i * 31)
	}
	var steps [2]func() error
	for i, p := range []Precision{machine.Float32, machine.BFloat16} {
		t, err := tfmodel.NewTrainer(a, tfmodel.Training{}, 1, Config{Precision: p})
		if err != nil {
			b.Fatal(err)
		}
		defer t.Close()
		if err := t.Init(b.Context()); err != nil {
			b.Fatal(err)
		}
		n := 0
		steps[i] = func() error {
			_, _, err := t.Step(context.Background(), batch, n, 1e-6)
			n++
			return err
		}
	}
	both(b, batch.N, steps[0], steps[1])
}

// compareExplainers explains 32 images, by RISE and integrated gradients one. No method
// predicts.
func compareExplainers(b *testing.B, dir, method string) {
	var runs [2]func() error
	n := 32
	for i, p := range []Precision{machine.Float32, machine.BFloat16} {
		bundle, err := savedmodel.Open(dir, Config{Precision: p})
		if err != nil {
			b.Fatal(err)
		}
		defer bundle.Close()
		if strings.HasPrefix(method, "rise") || strings.HasPrefix(method, "integrated") {
			n = 1
		}
		images := explain.Images{N: n, Height: bundle.Metadata.Image.Height, Width: bundle.Metadata.Image.Width, Channels: 3}
		images.Pixels = make([]float32, n*images.Height*images.Width*3)
		for i := range images.Pixels {
			images.Pixels[i] = float32(uint8(i * 31))
		}
		if method == "" {
			runs[i] = func() error { _, err := bundle.Predict(context.Background(), images); return err }
			continue
		}
		s := DefaultSettings()
		s.Method, s.Samples = method, 64
		if method == "gradcam" {
			s.Samples = 0
		}
		list, err := methods.Of(s, bundle)
		if err != nil {
			b.Fatal(err)
		}
		e, err := methods.NewExplainer(methods.Model{Bundle: bundle}, list, explainerOptions(s, nil))
		if err != nil {
			b.Fatal(err)
		}
		runs[i] = func() error {
			_, err := e.Explain(context.Background(), images, slices.Repeat([]int{explain.Predicted}, n))
			return err
		}
	}
	both(b, n, runs[0], runs[1])
}

// untrained writes the SavedModel of a network with initial weights.
func untrained(b *testing.B, a tfmodel.Architecture) string {
	ctx, dir := b.Context(), b.TempDir()
	t, err := tfmodel.NewTrainer(a, tfmodel.Training{}, 1, Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	weights := filepath.Join(dir, "weights")
	if err := t.Init(ctx); err != nil {
		b.Fatal(err)
	}
	if err := t.SaveWeights(ctx, weights); err != nil {
		b.Fatal(err)
	}
	n, err := tfmodel.Compile(a)
	if err != nil {
		b.Fatal(err)
	}
	session, err := n.Restore(ctx, weights, Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	layers, err := n.Layers()
	if err != nil {
		b.Fatal(err)
	}
	meta := savedmodel.Metadata{
		Format: 1, Model: a.Name, Classes: strings.Split("abcdef", ""), Explain: a.Focus(), Layers: layers,
		Image: savedmodel.Image{Height: a.Input[0], Width: a.Input[1], Interpolation: "bilinear"},
	}
	out := filepath.Join(dir, "model")
	if err := savedmodel.Write(ctx, out, n.SavedModel(session, map[string]savedmodel.Signature{"serving_default": n.Serving()}, meta)); err != nil {
		b.Fatal(err)
	}
	return out
}
