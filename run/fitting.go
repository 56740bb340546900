package run

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/checksum"
	"oscar/internal/machine"
	"oscar/result"
	"oscar/tfmodel"
)

// Fit trains the remaining epochs. If ctx is canceled it saves after the current
// step and returns [ErrInterrupted].
func (r *Run) Fit(ctx context.Context, machine Machine, listener Listener) error {
	config := machine.Config(r.Experiment.Training.Precision)
	if machine.Cluster != nil {
		return r.fitOnCluster(ctx, machine, config, listener)
	}
	return r.fit(ctx, machine, config, listener)
}

// fit is Fit in one session.
func (r *Run) fit(ctx context.Context, machine Machine, config Config, listener Listener) error {
	e := r.Experiment
	listener.Stage("building the graph")
	network, err := r.Network()
	if err != nil {
		return err
	}
	t, err := tfmodel.NewTrainer(network, e.Training.Learning(), e.Seed, config)
	if err != nil {
		return err
	}
	defer t.Close()
	// Every step is finished: ctx is checked only between steps.
	work := context.WithoutCancel(ctx)
	epochs, err := r.journal()
	if err != nil {
		return err
	}
	s, err := r.checkpoints().restore(work, t, r.Split.Hash, len(epochs), listener)
	if err != nil {
		return err
	}
	s.Experiment = &r.Experiment
	if s.Epoch > 0 && len(s.Epochs) == s.Epoch {
		if checksum.Is(checksum.Check(r.Dir, MetricsFile)) || !sameEpochs(epochs, s.Epochs) {
			listener.Note(fmt.Sprintf("%s is damaged; it is made again from the checkpoint of step %d", r.Path(MetricsFile), s.Step))
		}
		epochs = s.Epochs
	}
	if err := r.checkpoints().keepBest(work, t, &s, listener); err != nil {
		return err
	}
	if s.Step > 0 {
		listener.Note(fmt.Sprintf("going on at step %d, epoch %d", s.Step, s.Epoch+1))
	}
	j, err := r.openJournal(epochs[:s.Epoch])
	if err != nil {
		return err
	}
	defer j.close()
	train, err := Weighted(e.Training.ClassWeight, r.Split)
	if err != nil {
		return err
	}
	positive, err := PositiveWeights(e.Training.ClassWeight, r.Split)
	if err != nil {
		return err
	}
	if err := r.CheckImages(); err != nil {
		return err
	}
	f := &fitting{run: r, train: train, positive: positive, machine: machine, listener: listener, trainer: t, journal: j, state: s, noted: map[string]bool{}, reasons: map[string]int{}}
	if f.loader, err = r.loader(machine, f.skip()); err != nil {
		return err
	}
	defer func() {
		if err := f.loader.Close(); err != nil { // the cache could not be written, so images are decoded each time
			listener.Note(err.Error())
		}
	}()

	listener.Stage("training")
	for f.state.Epoch < e.Training.Epochs {
		if last := e.Training.EarlyStopping.After(j.epochs); last > 0 {
			listener.Note(fmt.Sprintf("stopped early, after epoch %d of %d: %s", last, e.Training.Epochs, e.Training.EarlyStopping))
			break
		}
		if ctx.Err() != nil {
			return f.interrupted()
		}
		if err := f.epoch(ctx, work); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) loader(machine Machine, skip func(dataset.Item, error)) (*dataset.Loader, error) {
	return dataset.NewLoader(dataset.LoaderOptions{
		Root: r.Images(), Framing: r.Experiment.Data.Framing(r.Experiment.Architecture.Input), Limits: r.Experiment.Data.Limits(),
		Cache: machine.Cache, CacheDir: r.Path("cache"), Workers: machine.Workers,
		Skip: skip,
	})
}

// fitting is a running training.
type fitting struct {
	run      *Run
	machine  Machine
	listener Listener
	trainer  *tfmodel.Trainer
	loader   *dataset.Loader
	journal  *journal
	state    state
	train    []dataset.Item  // the train part; image weights include class weights
	positive []float32       // factors of positive labels, if multi-label
	features features        // of the images, while only the head is trained; else nil
	skipped  int             // images skipped since the last step
	noted    map[string]bool // their paths
	reasons  map[string]int  // number of skipped images per reason
	hinted   bool            // the hint about accuracy at chance was given
}

// skip returns the loader's Skip function. It notes files that were changed or removed since the
// split was made: each file once, with the name of the first one for each reason. skip returns nil
// if such files are errors.
func (f *fitting) skip() func(dataset.Item, error) {
	if f.run.Experiment.Data.Strict {
		return nil
	}
	return func(item dataset.Item, err error) {
		f.skipped++
		if !f.noted[item.Path] {
			f.noted[item.Path] = true
			reason := Problem(item, err).Reason
			kind := dataset.ReasonKind(reason)
			f.reasons[kind]++
			switch n := f.reasons[kind]; {
			case n <= dataset.MostAlike:
				f.listener.Note(fmt.Sprintf("left out: %v", err))
			case n == dataset.MostAlike+1:
				f.listener.Note(fmt.Sprintf("left out: more images, for the same reason: %s. %s counts all of them in each epoch", reason, MetricsFile))
			}
		}
	}
}

func (f *fitting) interrupted() error {
	return fmt.Errorf("%w at step %d, epoch %d; continue with --resume %s", ErrInterrupted, f.state.Step, f.state.Epoch+1, f.run.Dir)
}

// order returns an epoch's order of that many images.
func (f *fitting) order(images int) []int {
	seed, epoch := f.run.Experiment.Seed, f.state.Epoch
	if f.run.Experiment.Training.Sampling != experiment.BalancedSampling {
		return dataset.Order(images, seed, epoch)
	}
	classes := make([]int, images)
	for i := range classes {
		classes[i] = f.train[i%len(f.train)].Class
	}
	return dataset.BalancedOrder(classes, seed, epoch)
}

// epoch trains an epoch or the rest of it, then validates and saves.
func (f *fitting) epoch(ctx, work context.Context) error {
	r, s := f.run, &f.state
	training := r.Experiment.Training
	images := training.Augmentation.Images(len(r.Split.Train))
	if s.Epoch < r.Experiment.HeadEpochs() {
		images = len(r.Split.Train)
		if err := f.extract(ctx, work); err != nil {
			return err
		}
	} else {
		f.features = nil
	}
	order := f.order(images)
	if err := f.learn(ctx, work, order); err != nil {
		return err
	}
	if s.seen() == 0 {
		return fmt.Errorf("none of the %d images to train on in %s can be read", len(order), r.Images())
	}
	m := result.EpochMetrics{
		Epoch: s.Epoch + 1, Step: s.Step, LearningRate: r.Experiment.Rate(s.Epoch, max(0, s.Step-1), s.HeadSteps, len(order)),
		Loss: s.Loss / float64(s.seen()), Accuracy: float64(s.Correct) / float64(s.seen()*f.decisions()), Unreadable: s.Skipped,
		Seconds: s.Seconds, ImagesPerSecond: float64(s.seen()) / s.Seconds, Time: time.Now().UTC().Truncate(time.Millisecond),
		PeakMemory: machine.PeakMemory(),
	}
	if err := f.validate(work, &m); err != nil {
		return err
	}
	if hint := atChance(r.Experiment.Architecture, m); hint != "" && !f.hinted {
		f.hinted = true
		f.listener.Note(hint)
	}
	better := s.Best.beatenBy(m, training.Select)
	if better {
		s.Best = bestOf(m)
		if err := r.checkpoints().saveBest(work, f.trainer, s.Best); err != nil {
			return err
		}
	}
	if err := f.journal.add(m); err != nil {
		return err
	}
	s.Epoch++
	s.Epochs = f.journal.epochs
	s.Position, s.Skipped, s.Loss, s.Correct, s.Seconds = 0, 0, 0, 0, 0
	if err := r.checkpoints().save(work, f.trainer, *s); err != nil {
		return err
	}
	if f.listener.OnEpoch != nil {
		f.listener.OnEpoch(m, better)
	}
	return nil
}

// learn runs the remaining steps of an epoch. If ctx is canceled, it saves after the
// current step.
func (f *fitting) learn(ctx, work context.Context, order []int) error {
	r, s := f.run, &f.state
	begin, earlier, from := time.Now(), s.Seconds, s.Position
	for b, err := range f.batches(work, order[s.Position:]) {
		if err != nil {
			return err
		}
		number := s.Step // step of the optimizer; a new optimizer starts after the head's epochs
		if f.features == nil {
			number -= s.HeadSteps
		}
		b.Positive = f.positive
		loss, correct, err := f.trainer.Step(work, b, number, r.Experiment.Rate(s.Epoch, s.Step, s.HeadSteps, len(order)))
		if err != nil {
			return err
		}
		s.Step++
		if f.features != nil {
			s.HeadSteps++
		}
		s.Position += b.N + f.skipped
		s.Skipped += f.skipped
		f.skipped = 0
		s.Loss += loss * float64(b.N)
		s.Correct += correct
		s.Seconds = earlier + time.Since(begin).Seconds()
		f.tell(len(order), float64(s.Position-from)/time.Since(begin).Seconds())
		stop := ctx.Err() != nil
		if stop || f.machine.CheckpointEvery > 0 && s.Step%f.machine.CheckpointEvery == 0 && s.Position < len(order) {
			if err := r.checkpoints().save(work, f.trainer, *s); err != nil {
				return err
			}
		}
		if stop {
			return f.interrupted()
		}
	}
	s.Position += f.skipped
	s.Skipped += f.skipped
	f.skipped = 0
	return nil
}

// batches yields batches of the images in an order, with augmentation, or batches of their features.
func (f *fitting) batches(ctx context.Context, order []int) iter.Seq2[tfmodel.Batch, error] {
	training := f.run.Experiment.Training
	if f.features != nil {
		return f.features.batches(f.train, order, training.StepImages(), f.run.Split, &f.skipped)
	}
	pass := dataset.Epoch{Augmentation: training.Augmentation, Seed: f.run.Experiment.Seed, Number: f.state.Epoch}
	return f.ofImages(f.loader.Augmented(ctx, f.train, order, training.StepImages(), pass))
}

// ofImages yields batches of images for a trainer.
func (f *fitting) ofImages(batches iter.Seq2[*dataset.Batch, error]) iter.Seq2[tfmodel.Batch, error] {
	return func(yield func(tfmodel.Batch, error) bool) {
		for b, err := range batches {
			if err != nil {
				yield(tfmodel.Batch{}, err)
				return
			}
			if !yield(ofBatch(b, f.run.Split), nil) {
				return
			}
		}
	}
}

// ofBatch converts a batch for a trainer. It mixes labels and weights of mixed images by the same
// shares.
func ofBatch(b *dataset.Batch, of *dataset.Split) tfmodel.Batch {
	out := tfmodel.Batch{N: b.N, Images: b.Images, Labels: b.Labels, Targets: targets(b.Items, of), Weights: weights(b.Items)}
	if b.Partners == nil {
		return out
	}
	own := slices.Clone(out.Weights)
	out.Targets = mixed(out.Targets, b)
	out.Shares = b.Shares
	for i, partner := range b.Partners {
		out.Others = append(out.Others, b.Labels[partner])
		if own != nil {
			out.Weights[i] = b.Shares[i]*own[i] + (1-b.Shares[i])*own[partner]
		}
	}
	return out
}

// Weighted returns the train part of a split, with class weights included in each image's weight.
func Weighted(c experiment.ClassWeight, s *dataset.Split) ([]dataset.Item, error) {
	if s.MultiLabel { // see [PositiveWeights]
		return s.Train, nil
	}
	images := make([]int, len(s.Classes))
	for _, item := range s.Train {
		images[item.Class]++
	}
	factors, err := c.Weights(s.Classes, images)
	if err != nil || factors == nil {
		return s.Train, err
	}
	train := slices.Clone(s.Train)
	for i := range train {
		train[i].Weight = cmp.Or(train[i].Weight, 1) * factors[train[i].Class]
	}
	return train, nil
}

// weights returns the loss weights of the items, or nil if all are 1.
func weights(items []dataset.Item) (out []float32) {
	for i, item := range items {
		if item.Weight == 0 {
			continue
		}
		if out == nil {
			out = slices.Repeat([]float32{1}, len(items))
		}
		out[i] = float32(item.Weight)
	}
	return out
}

// tell reports a step of an epoch with that many images. rate is in images per second.
func (f *fitting) tell(images int, rate float64) {
	if f.listener.OnStep == nil {
		return
	}
	s, epochs := f.state, f.run.Experiment.Training.Epochs
	rest := images*(epochs-s.Epoch) - s.Position
	f.listener.OnStep(StepInfo{
		Epoch: s.Epoch + 1, Epochs: epochs, Done: s.Position, Total: images,
		Loss: s.Loss / float64(s.seen()), Accuracy: float64(s.Correct) / float64(s.seen()*f.decisions()),
		Rate: rate, Left: time.Duration(float64(rest) / rate * float64(time.Second)),
	})
}
