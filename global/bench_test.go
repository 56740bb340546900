package global_test

import (
	"math/rand/v2"
	"testing"

	"oscar/global"
)

// A thousand maps in two strewn groups, so that the clouds are drawn.
func BenchmarkCluster(b *testing.B) {
	maps := spots(1, 1000, 0.1, [2]float64{6, 6}, [2]float64{17, 17})
	for b.Loop() {
		s, err := global.SpRAy{}.Cluster(b.Context(), maps)
		if err != nil || s.K != 2 {
			b.Fatal(s.Reason, err)
		}
	}
}

func BenchmarkMeasureImage(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	p := global.Picture{Height: 227, Width: 227, Pixels: make([]uint8, 227*227*3)}
	for i := range p.Pixels {
		p.Pixels[i] = uint8(r.IntN(256))
	}
	for b.Loop() {
		global.MeasureImage(p)
	}
}

// Fourteen thousand images of eight classes, as many features as there are.
func BenchmarkGrow(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	t := global.Table{Features: append(append([]global.Feature{}, global.ImageFeatures...), global.MapFeatures...), Classes: make([]string, 8)}
	for range 14000 {
		row := make([]float64, len(t.Features))
		for j := range row {
			row[j] = r.NormFloat64()
		}
		t.Rows, t.Labels = append(t.Rows, row), append(t.Labels, r.IntN(8))
	}
	for b.Loop() {
		if _, err := global.Grow(t, global.TreeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Forty examples against forty, of as many values as AlexNet02's conv5 has.
func BenchmarkConcept(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	concept, random := examples(r, 40, 43264, 3), examples(r, 100, 43264, 0)
	for b.Loop() {
		if _, err := (global.CAVs{}).Concept(b.Context(), "x", concept, random); err != nil {
			b.Fatal(err)
		}
	}
}
