package study

import (
	"time"

	"oscar/pipeline"
)

// Listener receives the progress events of a study. Its functions may be nil.
type Listener struct {
	pipeline.Listener
	Progress func(Progress) // during a run
	Run      func(Ran)      // after each run
}

// Progress is the progress of a study.
type Progress struct {
	Run, Runs     int // Run counts from 1
	Variant       string
	Seed          uint64
	Epoch, Epochs int           // epochs of the run; 0 while its model is evaluated and explained
	Done          float64       // share of the whole study, 0 to 1
	Left          time.Duration // for the whole study; 0: unknown
}

// Ran describes an ended run.
type Ran struct {
	Variant  string
	Seed     uint64
	Earlier  bool    // finished by an earlier call
	Accuracy float64 // on the test part; NaN: unknown
	Failed   string  // the reason; "": the run did not fail
}
