package foreign

import (
	"fmt"
	"testing"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// checkBody fails unless an adopted model can be trained on: its graph ends with features,
// and a gradient reaches every variable that is a weight.
func checkBody(t *testing.T, model string) {
	t.Helper()
	body, err := savedmodel.OpenBody(model)
	if err != nil {
		t.Error(err)
		return
	}
	g := graph.New()
	values := map[string]graph.Tensor{}
	var names []string
	var weights []graph.Tensor
	for i, v := range body.Variables {
		values[v.Name] = g.Placeholder(fmt.Sprint("variable_", i), graph.Float, v.Shape)
		if !v.Statistic {
			names, weights = append(names, v.Name), append(weights, values[v.Name])
		}
	}
	in := body.Metadata.Image
	features, layers, err := body.Import(g.In("body"), g.Placeholder("image", graph.Float, graph.Shape{-1, in.Height, in.Width, 3}), values)
	if err != nil {
		t.Error(err)
		return
	}
	if s := features.Shape(); len(s) != 2 || s[1] < 1 || len(layers) == 0 && body.Metadata.Explain != "" {
		t.Errorf("features %v after %d layers", s, len(layers))
	}
	for i, gradient := range g.Grad(g.Sum(features, false, 0, 1), weights...) {
		if !gradient.Valid() {
			t.Errorf("no gradient reaches %s", names[i])
		}
	}
	if err := g.Err(); err != nil {
		t.Error(err)
	}
}
