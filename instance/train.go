package instance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/atomicfile"
	"oscar/internal/checkpoint"
	"oscar/internal/checksum"
	"oscar/internal/events"
	"oscar/internal/machine"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/run"
)

// Listener receives a job's progress events.
type Listener struct {
	run.Listener
	OnLosses func(epoch, epochs, done, total int, losses maskrcnn.Losses, rate float64, left time.Duration)
	OnEpoch  func(e Epoch, best bool)
}

// TrainOptions are the options of [Train].
type TrainOptions struct {
	Data, Out  string
	Experiment Experiment
	Machine    run.Machine
	Listener   Listener
}

// Train trains a detector on a folder of scenes and evaluates it on the test part.
func Train(ctx context.Context, o TrainOptions) (_ *Run, err error) {
	e := o.Experiment
	sets := map[string]*scene.Set{}
	o.Listener.Stage("reading annotations")
	e.Data = Data{Root: paths.Absolute(o.Data), SHA256: map[string]string{}}
	for _, part := range scene.Parts {
		s, err := scene.Open(ctx, o.Data, part)
		if errors.Is(err, os.ErrNotExist) && part != scene.Train {
			continue
		}
		if err == nil {
			err = s.Missing()
		}
		if err != nil {
			return nil, err
		}
		sets[part] = s
		e.Data.SHA256[part] = s.SHA256
		if err := checkClasses(sets[scene.Train], s); err != nil {
			return nil, err
		}
	}
	train := sets[scene.Train]
	if len(train.Scenes) == 0 {
		return nil, errNoScenes
	}
	e.Data.Classes, e.Data.Objects = train.Classes, 1
	for _, s := range train.Scenes {
		e.Data.Objects = max(e.Data.Objects, len(s.Objects))
	}
	e.Detector.Classes = len(train.Classes)
	if err := cmp.Or(e.Check(), e.Training.Precision.Check(), e.fits(machine.Memory())); err != nil {
		return nil, err
	}
	if e.Weights != "" {
		if e, err = e.begin(ctx, o.Listener.Note); err != nil {
			return nil, err
		}
	}
	folder, err := resultdir.Open(o.Out, kind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, folder, &err)
	r, err := create(o.Out, e, run.NewEnvironment(o.Machine.Config(e.Training.Precision), e.Seed))
	if err != nil {
		return nil, err
	}
	return r, r.finish(ctx, o.Machine, o.Listener)
}

// ResumeOptions are the options of [Resume].
type ResumeOptions struct {
	Run      string
	Data     string // the folder of scenes if it was moved
	Epochs   int    // the total number of epochs; 0: as in experiment.json
	Machine  run.Machine
	Listener Listener
}

// Resume continues a run that was stopped or killed. If Epochs is larger than the run's, a finished
// run is trained further and evaluated again. The learning rate then follows the longer schedule.
func Resume(ctx context.Context, o ResumeOptions) (_ *Run, err error) {
	folder, err := resultdir.Open(o.Run, resultdir.Kind{Mark: experimentFile})
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, folder, &err)
	r, err := openRun(o.Run)
	if err != nil {
		return nil, err
	}
	if o.Data != "" {
		r.Experiment.Data.Root = paths.Absolute(o.Data)
	}
	if err := checksum.UpdateUnlisted(r.Dir, listed...); err != nil {
		return nil, err
	}
	if o.Epochs > 0 {
		if err := r.trainable(ctx); err != nil {
			return nil, err
		}
	}
	if err := r.lengthen(o.Epochs); err != nil {
		return nil, err
	}
	return r, r.finish(ctx, o.Machine, o.Listener)
}

// trainable returns an error if training cannot continue with this data on this machine. It changes
// nothing.
func (r *Run) trainable(ctx context.Context) error {
	if err := r.Experiment.Training.Precision.Check(); err != nil {
		return err
	}
	if err := r.Experiment.fits(machine.Memory()); err != nil {
		return err
	}
	_, err := r.open(ctx, scene.Train)
	return err
}

// finish trains the remaining epochs and evaluates the test part.
func (r *Run) finish(ctx context.Context, m run.Machine, l Listener) error {
	if err := r.fit(ctx, m, l); err != nil {
		return err
	}
	if r.Experiment.Data.SHA256[scene.Test] == "" || paths.Exists(r.path(evaluationFile)) {
		return nil
	}
	e, err := Evaluate(ctx, EvaluateOptions{Run: r.Dir, Data: r.Experiment.Data.Root, Part: scene.Test, Machine: m, Listener: l.Listener})
	if err != nil {
		return err
	}
	return checksum.WriteJSON(r.Dir, evaluationFile, e)
}

// fitting is a running training.
type fitting struct {
	run        *Run
	machine    run.Machine
	listener   Listener
	trainer    *maskrcnn.Trainer
	detector   *maskrcnn.Detector // for the validation part; nil in the first epoch
	train      *scene.Set
	validation *scene.Set // nil: none
	scalars    *events.Writer
	state      state
	steps      int // of an epoch
}

// fit trains the remaining epochs. If ctx is canceled, fit saves after the current step and returns
// [run.ErrInterrupted].
func (r *Run) fit(ctx context.Context, m run.Machine, l Listener) (err error) {
	e := r.Experiment
	if err := e.Training.Precision.Check(); err != nil {
		return err
	}
	l.Stage("building the graph")
	f := &fitting{run: r, machine: m, listener: l}
	if err := e.fits(machine.Memory()); err != nil {
		return err
	}
	if f.train, err = r.open(ctx, scene.Train); err != nil {
		return err
	}
	if e.Data.SHA256[scene.Validation] != "" {
		if f.validation, err = r.open(ctx, scene.Validation); err != nil {
			return err
		}
	}
	f.trainer, err = maskrcnn.NewTrainer(e.Detector, e.Data.Objects, e.Training.Adam, e.Seed, m.Config(e.Training.Precision))
	if err != nil {
		return err
	}
	defer f.trainer.Close()
	work := context.WithoutCancel(ctx) // finish the current step
	if f.state, err = r.restore(work, f.trainer, func(text string) { l.Note(text) }); err != nil {
		return err
	}
	if f.state.Step > 0 {
		l.Note(fmt.Sprintf("going on at step %d, epoch %d", f.state.Step, f.state.Epoch+1))
	}
	if err := f.openJournal(); err != nil {
		return err
	}
	defer f.scalars.Close()
	defer func() {
		if f.detector != nil {
			f.detector.Close()
		}
	}()
	f.steps = (len(f.train.Scenes) + e.Training.Batch - 1) / e.Training.Batch
	l.Stage("training")
	for f.state.Epoch < e.Training.Epochs {
		if ctx.Err() != nil {
			return f.interrupted()
		}
		if err := f.epoch(ctx, work); err != nil {
			return err
		}
	}
	return nil
}

func (f *fitting) interrupted() error {
	return fmt.Errorf("%w at step %d, epoch %d; continue with --resume %s", run.ErrInterrupted, f.state.Step, f.state.Epoch+1, f.run.Dir)
}

// epoch trains an epoch or the rest of it, then validates and saves.
func (f *fitting) epoch(ctx, work context.Context) error {
	s, t := &f.state, f.run.Experiment.Training
	scenes := len(f.train.Scenes)
	begin, earlier, from := time.Now(), s.Seconds, s.Position
	rate := 0.0
	for b, err := range f.batches(work, dataset.Order(scenes, f.run.Experiment.Seed, s.Epoch), s.Position) {
		if err != nil {
			return err
		}
		rate = t.rate(s.Step, f.steps*t.Epochs)
		l, err := f.trainer.Step(work, b.batch, s.Step, rate)
		if err != nil {
			return err
		}
		s.Step++
		s.Position += b.n
		s.Losses = s.Losses.Plus(l, float64(b.n))
		s.Seconds = earlier + time.Since(begin).Seconds()
		if f.listener.OnLosses != nil {
			speed := float64(s.Position-from) / time.Since(begin).Seconds()
			left := time.Duration(float64(scenes*(t.Epochs-s.Epoch)-s.Position) / speed * float64(time.Second))
			f.listener.OnLosses(s.Epoch+1, t.Epochs, s.Position, scenes, s.Losses.Plus(s.Losses, 1/float64(s.Position)-1), speed, left)
		}
		stop := ctx.Err() != nil
		if stop || f.machine.CheckpointEvery > 0 && s.Step%f.machine.CheckpointEvery == 0 && s.Position < scenes {
			if err := f.run.save(work, f.trainer, *s); err != nil {
				return err
			}
		}
		if stop {
			return f.interrupted()
		}
	}
	mean := maskrcnn.Losses{}.Plus(s.Losses, 1/float64(scenes))
	e := Epoch{
		Epoch: s.Epoch + 1, Step: s.Step, LearningRate: rate, Loss: mean.Sum(),
		ObjectLoss: mean.Object, ShiftLoss: mean.Shift, ClassLoss: mean.Class, CorrectionLoss: mean.Correction, MaskLoss: mean.Mask,
		Positives: mean.Positives, Seconds: s.Seconds, ImagesPerSecond: float64(scenes) / s.Seconds,
		PeakMemory: machine.PeakMemory(), Time: time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := f.validate(work, &e); err != nil {
		return err
	}
	better := s.Best == 0 || ap(e) < 0 || ap(e) > ap(s.Epochs[s.Best-1])
	if better {
		s.Best = e.Epoch
		save := func(prefix string) error { return f.trainer.SaveWeights(work, prefix) }
		if err := checkpoint.WriteBest(f.run.path(checkpointsDir), e.Epoch, save); err != nil {
			return err
		}
	}
	s.Epochs = append(s.Epochs, e)
	s.Epoch++
	s.Position, s.Losses, s.Seconds = 0, maskrcnn.Losses{}, 0
	if err := errors.Join(f.writeMetrics(), f.writeEvents(e), f.scalars.Flush()); err != nil {
		return err
	}
	if err := f.run.save(work, f.trainer, *s); err != nil {
		return err
	}
	if f.listener.OnEpoch != nil {
		f.listener.OnEpoch(e, better)
	}
	return nil
}

// validate evaluates the validation part with the trainer's weights.
func (f *fitting) validate(ctx context.Context, e *Epoch) (err error) {
	if f.validation == nil || len(f.validation.Scenes) == 0 {
		return nil
	}
	tmp, remove, err := atomicfile.Scratch(f.run.path(checkpointsDir, "weights"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	prefix := filepath.Join(tmp, checkpoint.Variables)
	if err := f.trainer.SaveWeights(ctx, prefix); err != nil {
		return err
	}
	if f.detector == nil {
		f.detector, err = maskrcnn.NewDetector(ctx, f.run.Experiment.Detector, prefix, config(f.machine))
	} else {
		err = f.detector.Restore(ctx, prefix)
	}
	if err != nil {
		return err
	}
	results, err := detect(ctx, f.detector, f.validation, f.machine, run.Listener{})
	if err != nil {
		return err
	}
	for kind, scores := range map[coco.Kind]**coco.Scores{coco.Boxes: &e.Boxes, coco.Masks: &e.Masks} {
		s, err := coco.Evaluate(f.validation.Truth, results, kind)
		if err != nil {
			return err
		}
		*scores = &s
	}
	return nil
}

// openJournal rewrites metrics.jsonl and the event files up to the epoch of the state.
func (f *fitting) openJournal() (err error) {
	if err := f.writeMetrics(); err != nil {
		return err
	}
	if err := os.RemoveAll(f.run.path(eventsDir)); err != nil {
		return err
	}
	if f.scalars, err = events.Create(f.run.path(eventsDir), time.Now().UTC()); err != nil {
		return err
	}
	for _, e := range f.state.Epochs {
		if err := f.writeEvents(e); err != nil {
			return err
		}
	}
	return f.scalars.Flush()
}

func (f *fitting) writeMetrics() error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	for _, e := range f.state.Epochs {
		if err := encoder.Encode(e); err != nil {
			return err
		}
	}
	return checksum.Write(f.run.Dir, metricsFile, b.Bytes())
}

func (f *fitting) writeEvents(e Epoch) (err error) {
	type scalar struct {
		tag   string
		value float64
	}
	list := []scalar{
		{"loss/train", e.Loss}, {"loss/object", e.ObjectLoss}, {"loss/shift", e.ShiftLoss}, {"loss/class", e.ClassLoss},
		{"loss/correction", e.CorrectionLoss}, {"loss/mask", e.MaskLoss}, {"learning_rate", e.LearningRate},
		{"positives", e.Positives}, {"images_per_second", e.ImagesPerSecond},
	}
	if e.Masks != nil {
		list = append(list, scalar{"AP/masks", e.Masks.AP}, scalar{"AP/boxes", e.Boxes.AP})
	}
	for _, s := range list {
		err = errors.Join(err, f.scalars.Scalar(s.tag, int64(e.Epoch), s.value, e.Time))
	}
	return err
}
