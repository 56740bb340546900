package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"oscar/dataset"
	"oscar/tfmodel"
)

// ErrInterrupted says that a job stopped because it was told to, and left all
// that is needed to go on.
var ErrInterrupted = errors.New("interrupted")

// TrainOptions are the options of [Train].
type TrainOptions struct {
	Data       string     // folder with one sub-folder a class
	Out        string     // the run folder to make
	Experiment Experiment // what to train
	Strict     bool       // a file that cannot be read is an error
	Machine    Machine
	Listener   Listener

	// adopt, if not empty, is a folder that Data lies in and that is moved to
	// RUN/data: the run keeps its own images.
	adopt string
}

// Machine says what of the machine a job may use. It changes speed and
// memory; of the results only the last bits, by Threads.
type Machine struct {
	Threads         Threads
	Workers         int               // images decoded beside each other; 0: one a processor
	Cache           dataset.CacheMode // where decoded images are kept between epochs
	CheckpointEvery int               // steps between checkpoints within an epoch; 0: none
	Limits          dataset.Limits    // of an image to evaluate or explain; an experiment has its own
}

// Train makes a run folder and trains to the end: split, epochs, export,
// evaluation of the test part. When ctx is cancelled it saves after the step
// under way and returns [ErrInterrupted].
func Train(ctx context.Context, o TrainOptions) (*Run, error) {
	if err := vacant(o.Out); err != nil {
		return nil, err
	}
	if err := o.Experiment.check(); err != nil {
		return nil, err
	}
	o.Listener.stage("reading images")
	folder, err := dataset.Scan(ctx, o.Data, dataset.ScanOptions{
		Limits: o.Experiment.Data.limits(), Verify: true, Workers: o.Machine.Workers, Progress: o.Listener.Count,
	})
	if err != nil {
		return nil, interruptedBefore(ctx, err)
	}
	if o.Strict && len(folder.Unreadable) > 0 {
		p := folder.Unreadable[0]
		return nil, fmt.Errorf("%d files cannot be read, the first is %s: %s", len(folder.Unreadable), p.Path, p.Reason)
	}
	e := o.Experiment
	if e.Data.Root, err = filepath.Abs(folder.Root); err != nil {
		return nil, err
	}
	if err := e.resolve(len(folder.Classes)); err != nil {
		return nil, err
	}
	split, err := dataset.NewSplit(folder, e.Data.Fractions, e.Seed)
	if err != nil {
		return nil, err
	}
	for _, n := range split.Notes {
		o.Listener.note(n)
	}
	for _, p := range split.Unreadable {
		o.Listener.note(fmt.Sprintf("%s is left out: %s", p.Path, p.Reason))
	}
	if n := len(split.Unreadable); n > 0 {
		o.Listener.note(fmt.Sprintf("%d files could not be read; split.json lists them", n))
	}
	if o.adopt != "" {
		below, err := filepath.Rel(o.adopt, o.Data)
		if err != nil {
			return nil, err
		}
		e.Data.Root = filepath.ToSlash(filepath.Join(adoptedDir, below))
	}
	run, err := createRun(o.Out, o.adopt, e, NewEnvironment(o.Machine.Threads, e.Seed), split)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	return run, run.train(ctx, o.Machine, o.Listener)
}

// Resume goes on with a run where its newest readable checkpoint stands, with
// the threads it began with unless machine says otherwise.
func Resume(ctx context.Context, dir string, machine Machine, listener Listener) (*Run, error) {
	run, err := OpenRun(dir)
	if err != nil {
		return nil, err
	}
	if err := run.acquire(); err != nil {
		return nil, err
	}
	defer run.Close()
	before := run.Environment.Threads
	if machine.Threads.Intra == 0 {
		machine.Threads.Intra = before.Intra
	}
	if machine.Threads.Inter == 0 {
		machine.Threads.Inter = before.Inter
	}
	if machine.Threads != before {
		listener.note(fmt.Sprintf("the run began with %d+%d threads, and goes on with %d+%d: the last bits may differ",
			before.Intra, before.Inter, machine.Threads.Intra, machine.Threads.Inter))
	}
	return run, run.train(ctx, machine, listener)
}

// interruptedBefore maps a cancelled context to ErrInterrupted.
func interruptedBefore(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w before there was anything to save", ErrInterrupted)
	}
	return err
}

// train does what is left of a run.
func (r *Run) train(ctx context.Context, machine Machine, listener Listener) error {
	if _, err := os.Stat(r.path(evaluationFile)); err == nil {
		listener.note("the run is finished already")
		return nil
	}
	if err := r.fit(ctx, machine, listener); err != nil {
		return err
	}
	return r.finish(ctx, machine, listener)
}

// fit trains the epochs that are left.
func (r *Run) fit(ctx context.Context, machine Machine, listener Listener) error {
	e := r.Experiment
	listener.stage("building the graph")
	t, err := tfmodel.NewTrainer(e.Architecture, e.Training.Adam, e.Seed, machine.Threads)
	if err != nil {
		return err
	}
	defer t.Close()
	// What has begun is brought to its end: the context is asked between steps.
	work := context.WithoutCancel(ctx)
	s, err := r.checkpoints().restore(work, t, r.Split.Hash, listener)
	if err != nil {
		return err
	}
	if s.Step > 0 {
		listener.note(fmt.Sprintf("going on at step %d, epoch %d", s.Step, s.Epoch+1))
	}
	j, err := r.openJournal(s.Epoch)
	if err != nil {
		return err
	}
	defer j.close()
	loader, err := r.loader(machine)
	if err != nil {
		return err
	}
	defer loader.Close()

	f := &fitting{run: r, machine: machine, listener: listener, trainer: t, loader: loader, journal: j, state: s}
	listener.stage("training")
	for f.state.Epoch < e.Training.Epochs {
		if err := f.epoch(ctx, work); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) loader(machine Machine) (*dataset.Loader, error) {
	in := r.Experiment.Architecture.Input
	return dataset.NewLoader(dataset.LoaderOptions{
		Root: r.Images(), Height: in[0], Width: in[1],
		Interpolation: r.Experiment.Data.Interpolation, Limits: r.Experiment.Data.limits(),
		Cache: machine.Cache, CacheDir: r.path("cache"), Workers: machine.Workers,
	})
}

// fitting is a training under way.
type fitting struct {
	run      *Run
	machine  Machine
	listener Listener
	trainer  *tfmodel.Trainer
	loader   *dataset.Loader
	journal  *journal
	state    state
}

// epoch trains one epoch, or what is left of it, then validates and saves.
func (f *fitting) epoch(ctx, work context.Context) error {
	r, s := f.run, &f.state
	training := r.Experiment.Training
	order := dataset.Order(len(r.Split.Train), r.Experiment.Seed, s.Epoch)
	begin := time.Now()
	earlier, from := s.Seconds, s.Position
	clock := func() float64 { return earlier + time.Since(begin).Seconds() }
	for b, err := range f.loader.Batches(work, r.Split.Train, order[s.Position:], training.Batch) {
		if err != nil {
			return err
		}
		loss, correct, err := f.trainer.Step(work, tfmodel.Batch{N: b.N, Images: b.Images, Labels: b.Labels}, s.Step, training.LearningRate)
		if err != nil {
			return err
		}
		s.Step++
		s.Position += b.N
		s.Loss += loss * float64(b.N)
		s.Correct += correct
		s.Seconds = clock()
		if f.listener.Step != nil {
			rate := float64(s.Position-from) / time.Since(begin).Seconds()
			rest := len(order)*(training.Epochs-s.Epoch) - s.Position
			f.listener.Step(StepInfo{
				Epoch: s.Epoch + 1, Epochs: training.Epochs, Done: s.Position, Total: len(order),
				Loss: s.Loss / float64(s.Position), Accuracy: float64(s.Correct) / float64(s.Position),
				Rate: rate, Left: time.Duration(float64(rest) / rate * float64(time.Second)),
			})
		}
		stop := ctx.Err() != nil
		if stop || f.machine.CheckpointEvery > 0 && s.Step%f.machine.CheckpointEvery == 0 && s.Position < len(order) {
			if err := r.checkpoints().save(work, f.trainer, *s); err != nil {
				return err
			}
		}
		if stop {
			return fmt.Errorf("%w at step %d, epoch %d; go on with --resume %s", ErrInterrupted, s.Step, s.Epoch+1, r.Dir)
		}
	}
	m := EpochMetrics{
		Epoch: s.Epoch + 1, Step: s.Step, LearningRate: training.LearningRate,
		Loss: s.Loss / float64(s.Position), Accuracy: float64(s.Correct) / float64(s.Position),
		Seconds: s.Seconds, ImagesPerSecond: float64(s.Position) / s.Seconds, Time: time.Now().UTC().Truncate(time.Millisecond),
		PeakMemory: peakMemory(),
	}
	if err := f.validate(work, &m); err != nil {
		return err
	}
	better := s.Best.beatenBy(m)
	if better {
		if err := r.checkpoints().saveBest(work, f.trainer, m.Epoch); err != nil {
			return err
		}
		s.Best = best{m.Epoch, m.ValidationAccuracy, m.ValidationLoss}
	}
	if err := f.journal.add(m); err != nil {
		return err
	}
	s.Epoch++
	s.Position, s.Loss, s.Correct, s.Seconds = 0, 0, 0, 0
	if err := r.checkpoints().save(work, f.trainer, *s); err != nil {
		return err
	}
	if f.listener.Epoch != nil {
		f.listener.Epoch(m, better)
	}
	return nil
}

// validate measures the validation part; without one, every epoch is better
// than the one before, so that the last is kept.
func (f *fitting) validate(ctx context.Context, m *EpochMetrics) error {
	items := f.run.Split.Validation
	if len(items) == 0 {
		m.ValidationAccuracy, m.ValidationLoss = 0, -float64(m.Epoch)
		return nil
	}
	var loss float64
	correct := 0
	for b, err := range f.loader.Batches(ctx, items, nil, f.run.Experiment.Training.Batch) {
		if err != nil {
			return err
		}
		probabilities, losses, err := f.trainer.Evaluate(ctx, tfmodel.Batch{N: b.N, Images: b.Images, Labels: b.Labels})
		if err != nil {
			return err
		}
		for i, p := range probabilities {
			loss += float64(losses[i])
			if argmax(p) == b.Labels[i] {
				correct++
			}
		}
	}
	m.ValidationLoss = loss / float64(len(items))
	m.ValidationAccuracy = float64(correct) / float64(len(items))
	return nil
}

func argmax(p []float32) int {
	at := 0
	for i, v := range p {
		if v > p[at] {
			at = i
		}
	}
	return at
}

// finish exports the best epoch and looks at the test part, once.
func (r *Run) finish(ctx context.Context, machine Machine, listener Listener) error {
	listener.stage("exporting")
	epoch, err := r.export(ctx, r.Model(), false, machine.Threads)
	if err != nil {
		return err
	}
	if err := r.drawCurves(epoch); err != nil {
		return err
	}
	listener.stage("evaluating the test part")
	if len(r.Split.Test) == 0 {
		listener.note("the split has no test part: nothing to evaluate")
		return nil
	}
	result, err := Evaluate(ctx, EvaluateOptions{Model: r.Dir, Part: "test", Machine: machine, Listener: listener})
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w before the test part was evaluated; go on with --resume %s", ErrInterrupted, r.Dir)
		}
		return err
	}
	result.Epoch = epoch
	return writeJSON(r.path(evaluationFile), result)
}
