package tfmodel

import (
	"fmt"

	"oscar/cluster"
	"oscar/internal/graph"
)

// tower is the computation of a cluster's worker in a step: the gradients of its share of the
// images. All variables are on the chief, so a worker stores nothing between steps.
//
//	           +-- weights, images[0:16] --> tower 0 --+
//	chief -----|                                       |--> chief: sums, optimizer
//	           +-- weights, images[16:32] -> tower 1 --+   gradients, loss, statistics
//
// Each tower multiplies its results by its share of the images. Their sums are those of the whole
// batch, except for batch normalization, which uses the images of a tower unless the towers
// [exchange] statistics. Dropout and stochastic depth draw by an image's index in the batch. Sums
// are in the order of the workers. No variable changes before all of them are computed.
type tower struct {
	images, labels, targets, factors Tensor
	rows, share                      Tensor // see Builder.rows; the tower's share of the images
}

// towerSums are the sums over all towers.
type towerSums struct {
	loss, correct Tensor
	grads         []Tensor // of the trained variables
}

// towerGraph is a tower as a separate graph.
type towerGraph struct {
	def      []byte
	moves    []pendingMove // their values are outputs
	grads    int
	weights  []string // names of the variables' placeholders
	exchange exchange // of statistics with the other towers
}

// The names of a tower's outputs, besides gradient_i and moved_i.
const towerLoss, towerCorrect = "total_loss", "total_correct"

// buildTower builds the graph of a tower.
func (o goal) buildTower(s steps, chief *variables, depth float64) (t towerGraph, err error) {
	g := graph.New()
	vars := &variables{params: chief.params, byName: map[string]*graph.Variable{}}
	for i, v := range chief.all {
		name := fmt.Sprintf("weight_%d", i)
		t.weights = append(t.weights, name)
		local := &graph.Variable{Name: v.Name, Shape: v.Shape, Trainable: v.Trainable, Value: g.Placeholder(name, graph.Float, v.Shape)}
		vars.all, vars.byName[v.Name] = append(vars.all, local), local
	}
	a := o.architecture
	images := g.Placeholder("images", graph.Uint8, append(Shape{-1}, a.Input...))
	o.labels = g.Placeholder("labels", graph.Int64, Shape{-1})
	o.targets = g.Placeholder("targets", graph.Float, o.targets.Shape())
	o.factors = g.Placeholder("weights", graph.Float, Shape{-1})
	if o.positive.Valid() {
		o.positive = g.Placeholder("positive", graph.Float, o.positive.Shape())
	}
	share := g.Placeholder("share", graph.Float, Shape{})
	b := &Builder{
		Graph: g.In("train"), Training: true, vars: vars, depth: depth,
		seed: g.Placeholder("seed", graph.Int64, Shape{2}), rows: g.Placeholder("rows", graph.Int32, Shape{2}),
	}
	t.exchange.graph = g
	if o.training.SynchronizedBatchNormalization {
		b.exchange = &t.exchange
	}
	outputs := s.apply(b, g.Cast(images, graph.Float))
	loss, correct := o.measure(g.In("loss"), outputs[len(outputs)-1], vars)
	loss = g.Mul(loss, share)
	grads := t.exchange.gradients(g.In("optimizer"), loss, vars.trainable())
	if g.Err() != nil {
		return t, g.Err()
	}
	g.Identity(towerLoss, loss)
	// A tower without images computes one of another tower's, with weight zero.
	g.Identity(towerCorrect, g.Mul(correct, g.Cast(g.Greater(share, g.Scalar(0)), graph.Float)))
	for i, d := range grads {
		// The bfloat16 rewriter stops at a bitcast, so that the chief sums float32.
		bits := g.Bitcast(d, graph.Int32)
		g.Identity(fmt.Sprintf("gradient_%d", i), g.Bitcast(bits, graph.Float))
	}
	for i, m := range b.pending {
		g.Identity(fmt.Sprintf("moved_%d", i), g.Mul(m.value, share))
	}
	t.moves, t.grads = b.pending, len(grads)
	t.def, err = g.Def()
	return t, err
}

// addTowers adds a tower on each worker, the sums of their results, and the updates of moving
// averages, to the chief's graph.
func (o goal) addTowers(g *Graph, on *cluster.Session, s steps, vars *variables, b *Builder) (towers []tower, sums towerSums, err error) {
	one, err := o.buildTower(s, vars, b.depth)
	if err != nil {
		return nil, sums, err
	}
	scopes := make([]string, len(on.Workers))
	for k := range scopes {
		scopes[k] = fmt.Sprintf("tower%d", k)
	}
	if err := one.addTo(g, on, scopes, vars, map[string]Tensor{"seed": b.seed, "positive": o.positive}); err != nil {
		return nil, sums, err
	}
	names := []string{towerLoss, towerCorrect}
	for i := range one.grads {
		names = append(names, fmt.Sprintf("gradient_%d", i))
	}
	for i := range one.moves {
		names = append(names, fmt.Sprintf("moved_%d", i))
	}
	in := g.In("towers")
	totals := make([]Tensor, len(names))
	for k, scope := range scopes {
		at, t := g.In(scope), tower{}
		for name, to := range map[string]*Tensor{
			"images": &t.images, "labels": &t.labels, "targets": &t.targets, "weights": &t.factors, "rows": &t.rows, "share": &t.share,
		} {
			if *to, err = at.Imported(name); err != nil {
				return nil, sums, err
			}
		}
		towers = append(towers, t)
		for i, name := range names {
			x, err := at.Imported(name)
			if err != nil {
				return nil, sums, err
			}
			if k > 0 {
				x = in.Add(totals[i], x)
			}
			totals[i] = x
		}
	}
	ops := make([]Op, len(totals))
	for i, t := range totals {
		totals[i] = in.Identity("", t)
		ops[i] = totals[i].Op()
	}
	all := in.Group("all", ops...)
	for i, t := range totals {
		totals[i] = in.After("", t, all)
	}
	sums = towerSums{loss: totals[0], correct: totals[1], grads: totals[2 : 2+one.grads]}
	for i, m := range one.moves {
		b.moveTo(vars.byName[m.variable], totals[2+one.grads+i], m.momentum)
	}
	return towers, sums, g.Err()
}

// addTo adds a tower on each worker to the chief's graph, in those scopes. The towers get the
// weights and the shared tensors of the chief; invalid shared tensors are left out.
func (t *towerGraph) addTo(g *Graph, on *cluster.Session, scopes []string, vars *variables, shared map[string]Tensor) error {
	chief, links, err := t.exchange.chief(scopes)
	if err != nil {
		return err
	}
	parts, replace := []graph.Part{chief}, map[string]Tensor{}
	for k, scope := range scopes {
		parts = append(parts, graph.Part{Scope: scope, Device: on.Worker(k), Def: t.def})
		for i, name := range t.weights {
			replace[scope+"/"+name] = vars.all[i].Value
		}
		for name, x := range shared {
			if x.Valid() {
				replace[scope+"/"+name] = x
			}
		}
	}
	def, err := graph.Join(parts, links)
	if err != nil {
		return err
	}
	return g.Import(def, replace)
}

// learnFrom adds a training step with the sums of the towers. It returns the optimizer's variables.
func (o goal) learnFrom(g *Graph, l *learner, sums towerSums, vars *variables, b *Builder) []*graph.Variable {
	l.minimizer = newMinimizer(g, o.training.optimizer())
	l.loss, l.correct = sums.loss, sums.correct
	return o.minimize(g, "", l, vars.trainable(), sums.grads, b)
}

// feedTowers returns the feeds of a part of a batch, divided among the towers.
func (t *Trainer) feedTowers(b Batch, number, part int) []graph.Feed {
	feeds := t.feedStep(b, number, part)
	classes := t.targets.Shape()[1]
	for k, to := range t.towers {
		from, end := k*b.N/len(t.towers), (k+1)*b.N/len(t.towers)
		share := float32(end-from) / float32(b.N)
		if from == end { // fewer images than towers
			from, end = 0, 1
		}
		own := b.part(from, end)
		feeds = append(feeds,
			graph.Feed{To: to.images, Value: graph.FromUint8s(append(Shape{own.N}, t.Architecture.Input...), own.Images)},
			graph.Feed{To: to.labels, Value: own.classes()},
			graph.Feed{To: to.targets, Value: graph.FromFloat32s(Shape{own.N, classes}, own.targets(classes))},
			graph.Feed{To: to.factors, Value: graph.FromFloat32s(Shape{own.N}, own.weights())},
			graph.Feed{To: to.rows, Value: graph.FromInt32s(Shape{2}, []int32{int32(from), int32(b.N)})},
			graph.Feed{To: to.share, Value: graph.FromFloat32s(Shape{}, []float32{share})},
		)
	}
	return feeds
}
