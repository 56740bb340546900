package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/checksum"
	thisMachine "oscar/internal/machine"
	"oscar/internal/paths"
	"oscar/internal/text"
	"oscar/run"
)

// Types of every job; see oscar/run.
type (
	Machine = run.Machine
	Threads = run.Threads
	// Precision is the number format that a model computes in.
	Precision = run.Precision
	// Config configures a TensorFlow session.
	Config   = run.Config
	Listener = run.Listener
	StepInfo = run.StepInfo
	Progress = run.Progress
)

// ErrInterrupted is returned by a canceled job. The job can be resumed.
var ErrInterrupted = run.ErrInterrupted

// Run is a run folder.
type Run struct{ *run.Run }

// OpenRun reads a run folder.
func OpenRun(dir string) (*Run, error) {
	r, err := run.Open(dir)
	if err != nil {
		return nil, err
	}
	return &Run{r}, nil
}

// TrainOptions are the options of [Train].
type TrainOptions struct {
	Data       string                // folder with one sub-folder per class or per part; or a table
	Parts      [3]string             // folders of train, validation and test, in place of Data; "": no such part
	Out        string                // the run folder to create
	Experiment experiment.Experiment // what to train
	Machine    Machine
	Listener   Listener
}

// Train creates a run folder, splits the images, trains all epochs, exports the best one and
// evaluates it on the test part. When ctx is canceled it saves after the current step and returns
// [ErrInterrupted].
func Train(ctx context.Context, o TrainOptions) (_ *Run, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	folder, err := run.Claim(o.Out)
	if err != nil {
		return nil, err
	}
	r, err := o.create(ctx, folder)
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	defer r.Release(ctx, &err)
	_, err = r.train(ctx, o.Machine, o.Listener)
	return r, err
}

// Check returns an error for options that are invalid for any images.
func (o TrainOptions) Check() error {
	if err := errors.Join(o.Experiment.Check(), o.Machine.Check(), o.Experiment.Training.Precision.Check()); err != nil {
		return err
	}
	for _, dir := range append(o.Parts[:], o.Data) {
		if dir != "" && paths.Within(paths.Real(dir), paths.Real(o.Out)) {
			return fmt.Errorf("%s lies in %s, where every folder is a class; name a folder elsewhere", o.Out, dir)
		}
	}
	return nil
}

// create splits the images and creates the run in a locked folder. Images that are in this folder
// belong to the run.
func (o TrainOptions) create(ctx context.Context, out *run.Folder) (_ *Run, err error) {
	from, err := o.pretrained(ctx, out)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && from != nil {
			err = errors.Join(err, os.RemoveAll(filepath.Join(out.Path, run.PretrainedDir)))
		}
	}()
	folder, e, err := o.scan(ctx, from)
	if err != nil {
		return nil, err
	}
	split, err := dataset.NewSplit(folder, e.Data.Fractions, e.Seed)
	if err != nil {
		return nil, err
	}
	if err := o.check(e, split); err != nil {
		return nil, err
	}
	if root := paths.Real(out.Path); paths.Within(root, paths.Real(folder.Root)) {
		below, err := filepath.Rel(root, paths.Real(folder.Root))
		if err != nil {
			return nil, err
		}
		e.Data.Root = filepath.ToSlash(below)
	}
	r, err := run.Create(out, e, run.TrainingEnvironment(o.Machine, e.Training.Precision, e.Seed), split)
	if err != nil {
		return nil, err
	}
	return &Run{r}, nil
}

// pretrained copies the model to fine-tune to the run's folder. It returns nil without fine-tuning.
func (o TrainOptions) pretrained(ctx context.Context, out *run.Folder) (startingPoint, error) {
	if o.Experiment.FineTune == nil {
		return nil, nil
	}
	o.Listener.Stage("reading " + o.Experiment.FineTune.Source())
	return start(ctx, o.Experiment, filepath.Join(out.Path, run.PretrainedDir), o.Machine.Trust, o.Listener)
}

// scan lists the images and fills in the settings that depend on them.
func (o TrainOptions) scan(ctx context.Context, from startingPoint) (*dataset.Folder, experiment.Experiment, error) {
	e := o.Experiment
	o.Listener.Stage("reading images")
	folder, err := e.Data.Scan(ctx, o.Data, dataset.ScanOptions{
		Parts: o.Parts, Verify: true, Hashes: run.Hashes(), Workers: o.Machine.Workers, Progress: o.Listener.Count,
	})
	if err != nil {
		return nil, e, interruptedBefore(ctx, err)
	}
	if e.Data.Strict && len(folder.Unreadable) > 0 {
		p := folder.Unreadable[0]
		return nil, e, fmt.Errorf("%s cannot be read, the first is %s: %s", text.Count(len(folder.Unreadable), "file"), p.Path, p.Reason)
	}
	if root := e.Data.Root; root != "" && paths.Absolute(root) != paths.Absolute(folder.Root) {
		o.Listener.Note(fmt.Sprintf("data.root %s is not used: the images are those of %s", root, folder.Root))
	}
	if e.Data.Root, err = filepath.Abs(folder.Root); err != nil {
		return nil, e, err
	}
	if dataset.IsGroupFile(e.Data.Groups) {
		if e.Data.Groups, err = filepath.Abs(e.Data.Groups); err != nil {
			return nil, e, err
		}
	}
	if err := e.ForLabels(folder.MultiLabel); err != nil {
		return nil, e, err
	}
	output := e.Architecture.Output
	if from != nil {
		if e.Architecture, err = from(len(folder.Classes)); err != nil {
			return nil, e, err
		}
		e.Architecture.Output = output
		if e.FineTune, err = e.FineTune.Absolute(); err != nil {
			return nil, e, err
		}
	}
	if e.Data.Classes != "" {
		if e.Data.Classes, err = filepath.Abs(e.Data.Classes); err != nil {
			return nil, e, err
		}
	}
	if err := e.Resolve(len(folder.Classes)); err != nil {
		return nil, e, err
	}
	e.Training.Precision = trainingPrecision(o.Machine, e.Training.Precision, e.Architecture.Name)
	return folder, e, checkMemory(e, o.Listener)
}

// check returns an error if the experiment cannot be trained on a split. It notes problems of the
// images.
func (o TrainOptions) check(e experiment.Experiment, split *dataset.Split) error {
	if _, err := run.Weighted(e.Training.ClassWeight, split); err != nil {
		return err
	}
	if _, err := run.PositiveWeights(e.Training.ClassWeight, split); err != nil {
		return err
	}
	o.Listener.Note(dataset.Grouped(split.Notes)...)
	o.Listener.Note(wordNotes(split.Classes)...)
	o.Listener.Note(dataset.LeftOut(split.Unreadable)...)
	if n := len(split.Unreadable); n > 0 {
		o.Listener.Note(fmt.Sprintf("%s could not be read; split.json lists them", text.Count(n, "file")))
	}
	return nil
}

// ResumeOptions are the options of [Resume].
type ResumeOptions struct {
	Run      string
	Data     string // the folder of the images if it was moved
	Epochs   int    // the total number of epochs; 0: as in experiment.json
	Machine  Machine
	Listener Listener
}

// Resume continues a run from its newest readable checkpoint, with its number of threads
// unless Machine sets another. With more Epochs a finished run is trained further, exported
// and evaluated again.
func Resume(ctx context.Context, o ResumeOptions) (*Run, error) {
	r, already, err := continueRun(ctx, o)
	if already {
		o.Listener.Note("the run is finished already; to train on, name more --epochs")
	}
	return r, err
}

// continueRun is [Resume]. already is true if the run was finished.
func continueRun(ctx context.Context, o ResumeOptions) (_ *Run, already bool, err error) {
	machine, listener := o.Machine, o.Listener
	opened, err := run.OpenEdited(o.Run)
	if err != nil {
		return nil, false, err
	}
	r := &Run{opened}
	if err := machine.Check(); err != nil {
		return nil, false, err
	}
	if o.Epochs < 0 {
		return nil, false, fmt.Errorf("epochs is %d, want 1 or more", o.Epochs)
	}
	if err := r.Acquire(); err != nil {
		return nil, false, err
	}
	defer r.Release(ctx, &err)
	if err := r.edit(ctx, o); err != nil {
		return nil, false, err
	}
	if err := r.checkPrecision(); err != nil {
		return nil, false, err
	}
	if err := r.KeepEdits(); err != nil {
		return nil, false, err
	}
	if err := checkMemory(r.Experiment, listener); err != nil {
		return nil, false, err
	}
	before := r.Environment.Threads
	if machine.Threads.Intra == 0 {
		machine.Threads.Intra = before.Intra
	}
	if machine.Threads.Inter == 0 {
		machine.Threads.Inter = before.Inter
	}
	if machine.Threads != before {
		listener.Note(fmt.Sprintf("the run began with %d+%d threads, and continues with %d+%d: the last bits may differ",
			before.Intra, before.Inter, machine.Threads.Intra, machine.Threads.Inter))
	}
	was, now := r.Environment, run.TrainingEnvironment(machine, r.Experiment.Training.Precision, r.Experiment.Seed)
	if was.TensorFlow != now.TensorFlow || was.Processor != now.Processor {
		listener.Note(fmt.Sprintf("the run began with TensorFlow %s on %s, and continues with TensorFlow %s on %s: the last bits may differ",
			was.TensorFlow, was.Processor, now.TensorFlow, now.Processor))
	}
	if was.Workers != now.Workers {
		listener.Note(fmt.Sprintf("the run began with %d workers, and continues with %d: the last bits differ, and batch normalization has other batches",
			was.Workers, now.Workers))
	}
	already, err = r.train(ctx, machine, listener)
	return r, already, err
}

// edit applies the options to the run's experiment and checks it.
func (r *Run) edit(ctx context.Context, o ResumeOptions) error {
	if o.Epochs == 0 && o.Data == "" {
		return r.CheckEdits(o.Listener)
	}
	if err := r.CheckEdits(Listener{}); err != nil {
		return err
	}
	if o.Data != "" {
		o.Listener.Stage("reading images")
		if err := r.Move(ctx, o.Data, o.Machine.Workers, o.Listener); err != nil {
			return interruptedBefore(ctx, err)
		}
	}
	if o.Epochs > 0 {
		if err := r.trainable(); err != nil {
			return err
		}
		if err := r.Lengthen(o.Epochs); err != nil {
			return err
		}
	}
	return r.CheckEdits(o.Listener)
}

// trainable returns an error if training cannot continue on this machine. It changes nothing.
func (r *Run) trainable() error {
	if err := r.checkPrecision(); err != nil {
		return err
	}
	if _, err := r.Experiment.Fits(thisMachine.Memory()); err != nil {
		return err
	}
	return r.CheckImages()
}

// checkPrecision returns an error if this processor cannot train in the run's precision.
func (r *Run) checkPrecision() error {
	if err := r.Experiment.Training.Precision.Check(); err != nil {
		return fmt.Errorf("%s was trained in bfloat16: %w", r.Dir, err)
	}
	return nil
}

// checkMemory notes that training may not fit into memory, or returns an error if it cannot fit.
func checkMemory(e experiment.Experiment, listener Listener) error {
	note, err := e.Fits(thisMachine.Memory())
	if note != "" {
		listener.Note(note)
	}
	return err
}

// interruptedBefore returns ErrInterrupted if the context is canceled.
func interruptedBefore(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w before there was anything to save", ErrInterrupted)
	}
	return err
}

// train trains the remaining epochs. already reports that there were none.
func (r *Run) train(ctx context.Context, machine Machine, listener Listener) (already bool, err error) {
	finished, trained, err := r.Repair(listener)
	if err != nil || finished {
		return finished, err
	}
	if !trained {
		if err := r.Fit(ctx, machine, listener); err != nil {
			return false, err
		}
	}
	if err := r.finish(ctx, machine, listener); err != nil {
		return false, err
	}
	return false, r.Finish()
}

// finish exports the best epoch and evaluates the test part, once.
func (r *Run) finish(ctx context.Context, machine Machine, listener Listener) error {
	listener.Stage("exporting")
	epoch, err := r.export(ctx, ExportOptions{Out: r.Model(), Threads: machine.Threads, Listener: listener})
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w before the model was exported; continue with --resume %s", ErrInterrupted, r.Dir)
	} else if err != nil {
		return err
	}
	switch {
	case len(r.Split.Test) == 0:
		listener.Note("the split has no test part: nothing to evaluate")
		return r.writeBoard(ctx, epoch, nil)
	case paths.Exists(r.Path(run.EvaluationFile)):
		return nil
	}
	result, err := Evaluate(ctx, EvaluateOptions{
		Model: r.Dir, Part: "test", Probabilities: r.Split.Fold != nil, Machine: machine, Listener: listener,
	})
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w before the test part was evaluated; continue with --resume %s", ErrInterrupted, r.Dir)
	} else if err != nil {
		return err
	}
	result.Epoch = epoch
	if err := r.writeBoard(ctx, epoch, result); err != nil {
		return err
	}
	return checksum.WriteJSON(r.Dir, run.EvaluationFile, result)
}
