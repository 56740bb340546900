package heatmap

import (
	"runtime"
	"sync"

	"oscar/explain"
)

// Enlarge returns the maps of a batch as an overlay shows them, but without colors: the positive
// values ([Positive]), resized to height x width ([explain.Grid.Resize]), and scaled to 0..1 again.
// A map without positive values is zero. The maps are processed concurrently.
func Enlarge(attributions []explain.Attribution, height, width int) []explain.Grid {
	grids := make([]explain.Grid, len(attributions))
	workers := min(runtime.GOMAXPROCS(0), len(grids))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(grids); i += workers {
				grids[i] = enlarged(attributions[i].Map, height, width)
			}
		})
	}
	group.Wait()
	return grids
}

func enlarged(g explain.Grid, height, width int) explain.Grid {
	large := Positive(g).Resize(height, width)
	low, high := large.Range()
	share := 1 / max(high-low, 1e-12)
	for i, v := range large.Values {
		large.Values[i] = (v - low) * share
	}
	return large
}
