package serve

import (
	"sync"
	"testing"
	"time"

	"oscar/explain"
)

// However short the time to wait for others is, a worker wakes at its end.
func TestWorkersWake(t *testing.T) {
	s := start(t, nil)
	v := s.models.models[0].current
	in := v.Metadata.Image
	images := explain.Images{N: 1, Height: in.Height, Width: in.Width, Channels: 3, Pixels: make([]float32, in.Height*in.Width*3)}
	for _, wait := range []time.Duration{time.Nanosecond, 20 * time.Microsecond, time.Millisecond} {
		q := newQueue(2, 100, 8, wait, nil)
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for range 100 {
					if _, err := q.ask(t.Context(), query{version: v}, images, []int{0}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		clients.Wait()
		q.close()
	}
}
