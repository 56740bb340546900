package batch

import (
	"errors"
	"slices"
	"testing"
)

// Whatever the batch, each image has its own result, and no batch is too large.
func TestEveryImageHasItsResult(t *testing.T) {
	const n, size = 7, 3
	for batch := 1; batch <= n+1; batch++ {
		var batches, done []int
		progress := Progress{Total: n, Report: func(d, total int) {
			if total != n {
				t.Errorf("a total of %d, want %d", total, n)
			}
			done = append(done, d)
		}}
		b := New(size, batch, &progress, func(pixels []float32, targets []int) ([]float32, error) {
			batches = append(batches, len(targets))
			var sums []float32
			for i, target := range targets {
				p := pixels[i*size : (i+1)*size]
				sums = append(sums, (p[0]+p[1]+p[2])*float32(target))
			}
			return sums, nil
		})
		got := make([]float32, n)
		for i := range n {
			copy(b.Next(), []float32{float32(i), 1, 2})
			if err := b.Submit(i+1, func(sum float32) { got[i] = sum }); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := b.Flush(); err != nil || len(batches) != (n+batch-1)/batch {
			t.Errorf("batches of %v, %v", batches, err)
		}
		for i, sum := range got {
			if want := float32((i + 3) * (i + 1)); sum != want {
				t.Errorf("batches of %d: image %d has %v, want %v", batch, i, sum, want)
			}
		}
		if slices.Max(batches) > batch || done[len(done)-1] != n {
			t.Errorf("batches of %v, done %v", batches, done)
		}
	}
}

func TestErrorStops(t *testing.T) {
	broken := errors.New("broken")
	b := New(1, 2, &Progress{}, func([]float32, []int) ([]int, error) { return nil, broken })
	use := func(int) { t.Error("a result without a run") }
	if err := b.Submit(0, use); err != nil {
		t.Fatal(err)
	}
	if err := b.Submit(0, use); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestTotalIsNotBelowDone(t *testing.T) {
	p := Progress{Report: func(done, total int) {
		if done != 3 || total != 3 {
			t.Errorf("%d of %d", done, total)
		}
	}}
	p.Add(0) // reports nothing
	p.Add(3)
}
