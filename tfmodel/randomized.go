package tfmodel

import (
	"context"
	"fmt"
	"slices"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Randomized is a copy of a model for the model parameter randomization test (Adebayo et al. 2018,
// arXiv:1810.03292). At depth d the last d layers have random values and the others have the trained
// ones. Explainers of its Bundle explain the model at the current depth.
type Randomized struct {
	Bundle *savedmodel.Bundle
	Layers []string // layers with parameters, the last layer first

	trained   *savedmodel.Bundle
	variables map[string][]string // by layer
	random    func(ctx context.Context, layer string) (map[string][]float32, error)
	depth     int
}

// namedParam is a parameter and the name of its variable.
type namedParam struct {
	name string
	Param
}

// Randomize takes ownership of second, a second copy of the opened model trained. The random values
// are drawn as in training: by the layers' initializers, depending only on the seed and the
// variable's name. The initializers of an adopted model are unknown. There the values of each
// variable are shuffled, and the layers are those of [adoptedStages]. A frozen model has no
// variables, which is an error.
func Randomize(trained, second *savedmodel.Bundle, seed uint64) (*Randomized, error) {
	if second.Metadata.Origin != nil {
		return randomizeAdopted(trained, second, seed)
	}
	m, err := Attach(second)
	if err != nil {
		return nil, err
	}
	a := m.Architecture()
	shapes, err := a.Shapes()
	if err != nil {
		return nil, err
	}
	r := &Randomized{Bundle: second, trained: trained, variables: map[string][]string{}}
	params := map[string][]namedParam{}
	for i, l := range a.Layers {
		for _, p := range l.Layer.Params(shapes[i]) {
			name := p.variable(l.Name)
			params[l.Name] = append(params[l.Name], namedParam{name, p})
			r.variables[l.Name] = append(r.variables[l.Name], name)
		}
		if len(params[l.Name]) > 0 {
			r.Layers = append(r.Layers, l.Name)
		}
	}
	r.random = func(ctx context.Context, layer string) (map[string][]float32, error) {
		return initialValues(ctx, params[layer], seed)
	}
	if len(r.Layers) == 0 {
		return nil, fmt.Errorf("the model has no parameters to randomize")
	}
	slices.Reverse(r.Layers)
	return r, nil
}

// To gives Layers[:depth] random values, and the other layers the trained ones.
func (r *Randomized) To(ctx context.Context, depth int) error {
	if depth < 0 || depth > len(r.Layers) {
		return fmt.Errorf("depth is %d, want 0 to %d", depth, len(r.Layers))
	}
	for r.depth < depth {
		values, err := r.random(ctx, r.Layers[r.depth])
		if err == nil {
			err = r.Bundle.Assign(ctx, values)
		}
		if err != nil {
			return fmt.Errorf("randomizing %s: %w", r.Layers[r.depth], err)
		}
		r.depth++
	}
	for r.depth > depth {
		layer := r.Layers[r.depth-1]
		values, err := r.trained.Read(ctx, r.variables[layer]...)
		if err == nil {
			err = r.Bundle.Assign(ctx, values)
		}
		if err != nil {
			return fmt.Errorf("restoring %s: %w", layer, err)
		}
		r.depth--
	}
	return nil
}

// initialValues returns the initial values of parameters by variable name.
func initialValues(ctx context.Context, params []namedParam, seed uint64) (map[string][]float32, error) {
	g := graph.New()
	fetch := make([]Tensor, len(params))
	for i, p := range params {
		fetch[i] = initial(g.In(p.name), p.Param, seed, p.name)
	}
	s, err := g.NewSession(Config{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out, err := s.Run(ctx, nil, fetch)
	if err != nil {
		return nil, err
	}
	values := map[string][]float32{}
	for i, p := range params {
		values[p.name] = out[i].Float32s()
	}
	return values, nil
}
