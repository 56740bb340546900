package explain

import (
	"runtime"
	"sync"
)

// spread calls do for 0 to n-1, on all processors.
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

// spreadRange cuts 0 to n into as many ranges as there are processors, and calls do for
// each, on all of them. A sum over samples that is computed so has the bits of the plain
// loop: every element is added to in the same order.
func spreadRange(n int, do func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n)
	spread(parts, func(k int) { do(n*k/parts, n*(k+1)/parts) })
}
