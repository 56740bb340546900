package tfmodel

import (
	"slices"
	"testing"
)

func TestPartOfBatch(t *testing.T) {
	b := Batch{
		N: 3, Images: []uint8{1, 2, 3, 4, 5, 6}, Labels: []int{0, 1, 2}, Targets: []float32{0, 1, 2, 3, 4, 5}, Features: []float32{7, 8, 9},
		Weights: []float32{1, 2, 3}, Positive: []float32{4, 5}, Others: []int{2, 1, 0}, Shares: []float32{0.1, 0.2, 0.3},
	}
	p := b.part(1, 3)
	if p.N != 2 || !slices.Equal(p.Images, []uint8{3, 4, 5, 6}) || !slices.Equal(p.Labels, []int{1, 2}) ||
		!slices.Equal(p.Targets, []float32{2, 3, 4, 5}) || !slices.Equal(p.Features, []float32{8, 9}) || !slices.Equal(p.Weights, []float32{2, 3}) ||
		!slices.Equal(p.Positive, []float32{4, 5}) || !slices.Equal(p.Others, []int{1, 0}) || !slices.Equal(p.Shares, []float32{0.2, 0.3}) {
		t.Errorf("%+v", p)
	}
}
