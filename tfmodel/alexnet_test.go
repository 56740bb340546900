package tfmodel

import (
	"context"
	"math/rand/v2"
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

func BenchmarkStepAlexNet02(b *testing.B) {
	a := AlexNet02(6)
	t, err := NewTrainer(a, DefaultAdam(), 1, graph.Threads{})
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
