package tfmodel

import (
	"context"
	"errors"
	"fmt"
	"math"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Batch is N images, row-major [N,H,W,3], 0..255, and the class of each.
type Batch struct {
	N      int
	Images []uint8
	Labels []int
}

// Trainer trains a network. Its graph has a training and an inference branch, which share
// the variables. It must not be used concurrently.
type Trainer struct {
	Architecture Architecture

	session *Session
	init    []Op
	weights savedmodel.Saver // saves the network's variables
	all     savedmodel.Saver // saves the optimiser's, too

	images, labels      Tensor
	seed                Tensor
	loss, correct       Tensor // of the train branch
	probabilities, each Tensor // of the inference branch
	step                Op
	adam                adam
	seedValue           uint64
}

// NewTrainer compiles the architecture for training with Adam and opens a session. Call
// Init or Restore next. The L2 penalties of the layers are added to the loss.
func NewTrainer(a Architecture, settings Adam, loss Loss, seed uint64, config Config) (*Trainer, error) {
	classes, err := a.Classes()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(settings.Check(), loss.Check()); err != nil {
		return nil, err
	}
	steps, err := a.steps()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	vars, err := steps.declare(g, seed)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Architecture: a, adam: newAdam(g, settings), seedValue: seed}
	t.images = g.Placeholder("images", graph.Uint8, append(Shape{-1}, a.Input...))
	t.labels = g.Placeholder("labels", graph.Int64, Shape{-1})
	t.seed = g.Placeholder("seed", graph.Int64, Shape{2})
	x := g.Cast(t.images, graph.Float)
	hot := g.OneHot(t.labels, classes)
	logits := func(b *Builder) Tensor { outputs := steps.apply(b, x); return outputs[len(outputs)-1] }

	train := &Builder{Graph: g.In("train"), Training: true, vars: vars, seed: t.seed}
	scores := logits(train)
	lg := g.In("loss")
	t.loss = lg.Mean(loss.each(lg, scores, loss.smooth(lg, hot)), false, 0)
	if penalty := vars.penalty(lg); penalty.Valid() {
		t.loss = lg.Add(t.loss, penalty)
	}
	t.correct = lg.Sum(lg.Cast(lg.Equal(lg.ArgMax(scores, 1), t.labels), graph.Float), false, 0)

	slots, apply := t.adam.minimize(g.In("optimizer"), t.loss, vars)
	t.step = g.Group("train_step", append(apply, train.updates...)...)

	scores = logits(&Builder{Graph: g.In("infer"), vars: vars})
	t.probabilities = g.Softmax(scores)
	t.each = loss.each(g, scores, hot)

	t.weights = savedmodel.AddSaver(g, "weights", vars.all)
	everything := append(append([]*graph.Variable{}, vars.all...), slots...)
	t.all = savedmodel.AddSaver(g, "checkpoint", everything)
	for _, v := range everything {
		t.init = append(t.init, v.Init)
	}
	t.session, err = g.NewSession(config)
	return t, err
}

// Init gives all variables their initial values.
func (t *Trainer) Init(ctx context.Context) error {
	_, err := t.session.Run(ctx, nil, nil, t.init...)
	return err
}

// Step trains on one batch, in one session run. number counts steps from 0. Adam's bias
// correction and the dropout masks depend on it. Step returns the batch's mean loss with L2
// penalties and the number of correct predictions, both before the update and in training
// mode. A loss that is not finite is an error.
func (t *Trainer) Step(ctx context.Context, b Batch, number int, rate float64) (loss float64, correct int, err error) {
	feeds := append(t.feed(b), t.adam.feeds(number, rate)...)
	feeds = append(feeds, graph.Feed{To: t.seed, Value: graph.FromInt64s(Shape{2}, []int64{int64(t.seedValue), int64(number)})})
	out, err := t.session.Run(ctx, feeds, []Tensor{t.loss, t.correct}, t.step)
	if err != nil {
		return 0, 0, err
	}
	loss = float64(out[0].Float32())
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return loss, 0, fmt.Errorf("the loss is %g at step %d; a smaller learning rate than %g may help", loss, number+1, rate)
	}
	return loss, int(out[1].Float32()), nil
}

// Evaluate returns the class probabilities (softmax) and the loss of each image, in
// inference mode, without label smoothing and L2 penalties.
func (t *Trainer) Evaluate(ctx context.Context, b Batch) (probabilities [][]float32, losses []float32, err error) {
	out, err := t.session.Run(ctx, t.feed(b), []Tensor{t.probabilities, t.each})
	if err != nil {
		return nil, nil, err
	}
	shape, flat := out[0].Shape(), out[0].Float32s()
	for i := range shape[0] {
		probabilities = append(probabilities, flat[i*shape[1]:(i+1)*shape[1]])
	}
	return probabilities, out[1].Float32s(), nil
}

func (t *Trainer) feed(b Batch) []graph.Feed {
	labels := make([]int64, len(b.Labels))
	for i, c := range b.Labels {
		labels[i] = int64(c)
	}
	shape := append(Shape{b.N}, t.Architecture.Input...)
	return []graph.Feed{
		{To: t.images, Value: graph.FromUint8s(shape, b.Images)},
		{To: t.labels, Value: graph.FromInt64s(Shape{b.N}, labels)},
	}
}

// Save writes the variables of the network and of the optimiser to a tensor bundle.
func (t *Trainer) Save(ctx context.Context, prefix string) error {
	return t.all.Save(ctx, t.session, prefix)
}

// SaveWeights writes only the network's variables.
func (t *Trainer) SaveWeights(ctx context.Context, prefix string) error {
	return t.weights.Save(ctx, t.session, prefix)
}

// Restore reads a bundle of Save.
func (t *Trainer) Restore(ctx context.Context, prefix string) error {
	return t.all.Restore(ctx, t.session, prefix)
}

// RestoreWeights reads the network's variables from a bundle of Save or SaveWeights.
func (t *Trainer) RestoreWeights(ctx context.Context, prefix string) error {
	return t.weights.Restore(ctx, t.session, prefix)
}

// Close frees the session and its variables.
func (t *Trainer) Close() error { return t.session.Close() }
