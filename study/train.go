package study

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
	runfolder "oscar/run"
)

// train trains a run to its end. It creates the run's folder if it does not exist. It calls at with
// the finished share, 0 to 1.
func (j *job) train(ctx context.Context, r *run, at func(float64)) error {
	dir := j.path(r.dir())
	if runfolder.Discarded(dir) != nil {
		return runfolder.DiscardModel(dir) // left by a killed process
	}
	if j.finished(r) && complete(dir, j.lastFiles()...) && !damaged(filepath.Join(dir, "saved_model")) {
		return runfolder.Prune(dir)
	}
	if !runfolder.Is(dir) {
		if err := j.create(r, dir); err != nil {
			return err
		}
	}
	note := func(text string) { j.note(r.name() + ": " + text) }
	var err error
	if len(j.Command) > 0 {
		err = process{j.Command, j.Machine, note}.train(ctx, dir, func(epochs int) { at(float64(epochs) / float64(r.row.experiment.Training.Epochs)) })
	} else {
		_, err = pipeline.Resume(ctx, pipeline.ResumeOptions{Run: dir, Machine: j.Machine, Listener: pipeline.Listener{OnNote: note, OnStep: func(s pipeline.StepInfo) {
			at((float64(s.Epoch-1) + float64(s.Done)/float64(s.Total)) / float64(s.Epochs))
		}}})
	}
	if err != nil {
		return err
	}
	return runfolder.Prune(dir)
}

// lastFiles returns the files that training writes last in a run folder.
func (j *job) lastFiles() []string {
	if len(j.Command) > 0 {
		return []string{evaluationFile, result.CommandFile, "report.html"}
	}
	return []string{evaluationFile}
}

// complete reports whether the job that writes the last files in a folder has ended, and the
// folder's files have their checksums.
func complete(dir string, last ...string) bool {
	return checksum.Listed(dir, last...) && !damaged(dir)
}

// damaged reports whether a file in a folder differs from its checksum.
func damaged(dir string) bool { return checksum.Is(checksum.CheckAll(dir)) }

// finished reports whether a run was trained, exported and evaluated. The model may have been
// discarded since.
func (j *job) finished(r *run) bool {
	dir := j.path(r.dir())
	return runfolder.Discarded(dir) != nil || paths.Exists(filepath.Join(dir, evaluationFile)) && paths.Exists(filepath.Join(dir, "saved_model"))
}

// create creates a run folder with the study's split.
func (j *job) create(r *run, dir string) error {
	e := r.row.experiment
	e.Seed = r.seed
	folder, err := runfolder.Claim(dir)
	if err != nil {
		return err
	}
	if e.FineTune != nil {
		if e, err = pipeline.StartWithWeights(context.Background(), e, dir, pipeline.Listener{OnNote: func(text string) { j.note(r.name() + ": " + text) }}); err != nil {
			return errors.Join(err, folder.Close())
		}
	}
	made, err := runfolder.Create(folder, e, runfolder.NewEnvironment(j.Machine.Config(e.Training.Precision), e.Seed), j.splits[r.seed])
	if err != nil {
		return errors.Join(err, folder.Close())
	}
	return made.Close()
}

// runWork returns the cost of a run in units of [imageCost].
func (j *job) runWork(r *run) float64 {
	e, split := r.row.experiment, j.splits[r.seed]
	images := e.Training.Augmentation.Images(len(split.Train)) + len(split.Validation)/3
	return imageCost(e.Architecture) * float64(images*e.Training.Epochs)
}

// follow returns a function that receives the finished share of a run and reports the study's
// progress. left is the work that this process still has to do.
func (j *job) follow(p Progress, r *run, left float64) func(at float64) {
	if j.Listener.Progress == nil {
		return func(float64) {}
	}
	first := -1.0 // the share that was finished at the start
	p.Epochs = r.row.experiment.Training.Epochs
	return func(at float64) {
		if first < 0 {
			first = at
		}
		p.Epoch = min(int(at*float64(p.Epochs))+1, p.Epochs)
		p.Done = (j.worked + at*j.runWork(r)) / left
		p.Left = 0
		done, passed := j.worked+(at-first)*j.runWork(r), time.Since(j.began)
		if done > 0 && passed > 2*time.Second {
			p.Left = time.Duration((1 - p.Done) * left / done * float64(passed))
		}
		j.Listener.Progress(p)
	}
}
