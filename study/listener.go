package study

import (
	"time"

	"oscar/pipeline"
)

// Listener receives the progress events of a study. Any of its functions may be nil.
type Listener struct {
	pipeline.Listener
	Progress func(Progress) // while a run is under way
	Run      func(Ran)      // after each run
}

// Progress is how far a study is.
type Progress struct {
	Run, Runs     int // the run is counted from 1
	Variant       string
	Seed          uint64
	Epoch, Epochs int           // of the run; 0 while its model is looked at
	Done          float64       // of the whole study, 0 to 1
	Left          time.Duration // of the whole study; 0: not yet known
}

// Ran tells of a run that has ended.
type Ran struct {
	Variant  string
	Seed     uint64
	Earlier  bool // it was there before
	Accuracy float64
	Failed   string // why, if it did
}
