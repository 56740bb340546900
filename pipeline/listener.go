package pipeline

import (
	"strings"
	"time"

	"oscar/dataset"
)

// Listener hears how a job gets on. Any of its functions may be nil. They are
// called one at a time, but not always from the same goroutine.
type Listener struct {
	Note  func(text string)        // something a person should know
	Stage func(name string)        // a new part of the job begins
	Count func(done, total int)    // progress of the stage
	Step  func(StepInfo)           // after a training step
	Epoch func(EpochMetrics, bool) // after an epoch; true: the best so far
}

// StepInfo is the state of an epoch after one of its steps.
type StepInfo struct {
	Epoch, Epochs  int // the epoch is counted from 1
	Done, Total    int // images of this epoch
	Loss, Accuracy float64
	Rate           float64       // images a second
	Left           time.Duration // of the whole training
}

func (l Listener) note(text string) {
	if l.Note != nil {
		l.Note(text)
	}
}

func (l Listener) stage(name string) {
	if l.Stage != nil {
		l.Stage(name)
	}
}

func (l Listener) count(done, total int) {
	if l.Count != nil {
		l.Count(done, total)
	}
}

// problem describes an item that a loader skips, whose error begins with the
// item's path.
func problem(item dataset.Item, err error) dataset.Problem {
	return dataset.Problem{Path: item.Path, Reason: strings.TrimPrefix(err.Error(), item.Path+": ")}
}

// notes writes several notes.
func (l Listener) notes(lines []string) {
	for _, text := range lines {
		l.note(text)
	}
}
