package tfmodel

import (
	"context"
	"encoding/binary"
	"fmt"
	"path"
	"slices"

	"oscar/internal/seeded"
	"oscar/savedmodel"
)

// maxStages is the maximum number of steps in which an adopted model is randomized. Otherwise a
// network with hundreds of layers would take hours.
const maxStages = 16

// randomizeAdopted is [Randomize] for an adopted model.
func randomizeAdopted(trained, second *savedmodel.Bundle, seed uint64) (*Randomized, error) {
	variables, err := second.Variables()
	if err != nil {
		return nil, err
	}
	if len(variables) == 0 {
		return nil, fmt.Errorf("the model has no parameters to randomize")
	}
	r := &Randomized{Bundle: second, trained: trained, variables: map[string][]string{}}
	for _, s := range adoptedStages(variables, maxStages) {
		r.Layers = append(r.Layers, s.name)
		r.variables[s.name] = s.variables
	}
	r.random = func(ctx context.Context, layer string) (map[string][]float32, error) {
		values, err := trained.Read(ctx, r.variables[layer]...)
		for name, v := range values {
			draw := seeded.New(binary.LittleEndian.AppendUint64([]byte(name+"\x00"), seed))
			draw.Shuffle(len(v), func(i, k int) { v[i], v[k] = v[k], v[i] })
		}
		return values, err
	}
	return r, nil
}

// stage is a group of layers whose variables are randomized together.
type stage struct {
	name      string // name of its last layer
	variables []string
}

// adoptedStages divides variables into at most most stages with about equal numbers of layers.
// variables are in the order in which the image reaches them; the last stage comes first. A layer is
// the common prefix of its variables' names: "conv1" in "conv1/kernel".
func adoptedStages(variables []string, most int) []stage {
	var layers []stage
	at := map[string]int{}
	for _, v := range variables {
		name := path.Dir(v)
		if name == "." {
			name = v
		}
		i, ok := at[name]
		if !ok {
			i = len(layers)
			at[name] = i
			layers = append(layers, stage{name: name})
		}
		layers[i].variables = append(layers[i].variables, v)
	}
	slices.Reverse(layers)
	stages := make([]stage, 0, most)
	for i, l := range layers {
		// layer i belongs to stage i*n/len, so that sizes differ by one at most
		if k := i * min(most, len(layers)) / len(layers); k == len(stages) {
			stages = append(stages, l)
		} else {
			stages[k].variables = append(stages[k].variables, l.variables...)
		}
	}
	return stages
}
