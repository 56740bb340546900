package events_test

import (
	"fmt"
	"os"
	"time"

	"oscar/internal/events"
)

func Example() {
	dir, err := os.MkdirTemp("", "events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	w, err := events.Create(dir, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	for epoch, loss := range []float64{1.79, 1.52, 1.31} {
		if err := w.Scalar("train/loss", int64(epoch), loss, time.Now()); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(w.Close())
	// Output: <nil>
}
