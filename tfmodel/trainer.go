package tfmodel

import (
	"context"
	"fmt"
	"math"
	"slices"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Trainer trains a network. Its graph has a training and an inference branch, which share
// the variables. It must not be used concurrently.
type Trainer struct {
	Architecture Architecture

	session *Session
	init    []Op
	zeros   []Op             // of init, for the variables that Save omits
	weights savedmodel.Saver // saves the network's variables
	all     savedmodel.Saver // also saves the optimizer's variables

	images, labels Tensor
	targets        Tensor // the share of each class in each label
	positive       Tensor // factors of labels; invalid with one class per image
	factors        Tensor // of each image's loss
	seed           Tensor
	whole, head    learner // head is for features
	features       Tensor  // features of images; invalid without pretrained layers
	fed            Tensor  // placeholder of features in place of images, for the head
	seedValue      uint64

	pretrained savedmodel.Saver // of the variables before the head
	weightsAt  string           // bundle of their values; "": none

	averages *averages // of the weights; nil: none
	parts    int       // number of parts of a batch
	towers   []tower   // of the workers of a cluster; nil: none
}

// learner has the tensors for one kind of input, images or features.
type learner struct {
	loss, correct       Tensor      // in training mode
	probabilities, each Tensor      // in inference mode
	step                Op          // invalid if nothing is trained
	accumulator         accumulator // for a batch of several parts
	minimizer           minimizer
}

// NewTrainer compiles the architecture for training and opens a session. Call Init or Restore next.
// The L2 penalties of the layers are added to the loss. On a cluster (see [Config].Cluster) each
// worker computes a share of each batch; see [tower].
func NewTrainer(a Architecture, training Training, seed uint64, config Config) (*Trainer, error) {
	classes, err := a.Classes()
	if err != nil {
		return nil, err
	}
	if err := training.Check(); err != nil {
		return nil, err
	}
	steps, err := a.steps()
	if err != nil {
		return nil, err
	}
	if err := training.Fits(a); err != nil {
		return nil, err
	}
	g := graph.New()
	if config.Cluster != nil {
		g = g.On(config.Cluster.Chief())
	}
	vars, err := steps.declare(g, seed)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Architecture: a, seedValue: seed}
	t.images = g.Placeholder("images", graph.Uint8, append(Shape{-1}, a.Input...))
	t.labels = g.Placeholder("labels", graph.Int64, Shape{-1})
	t.factors = g.Placeholder("weights", graph.Float, Shape{-1})
	t.seed = g.Placeholder("seed", graph.Int64, Shape{2})
	x := g.Cast(t.images, graph.Float)
	t.targets = g.Placeholder("targets", graph.Float, Shape{-1, classes})
	t.parts = max(1, training.Accumulate)
	add := goal{training: training, labels: t.labels, targets: t.targets, factors: t.factors, architecture: a}
	if a.MultiLabel() {
		t.positive = g.Placeholder("positive", graph.Float, Shape{classes})
		add.positive = t.positive
	}

	train := &Builder{Graph: g.In("train"), Training: true, vars: vars, seed: t.seed, depth: training.StochasticDepth}
	var sums towerSums
	var scores Tensor
	if config.Cluster != nil {
		if t.towers, sums, err = add.addTowers(g, config.Cluster, steps, vars, train); err != nil {
			return nil, err
		}
	} else {
		outputs := steps.apply(train, x)
		scores = outputs[len(outputs)-1]
	}
	if training.AverageDecay > 0 {
		t.averages = newAverages(g, training.AverageDecay, append(vars.trainable().all, train.moved...))
		add.averages = t.averages
	}
	var slots []*graph.Variable
	if config.Cluster != nil {
		slots = add.learnFrom(g, &t.whole, sums, vars, train)
	} else {
		slots = add.learn(g, "", &t.whole, scores, vars, train)
	}
	outputs := steps.apply(&Builder{Graph: g.In("infer"), vars: vars}, x)
	add.judge(g, &t.whole, outputs[len(outputs)-1])
	if a.Pretrained() {
		slots = append(slots, t.addHead(g, steps, vars, outputs, add)...)
	}

	t.weights = savedmodel.AddSaver(g, "weights", vars.all)
	everything := append(append([]*graph.Variable{}, vars.all...), slots...)
	if t.averages != nil {
		everything = append(everything, t.averages.all...)
	}
	t.all = savedmodel.AddSaver(g, "checkpoint", everything)
	for _, v := range everything {
		t.init = append(t.init, v.Init)
	}
	t.zeros = append(slices.Clone(t.whole.accumulator.zeros), t.head.accumulator.zeros...)
	t.init = append(t.init, t.zeros...)
	t.session, err = g.NewSession(config)
	return t, err
}

// goal has the settings and the targets of the loss.
type goal struct {
	training Training
	labels   Tensor
	targets  Tensor // the share of each class in each label
	factors  Tensor // of each image's loss
	positive Tensor // of positive labels, if multi-label
	averages *averages

	architecture Architecture
}

// right returns the number of correct predictions. With several labels per image it is the number of
// correct decisions at a probability of 0.5.
func (o goal) right(g *Graph, scores Tensor) Tensor {
	if o.architecture.MultiLabel() {
		same := g.Equal(g.Greater(scores, g.Scalar(0)), g.Greater(o.targets, g.Scalar(0.5)))
		return g.Sum(g.Cast(same, graph.Float), false, 0, 1)
	}
	return g.Sum(g.Cast(g.Equal(g.ArgMax(scores, 1), o.labels), graph.Float), false, 0)
}

// each returns the loss of each image in training.
func (o goal) each(g *Graph, scores Tensor) Tensor {
	targets := o.training.Loss.smooth(g, o.targets)
	if o.architecture.MultiLabel() {
		return binaryCrossEntropy(g, scores, targets, o.positive)
	}
	return o.training.Loss.each(g, scores, targets)
}

// learn adds a training step to g, below scope, for scores in the builder's graph. It returns the
// optimizer's variables.
func (o goal) learn(g *Graph, scope string, l *learner, scores Tensor, vars *variables, b *Builder) []*graph.Variable {
	in := g
	if scope != "" {
		in, scope = g.In(scope), scope+"_"
	}
	l.minimizer = newMinimizer(in, o.training.optimizer())
	l.loss, l.correct = o.measure(in.In("loss"), scores, vars)
	optimizer := in.In("optimizer")
	trained := vars.trainable()
	grads := trained.gradients(optimizer, l.loss)
	if g.Err() != nil {
		return nil
	}
	return o.minimize(in, scope, l, trained, grads, b)
}

// measure returns the mean loss with penalties, and the number of correct predictions.
func (o goal) measure(g *Graph, scores Tensor, vars *variables) (loss, correct Tensor) {
	loss = g.Mean(g.Mul(o.each(g, scores), o.factors), false, 0)
	if penalty := vars.penalty(g); penalty.Valid() {
		loss = g.Add(loss, penalty)
	}
	return loss, o.right(g, scores)
}

// minimize adds the update of the trained variables by their gradients. It returns the optimizer's
// variables.
func (o goal) minimize(in *Graph, scope string, l *learner, trained *variables, grads []Tensor, b *Builder) []*graph.Variable {
	optimizer := in.In("optimizer")
	if o.training.Accumulate > 1 {
		l.accumulator, grads = newAccumulator(optimizer, scope+"optimizer", trained.all, grads)
		l.accumulator.add = in.Group("accumulate_step", append(b.updates, l.accumulator.add)...)
	}
	slots, apply := l.minimizer.minimize(optimizer, scope+"optimizer", trained, o.training.Clipping.clip(optimizer, grads))
	apply = append(apply, b.updates...)
	if o.averages != nil {
		apply = append(apply, o.averages.update(in.In("average"), append(trained.all, b.moved...), apply)...)
	}
	l.step = in.Group("train_step", apply...)
	return slots
}

// judge adds the predictions and each image's loss in inference mode.
func (o goal) judge(g *Graph, l *learner, scores Tensor) {
	l.probabilities = o.architecture.probabilities(g, scores)
	l.each = o.training.Loss.each(g, scores, o.targets)
}

// Init sets all variables to their initial values, pretrained ones to their weights.
func (t *Trainer) Init(ctx context.Context) error {
	if _, err := t.session.Run(ctx, nil, nil, t.init...); err != nil {
		return err
	}
	if t.weightsAt != "" {
		if err := t.pretrained.Restore(ctx, t.session, t.weightsAt); err != nil {
			return err
		}
	}
	return t.beginAverages(ctx)
}

// Step trains on one batch. number counts steps from 0; Adam's bias correction and the dropout masks
// depend on it. rate is the learning rate. Step returns the batch's mean weighted loss with L2
// penalties and the number of correct predictions, both before the update and in training mode. A
// loss that is not finite is an error.
func (t *Trainer) Step(ctx context.Context, b Batch, number int, rate float64) (loss float64, correct int, err error) {
	l := t.learner(b)
	update := l.minimizer.feeds(number, rate)
	if t.averages != nil {
		update = append(update, t.averages.feed(number))
	}
	parts := min(t.parts, b.N)
	for k := range parts {
		part := b.part(k*b.N/parts, (k+1)*b.N/parts)
		share := float64(part.N) / float64(b.N)
		feeds, op := t.feedPart(part, number, k), l.accumulator.add
		if t.towers != nil && b.Features == nil {
			feeds = t.feedTowers(part, number, k)
		}
		if t.parts > 1 {
			feeds = append(feeds, l.accumulator.feeds(k, share)...)
		}
		if k == parts-1 {
			feeds, op = append(feeds, update...), l.step
		}
		out, err := t.session.Run(ctx, feeds, []Tensor{l.loss, l.correct}, op)
		if err != nil {
			return 0, 0, err
		}
		mean := float64(out[0].Float32())
		if math.IsNaN(mean) || math.IsInf(mean, 0) {
			return mean, 0, fmt.Errorf("the loss is %g at step %d; a smaller learning rate than %g may help", mean, number+1, rate)
		}
		loss += mean * share
		correct += int(out[1].Float32())
	}
	return loss, correct, nil
}

// feedPart returns the feeds of a part of a batch.
func (t *Trainer) feedPart(b Batch, number, part int) []graph.Feed {
	return append(t.feedStep(b, number, part), append(t.feed(b),
		graph.Feed{To: t.factors, Value: graph.FromFloat32s(Shape{b.N}, b.weights())})...)
}

// feedStep returns the feeds that do not depend on the images.
func (t *Trainer) feedStep(b Batch, number, part int) []graph.Feed {
	feeds := []graph.Feed{{To: t.seed, Value: graph.FromInt64s(Shape{2}, []int64{int64(t.seedValue), int64(number) + int64(part)<<32})}}
	if t.positive.Valid() {
		positive := b.Positive
		if positive == nil {
			positive = slices.Repeat([]float32{1}, t.positive.Shape()[0])
		}
		feeds = append(feeds, graph.Feed{To: t.positive, Value: graph.FromFloat32s(Shape{len(positive)}, positive)})
	}
	return feeds
}

// Evaluate returns the class probabilities and the loss of each image, in inference mode, without
// label smoothing and L2 penalties.
func (t *Trainer) Evaluate(ctx context.Context, b Batch) (probabilities [][]float32, losses []float32, err error) {
	l := t.learner(b)
	out, err := t.session.Run(ctx, t.feed(b), []Tensor{l.probabilities, l.each})
	if err != nil {
		return nil, nil, err
	}
	shape, flat := out[0].Shape(), out[0].Float32s()
	for i := range shape[0] {
		probabilities = append(probabilities, flat[i*shape[1]:(i+1)*shape[1]])
	}
	return probabilities, out[1].Float32s(), nil
}

// feed returns the feeds of a batch and its labels.
func (t *Trainer) feed(b Batch) []graph.Feed {
	classes := t.targets.Shape()[1]
	return []graph.Feed{
		t.input(b),
		{To: t.labels, Value: b.classes()},
		{To: t.targets, Value: graph.FromFloat32s(Shape{b.N, classes}, b.targets(classes))},
	}
}

// input returns the feed of a batch's images.
func (t *Trainer) input(b Batch) graph.Feed {
	if b.Features != nil {
		return graph.Feed{To: t.fed, Value: graph.FromFloat32s(Shape{b.N, len(b.Features) / b.N}, b.Features)}
	}
	shape := append(Shape{b.N}, t.Architecture.Input...)
	return graph.Feed{To: t.images, Value: graph.FromUint8s(shape, b.Images)}
}

// learner returns the learner for the batch's kind of input.
func (t *Trainer) learner(b Batch) *learner {
	if b.Features != nil {
		return &t.head
	}
	return &t.whole
}

// Save writes the variables of the network and of the optimizer to a tensor bundle.
func (t *Trainer) Save(ctx context.Context, prefix string) error {
	return t.all.Save(ctx, t.session, prefix)
}

// SaveWeights writes only the network's variables.
func (t *Trainer) SaveWeights(ctx context.Context, prefix string) error {
	return t.weights.Save(ctx, t.session, prefix)
}

// Restore reads a bundle written by Save.
func (t *Trainer) Restore(ctx context.Context, prefix string) error {
	if len(t.zeros) > 0 {
		if _, err := t.session.Run(ctx, nil, nil, t.zeros...); err != nil {
			return err
		}
	}
	return t.all.Restore(ctx, t.session, prefix)
}

// RestoreWeights reads the network's variables from a bundle written by Save or
// SaveWeights.
func (t *Trainer) RestoreWeights(ctx context.Context, prefix string) error {
	return t.weights.Restore(ctx, t.session, prefix)
}

// Close frees the session and its variables.
func (t *Trainer) Close() error { return t.session.Close() }
