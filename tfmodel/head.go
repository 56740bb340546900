package tfmodel

import (
	"context"
	"fmt"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// addHead adds training of the head on fed features. outputs are those of the inference branch. It
// returns the variables of the head's own optimizer.
func (t *Trainer) addHead(g *Graph, s steps, vars *variables, outputs []Tensor, add goal) []*graph.Variable {
	last := s.head() - 1
	if g.Err() != nil {
		return nil
	}
	if last < 0 || len(s[last].out) != 1 {
		g.Fail(fmt.Errorf("%s has no features: its last layer with a kernel does not take a vector", t.Architecture.Name))
		return nil
	}
	t.features = outputs[last]
	t.fed = g.Placeholder("features", graph.Float, t.features.Shape())
	own := &variables{byName: vars.byName}
	var theirs []*graph.Variable
	names := map[string]bool{}
	s[last+1:].forEachParam(func(name string, _ Param) { names[name] = true })
	for i, v := range vars.all {
		if names[v.Name] {
			own.all, own.params = append(own.all, v), append(own.params, vars.params[i])
		} else {
			theirs = append(theirs, v)
		}
	}
	head := func(b *Builder) Tensor {
		x := t.fed
		root := b.Graph
		for _, step := range s[last+1:] {
			b.Graph, b.layer = root.In(step.name), step.name
			x = step.layer.Apply(b, x)
		}
		return x
	}
	train := &Builder{Graph: g.In("head_train"), Training: true, vars: own, seed: t.seed}
	slots := add.learn(g, "head", &t.head, head(train), own, train)
	add.judge(g.In("head_infer"), &t.head, head(&Builder{Graph: g.In("head_infer"), vars: own}))
	if len(theirs) > 0 {
		t.pretrained, t.weightsAt = savedmodel.AddSaver(g, "pretrained", theirs), t.Architecture.Weights
	}
	return slots
}

// Features returns the outputs of the layers before the head for images, row-major [N,features], for
// [Batch].Features. They do not change while only the head is trained.
func (t *Trainer) Features(ctx context.Context, b Batch) ([]float32, error) {
	if !t.features.Valid() {
		return nil, fmt.Errorf("%s has no layers that come with weights, and thus no features", t.Architecture.Name)
	}
	out, err := t.session.Run(ctx, []graph.Feed{t.input(b)}, []Tensor{t.features})
	if err != nil {
		return nil, err
	}
	return out[0].Float32s(), nil
}
