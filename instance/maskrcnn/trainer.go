package maskrcnn

import (
	"context"
	"errors"
	"fmt"
	"math"

	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Example is a picture of the input's size and its objects.
type Example struct {
	Pixels  []uint8 // [H,W,3]
	Objects []Object
}

// Object is a true object.
type Object struct {
	Box    Box
	Class  int     // from 0
	Ignore bool    // a crowd: neither an object nor background
	Mask   []uint8 // [H,W], 1 or 0
}

// Trainer trains a detector. A step is one session run. It must not be used concurrently.
type Trainer struct {
	Architecture Architecture

	parts      parts
	anchors    []Box
	objects    int // the maximum per picture
	session    *graph.Session
	init       []tfmodel.Op
	in         trainerInputs
	fetch      []tfmodel.Tensor
	minimizer  tfmodel.Minimizer
	weights    savedmodel.Saver
	everything savedmodel.Saver
	backbone   savedmodel.Saver
	seed       uint64
}

type trainerInputs struct {
	images, seed                    tfmodel.Tensor
	indices, labels, shifts, factor tfmodel.Tensor // of sampled anchors
	boxes, classes, kinds, masks    tfmodel.Tensor // of true objects
}

// The kinds of an object's entry.
const (
	noObject      = 0
	trueObject    = 1
	ignoredObject = -1
)

// maxObjects is the maximum number of objects per picture.
const maxObjects = 200

// NewTrainer builds the network for training with Adam and opens a session. objects is the maximum
// number of objects per picture. Call Init or Restore next.
func NewTrainer(a Architecture, objects int, settings tfmodel.Adam, seed uint64, config tfmodel.Config) (*Trainer, error) {
	p, err := a.parts()
	if err != nil {
		return nil, err
	}
	if objects < 1 || objects > maxObjects {
		return nil, fmt.Errorf("a picture with %d objects; want 1 to %d", objects, maxObjects)
	}
	g := graph.New()
	c, err := tfmodel.Compose(g, seed, p.all()...)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Architecture: a, parts: p, objects: objects, seed: seed}
	for _, level := range p.anchors() {
		t.anchors = append(t.anchors, level...)
	}
	h, w, s := a.Input[0], a.Input[1], a.Regions.AnchorSamples
	t.in = trainerInputs{
		images:  g.Placeholder("images", graph.Uint8, tfmodel.Shape{-1, h, w, 3}),
		seed:    g.Placeholder("seed", graph.Int64, tfmodel.Shape{2}),
		indices: g.Placeholder("anchors", graph.Int32, tfmodel.Shape{-1, s}),
		labels:  g.Placeholder("anchor_labels", graph.Float, tfmodel.Shape{-1, s}),
		factor:  g.Placeholder("anchor_weights", graph.Float, tfmodel.Shape{-1, s}),
		shifts:  g.Placeholder("anchor_shifts", graph.Float, tfmodel.Shape{-1, s, 4}),
		boxes:   g.Placeholder("boxes", graph.Float, tfmodel.Shape{-1, objects, 4}),
		classes: g.Placeholder("classes", graph.Int32, tfmodel.Shape{-1, objects}),
		kinds:   g.Placeholder("kinds", graph.Float, tfmodel.Shape{-1, objects}),
		masks:   g.Placeholder("masks", graph.Uint8, tfmodel.Shape{-1, objects, h, w}),
	}
	b := c.Training(g.In("train"), t.in.seed)
	loss := t.losses(network{p, b})
	if g.Err() != nil {
		return nil, g.Err()
	}
	if t.minimizer, err = c.Minimize(g, settings, loss, b); err != nil {
		return nil, err
	}
	t.weights = savedmodel.AddSaver(g, "weights", c.Variables())
	t.backbone = savedmodel.AddSaver(g, "backbone", c.Of(p.backbone))
	all := append(c.Variables(), t.minimizer.Slots...)
	t.everything = savedmodel.AddSaver(g, "checkpoint", all)
	for _, v := range all {
		t.init = append(t.init, v.Init)
	}
	t.session, err = g.NewSession(config)
	return t, err
}

// losses adds the five losses to the graph and returns their sum.
func (t *Trainer) losses(n network) tfmodel.Tensor {
	in, r := t.in, t.Architecture.Regions
	_, levels := n.pyramid(n.Cast(in.images, graph.Float))
	logits, shifts := n.candidates(levels)
	object, shift := anchorLosses(n.Graph, n.Gather(n.join(1, logits), in.indices), n.Gather(n.join(1, shifts), in.indices), in.labels, in.shifts, in.factor)

	proposals, counts := n.proposals(logits, shifts, r.TrainCandidates, r.TrainProposals)
	sampled := n.sampleRegions(in, proposals, counts)
	count := r.Positives + r.Negatives
	cells := n.poolRegions(levels, sampled.regions, n.BoxSize)
	names, corrections := n.classify(cells)
	flat := func(x tfmodel.Tensor) tfmodel.Tensor { return n.Reshape(x, tfmodel.Shape{-1}) }
	wanted := n.Reshape(encodeIn(n.Graph, sampled.regions, sampled.boxes, headWeights), tfmodel.Shape{-1, 4})
	name, correction := regionLosses(n.Graph, names, corrections, flat(sampled.classes), wanted, flat(sampled.weights))

	first := func(x tfmodel.Tensor) tfmodel.Tensor { return n.firstEntries(x, r.Positives, count) }
	regions, weights := first(sampled.regions), first(sampled.weights)
	mask := maskLoss(n.Graph, n.maskLogits(n.poolRegions(levels, regions, n.MaskSize)), flat(first(sampled.classes)),
		n.Reshape(cropMasks(n.Graph, n.Cast(n.Gather(in.masks, first(sampled.matched)), graph.Float), regions, n.maskSide()), tfmodel.Shape{-1, n.maskSide(), n.maskSide()}),
		flat(weights))
	positives := n.Mean(n.Sum(weights, false, 1), false, 0)
	t.fetch = []tfmodel.Tensor{object, shift, name, correction, mask, positives}
	return n.Add(n.Add(n.Add(object, shift), n.Add(name, correction)), mask)
}

// firstEntries returns the first k entries of axis 1.
func (n network) firstEntries(x tfmodel.Tensor, k, total int) tfmodel.Tensor {
	first := make([]int32, k)
	for i := range first {
		first[i] = int32(i)
	}
	return n.Take(x, n.Const(graph.FromInt32s(tfmodel.Shape{k}, first)))
}

// sampledRegions are the regions of each image that the heads are trained with, positives first.
type sampledRegions struct {
	regions tfmodel.Tensor // [N,R,4]
	weights tfmodel.Tensor // [N,R], 0: not used
	classes tfmodel.Tensor // int32 [N,R], 0: background
	boxes   tfmodel.Tensor // [N,R,4], the true boxes
	matched tfmodel.Tensor // int32 [N,R], the index of the true object
}

// sampleRegions samples regions from the proposals and the true boxes.
func (n network) sampleRegions(in trainerInputs, proposals, counts tfmodel.Tensor) sampledRegions {
	r := n.Regions
	isTrue := n.Greater(in.kinds, n.Scalar(0.5))
	boxes := n.Concat(1, proposals, in.boxes)
	counts = n.Concat(1, counts, n.Cast(isTrue, graph.Float))
	count := boxes.Shape()[1]
	overlap := pairIoU(n.Graph, boxes, in.boxes)
	with := func(kind tfmodel.Tensor) tfmodel.Tensor {
		return n.Select(n.Reshape(kind, append(tfmodel.Shape{-1, 1}, in.kinds.Shape()[1])), overlap, n.Scalar(-1))
	}
	best := n.Max(with(isTrue), false, 2)
	matched := n.Cast(n.ArgMax(with(isTrue), 2), graph.Int32)
	ignored := n.Max(with(n.Less(in.kinds, n.Scalar(-0.5))), false, 2)
	exists := n.Greater(counts, n.Scalar(0.5))
	positive := n.And(exists, n.GreaterEqual(best, n.Scalar(0.5)))
	negative := n.And(exists, n.And(n.Less(best, n.Scalar(0.5)), n.Less(ignored, n.Scalar(0.5))))

	batch := n.ShapeOf(best)
	draw := func(of tfmodel.Tensor, k int, name int64) (weights, indices tfmodel.Tensor) {
		k = min(k, count)
		seed := n.Add(in.seed, n.Const(graph.FromInt64s(tfmodel.Shape{2}, []int64{name, 0})))
		values, indices := n.TopK(n.Select(of, n.Uniform(batch, seed), n.Scalar(-1)), k)
		return n.Cast(n.GreaterEqual(values, n.Scalar(0)), graph.Float), indices
	}
	positives, atPositive := draw(positive, r.Positives, 0x706f73)
	negatives, atNegative := draw(negative, r.Negatives, 0x6e6567)
	where := n.Concat(1, atPositive, atNegative)
	p := sampledRegions{regions: n.Gather(boxes, where), weights: n.Concat(1, positives, negatives), matched: n.Gather(matched, where)}
	p.boxes = n.Gather(in.boxes, p.matched)
	isObject := n.Concat(1, positives, n.ZerosLike(negatives))
	p.classes = n.Mul(n.Cast(isObject, graph.Int32), n.Add(n.Gather(in.classes, p.matched), n.Int(1)))
	p.regions, p.boxes, p.weights = n.StopGradient(p.regions), n.StopGradient(p.boxes), n.StopGradient(p.weights)
	return p
}

// Init gives all variables their initial values.
func (t *Trainer) Init(ctx context.Context) error {
	_, err := t.session.Run(ctx, nil, nil, t.init...)
	return err
}

// Batch is the input of a training step.
type Batch struct {
	n       int
	images  []uint8
	anchors []anchorTargets
	boxes   []float32
	classes []int32
	kinds   []float32
	masks   []uint8
}

// NewBatch prepares a step's input. The random values of an example depend only on the seed and its
// key. It may be called concurrently with Step.
func (t *Trainer) NewBatch(examples []Example, keys []uint64) (Batch, error) {
	h, w := t.Architecture.Input[0], t.Architecture.Input[1]
	n := len(examples)
	b := Batch{
		n: n, images: make([]uint8, 0, n*h*w*3), boxes: make([]float32, n*t.objects*4), classes: make([]int32, n*t.objects),
		kinds: make([]float32, n*t.objects), masks: make([]uint8, n*t.objects*h*w),
	}
	for i, e := range examples {
		if len(e.Pixels) != h*w*3 || len(e.Objects) > t.objects {
			return b, fmt.Errorf("example %d has %d pixel values and %d objects; want %d and at most %d", i+1, len(e.Pixels), len(e.Objects), h*w*3, t.objects)
		}
		b.images = append(b.images, e.Pixels...)
		var boxes, ignored []Box
		for k, o := range e.Objects {
			at := i*t.objects + k
			copy(b.boxes[4*at:], o.Box[:])
			b.classes[at], b.kinds[at] = int32(o.Class), trueObject
			copy(b.masks[at*h*w:], o.Mask)
			if o.Ignore {
				b.kinds[at] = ignoredObject
				ignored = append(ignored, o.Box)
			} else {
				boxes = append(boxes, o.Box)
			}
		}
		b.anchors = append(b.anchors, sample(t.anchors, boxes, match(t.anchors, boxes, ignored), t.Architecture.Regions.AnchorSamples, seededBy(t.seed, keys[i])))
	}
	return b, nil
}

// Step trains on a batch. number counts steps from 0, rate is the learning rate. A loss that is not
// finite is an error.
func (t *Trainer) Step(ctx context.Context, b Batch, number int, rate float64) (Losses, error) {
	in, a, n := t.in, t.Architecture, b.n
	s, h, w := a.Regions.AnchorSamples, a.Input[0], a.Input[1]
	var all anchorTargets
	for _, one := range b.anchors {
		all.indices = append(all.indices, one.indices...)
		all.labels = append(all.labels, one.labels...)
		all.weights = append(all.weights, one.weights...)
		all.shifts = append(all.shifts, one.shifts...)
	}
	feeds := append(t.minimizer.Feeds(number, rate),
		graph.Feed{To: in.images, Value: graph.FromUint8s(tfmodel.Shape{n, h, w, 3}, b.images)},
		graph.Feed{To: in.seed, Value: graph.FromInt64s(tfmodel.Shape{2}, []int64{int64(t.seed), int64(number)})},
		graph.Feed{To: in.indices, Value: graph.FromInt32s(tfmodel.Shape{n, s}, all.indices)},
		graph.Feed{To: in.labels, Value: graph.FromFloat32s(tfmodel.Shape{n, s}, all.labels)},
		graph.Feed{To: in.factor, Value: graph.FromFloat32s(tfmodel.Shape{n, s}, all.weights)},
		graph.Feed{To: in.shifts, Value: graph.FromFloat32s(tfmodel.Shape{n, s, 4}, all.shifts)},
		graph.Feed{To: in.boxes, Value: graph.FromFloat32s(tfmodel.Shape{n, t.objects, 4}, b.boxes)},
		graph.Feed{To: in.classes, Value: graph.FromInt32s(tfmodel.Shape{n, t.objects}, b.classes)},
		graph.Feed{To: in.kinds, Value: graph.FromFloat32s(tfmodel.Shape{n, t.objects}, b.kinds)},
		graph.Feed{To: in.masks, Value: graph.FromUint8s(tfmodel.Shape{n, t.objects, h, w}, b.masks)},
	)
	out, err := t.session.Run(ctx, feeds, t.fetch, t.minimizer.Step)
	if err != nil {
		return Losses{}, err
	}
	v := make([]float64, len(out))
	for i, o := range out {
		v[i] = float64(o.Float32())
	}
	l := Losses{v[0], v[1], v[2], v[3], v[4], v[5]}
	if sum := l.Sum(); math.IsNaN(sum) || math.IsInf(sum, 0) {
		return l, fmt.Errorf("the loss is %g at step %d; a smaller learning rate than %g may help", sum, number+1, rate)
	}
	return l, nil
}

// Save writes all variables, including the optimizer's, to a tensor bundle.
func (t *Trainer) Save(ctx context.Context, prefix string) error {
	return t.everything.Save(ctx, t.session, prefix)
}

// Restore reads a bundle written by Save.
func (t *Trainer) Restore(ctx context.Context, prefix string) error {
	return t.everything.Restore(ctx, t.session, prefix)
}

// SaveWeights writes only the detector's variables, for [NewDetector].
func (t *Trainer) SaveWeights(ctx context.Context, prefix string) error {
	return t.weights.Save(ctx, t.session, prefix)
}

// RestoreWeights reads a bundle that SaveWeights wrote for the same architecture.
func (t *Trainer) RestoreWeights(ctx context.Context, prefix string) error {
	return t.weights.Restore(ctx, t.session, prefix)
}

// RestoreBackbone reads a bundle with the backbone's variables.
func (t *Trainer) RestoreBackbone(ctx context.Context, prefix string) error {
	return t.backbone.Restore(ctx, t.session, prefix)
}

// Close frees the session and the variables.
func (t *Trainer) Close() error {
	if t.session == nil {
		return errors.New("the trainer is closed")
	}
	return t.session.Close()
}
