package instance

import (
	"slices"
	"sync/atomic"
	"testing"
)

// Batches come in order, whatever takes longer; not more than one is read ahead, and none after
// the caller stops.
func TestAhead(t *testing.T) {
	var begun atomic.Int64
	square := func(i int) int {
		begun.Add(1)
		return i * i
	}
	var got, firsts []int
	for first, batch := range ahead(7, 3, 2, square) {
		got, firsts = append(got, batch...), append(firsts, first)
	}
	if !slices.Equal(got, []int{0, 1, 4, 9, 16, 25, 36}) || !slices.Equal(firsts, []int{0, 3, 6}) {
		t.Errorf("%v of the batches from %v", got, firsts)
	}
	begun.Store(0)
	for first := range ahead(300, 3, 0, square) {
		if read := begun.Load(); read > int64(first+6) {
			t.Errorf("%d read at the batch from %d", read, first)
		}
		if first == 30 {
			break
		}
	}
	for range ahead(0, 3, 0, square) {
		t.Error("a batch of nothing")
	}
}
