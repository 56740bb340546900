package explain

import (
	"runtime"
	"sync"
)

// spread calls do(0) to do(n-1), distributed over all processors.
func spread(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers == 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	group.Wait()
}

// spreadRange divides 0 to n into as many ranges as there are processors, and calls do for all of
// them concurrently. Sums over samples, one per element, have the bits of a plain loop, because
// every element's terms are added in the same order.
func spreadRange(n int, do func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n)
	spread(parts, func(k int) { do(n*k/parts, n*(k+1)/parts) })
}
