package run

import (
	"strings"
	"time"

	"oscar/dataset"
	"oscar/result"
)

// Listener receives a job's progress events. Any of its functions may be nil.
// They are called one at a time, but not always from the same goroutine.
type Listener struct {
	OnNote  func(text string)                          // a note for the user
	OnStage func(name string)                          // a new stage of the job begins
	OnCount func(done, total int)                      // progress of the stage
	OnStep  func(StepInfo)                             // after a training step
	OnEpoch func(epoch result.EpochMetrics, best bool) // after an epoch; best: the best so far
}

// StepInfo is the progress of training after a step.
type StepInfo struct {
	Epoch, Epochs  int // Epoch counts from 1
	Done, Total    int // images of this epoch
	Loss, Accuracy float64
	Rate           float64       // images per second
	Left           time.Duration // until the end of training
}

// Note calls OnNote for each text.
func (l Listener) Note(texts ...string) {
	if l.OnNote != nil {
		for _, text := range texts {
			l.OnNote(text)
		}
	}
}

// Stage calls OnStage.
func (l Listener) Stage(name string) {
	if l.OnStage != nil {
		l.OnStage(name)
	}
}

// Count calls OnCount.
func (l Listener) Count(done, total int) {
	if l.OnCount != nil {
		l.OnCount(done, total)
	}
}

// Problem describes an item that a loader skips. The loader's error begins with the path, which
// Problem removes from the reason.
func Problem(item dataset.Item, err error) dataset.Problem {
	return dataset.Problem{Path: item.Path, Reason: strings.TrimPrefix(err.Error(), item.Path+": ")}
}
