package tfmodel

import (
	"context"
	"fmt"
	"math"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Adam holds the settings of the optimiser (Kingma and Ba 2015), with Keras's
// defaults for beta and epsilon: theta -= rate * sqrt(1-beta2^t)/(1-beta1^t) *
// m / (sqrt(v) + epsilon).
type Adam struct {
	Beta1   float64 `json:"beta1"`
	Beta2   float64 `json:"beta2"`
	Epsilon float64 `json:"epsilon"`
}

// DefaultAdam is Keras's: 0.9, 0.999, 1e-7.
func DefaultAdam() Adam { return Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7} }

// Batch is what a step learns from: N images, row-major [N,H,W,3], 0..255, and
// the class of each.
type Batch struct {
	N      int
	Images []uint8
	Labels []int
}

// Trainer holds a network, its variables and one session. Its train and its
// inference branch share the variables. It is not safe for concurrent use.
type Trainer struct {
	Architecture Architecture

	session *graph.Session
	init    []graph.Op
	weights savedmodel.Saver // the network's variables
	all     savedmodel.Saver // and the optimiser's

	images, labels         graph.Tensor
	rate, power1, power2   graph.Tensor
	seed                   graph.Tensor
	loss, correct          graph.Tensor // of the train branch
	probabilities, entropy graph.Tensor // of the inference branch
	step                   graph.Op
	adam                   Adam
	seedValue              uint64
}

// NewTrainer compiles the architecture for training with softmax
// cross-entropy and Adam and opens a session. Call Init or Restore next.
func NewTrainer(a Architecture, adam Adam, seed uint64, threads graph.Threads) (*Trainer, error) {
	classes, err := a.Classes()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	vars, err := a.declare(g, seed)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Architecture: a, adam: adam, seedValue: seed}
	t.images = g.Placeholder("images", graph.Uint8, append(graph.Shape{-1}, a.Input...))
	t.labels = g.Placeholder("labels", graph.Int64, graph.Shape{-1})
	t.rate = g.Placeholder("learning_rate", graph.Float, graph.Shape{})
	t.power1 = g.Placeholder("beta1_power", graph.Float, graph.Shape{})
	t.power2 = g.Placeholder("beta2_power", graph.Float, graph.Shape{})
	t.seed = g.Placeholder("seed", graph.Int64, graph.Shape{2})
	x := g.Cast(t.images, graph.Float)
	hot := g.OneHot(t.labels, classes)

	train := &Builder{Graph: g, Training: true, vars: vars, seed: t.seed}
	logits, _ := a.apply(train, "train", x)
	lg := g.In("loss")
	t.loss = lg.Mean(lg.CrossEntropy(logits, hot), false, 0)
	for i, p := range vars.params {
		if p.L2 > 0 {
			v := vars.all[i].Value
			axes := make([]int, len(p.Shape))
			for d := range axes {
				axes[d] = d
			}
			t.loss = lg.Add(t.loss, lg.Mul(lg.Scalar(float32(p.L2)), lg.Sum(lg.Square(v), false, axes...)))
		}
	}
	t.correct = lg.Sum(lg.Cast(lg.Equal(lg.ArgMax(logits, 1), t.labels), graph.Float), false, 0)

	slots, apply := t.optimize(g.In("optimizer"), vars)
	t.step = g.Group("train_step", append(apply, train.updates...)...)

	infer, _ := a.apply(&Builder{Graph: g, vars: vars}, "infer", x)
	t.probabilities = g.Softmax(infer)
	t.entropy = g.CrossEntropy(infer, hot)

	t.weights = savedmodel.AddSaver(g, "weights", vars.all)
	everything := append(append([]*graph.Variable{}, vars.all...), slots...)
	t.all = savedmodel.AddSaver(g, "checkpoint", everything)
	for _, v := range everything {
		t.init = append(t.init, v.Init)
	}
	t.session, err = g.NewSession(threads)
	return t, err
}

// optimize adds Adam's slots and the update of every trainable variable.
func (t *Trainer) optimize(g *graph.Graph, vars *variables) (slots []*graph.Variable, apply []graph.Op) {
	var trainable []*graph.Variable
	var reads []graph.Tensor
	for _, v := range vars.all {
		if v.Trainable {
			trainable = append(trainable, v)
			reads = append(reads, v.Value)
		}
	}
	step := graph.Adam{
		Rate: t.rate, Power1: t.power1, Power2: t.power2,
		Beta1: g.Scalar(float32(t.adam.Beta1)), Beta2: g.Scalar(float32(t.adam.Beta2)), Epsilon: g.Scalar(float32(t.adam.Epsilon)),
	}
	for i, dv := range g.Grad(t.loss, reads...) {
		v := trainable[i]
		slot := func(role string) *graph.Variable {
			s := g.Variable("optimizer/"+v.Name+"/"+role, v.Shape, false, func(g *graph.Graph) graph.Tensor { return g.Fill(v.Shape, 0) })
			slots = append(slots, s)
			return s
		}
		apply = append(apply, g.ApplyAdam(v, slot("m"), slot("v"), step, dv))
	}
	return slots, apply
}

// Init sets all variables to their initial values.
func (t *Trainer) Init(ctx context.Context) error {
	_, err := t.session.Run(ctx, nil, nil, t.init...)
	return err
}

// Step learns from one batch, in one session run. number counts steps from 0:
// it decides Adam's bias correction and the dropout masks. It returns the
// batch's mean loss and how many it had right, before the update, in training
// mode.
func (t *Trainer) Step(ctx context.Context, b Batch, number int, rate float64) (loss float64, correct int, err error) {
	at := float64(number + 1)
	scalar := func(x float64) graph.Value { return graph.FromFloat32s(graph.Shape{}, []float32{float32(x)}) }
	feeds := append(t.feed(b),
		graph.Feed{To: t.rate, Value: scalar(rate)},
		graph.Feed{To: t.power1, Value: scalar(math.Pow(t.adam.Beta1, at))},
		graph.Feed{To: t.power2, Value: scalar(math.Pow(t.adam.Beta2, at))},
		graph.Feed{To: t.seed, Value: graph.FromInt64s(graph.Shape{2}, []int64{int64(t.seedValue), int64(number)})},
	)
	out, err := t.session.Run(ctx, feeds, []graph.Tensor{t.loss, t.correct}, t.step)
	if err != nil {
		return 0, 0, err
	}
	loss = float64(out[0].Float32())
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return loss, 0, fmt.Errorf("the loss is %g at step %d; a smaller learning rate than %g may help", loss, number+1, rate)
	}
	return loss, int(out[1].Float32()), nil
}

// Evaluate returns each image's class probabilities and cross-entropy, in
// inference mode.
func (t *Trainer) Evaluate(ctx context.Context, b Batch) (probabilities [][]float32, losses []float32, err error) {
	out, err := t.session.Run(ctx, t.feed(b), []graph.Tensor{t.probabilities, t.entropy})
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
	shape := append(graph.Shape{b.N}, t.Architecture.Input...)
	return []graph.Feed{
		{To: t.images, Value: graph.FromUint8s(shape, b.Images)},
		{To: t.labels, Value: graph.FromInt64s(graph.Shape{b.N}, labels)},
	}
}

// Save writes the network's and the optimiser's variables to a bundle.
func (t *Trainer) Save(ctx context.Context, prefix string) error {
	return t.all.Save(ctx, t.session, prefix)
}

// SaveWeights writes the network's variables alone.
func (t *Trainer) SaveWeights(ctx context.Context, prefix string) error {
	return t.weights.Save(ctx, t.session, prefix)
}

// Restore reads what Save wrote.
func (t *Trainer) Restore(ctx context.Context, prefix string) error {
	return t.all.Restore(ctx, t.session, prefix)
}

// RestoreWeights reads the network's variables from what Save or SaveWeights
// wrote.
func (t *Trainer) RestoreWeights(ctx context.Context, prefix string) error {
	return t.weights.Restore(ctx, t.session, prefix)
}

// Close frees the session and its variables.
func (t *Trainer) Close() error { return t.session.Close() }
