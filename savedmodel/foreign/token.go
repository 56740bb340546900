package foreign

import (
	"context"
	"fmt"
	"slices"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// passToken changes the default layer of a transformer that classifies by a token for the whole
// image. After the last attention the other tokens do not reach the logits, so their gradient is
// zero. The new default is the last layer with a nonzero gradient. It is measured on a second copy
// of the graph, because operations added to the graph would be written to the model.
func (m *Model) passToken(ctx context.Context, a *adoption, o Options) error {
	probe, err := m.open(ctx, o, graph.KeepTensors)
	if err != nil {
		return err
	}
	defer probe.session.Close()
	var layers []savedmodel.Layer
	var maps []graph.Tensor
	for _, l := range slices.Backward(a.Metadata.Layers) {
		if len(l.Output) != 3 || l.Output[0]*l.Output[1] == 1 || a.Metadata.Origin.NoGradient[l.Name] != "" {
			continue
		}
		t, err := probe.graph.Tensor(l.Feature)
		if err != nil {
			return err
		}
		layers, maps = append(layers, l), append(maps, t)
	}
	g := probe.graph.In("probe")
	gradients := g.Grad(g.Sum(g.Max(probe.logits, false, 1), false, 0), maps...)
	if err := g.Err(); err != nil {
		return err
	}
	out, err := probe.session.Run(ctx, []graph.Feed{{To: probe.image, Value: probe.drawn(1)}}, gradients)
	if err != nil {
		return fmt.Errorf("the model does not run: %w", err)
	}
	for i, l := range layers {
		if !slices.ContainsFunc(out[i].Float32s(), func(v float32) bool { return v != 0 }) {
			continue
		}
		if l.Name != a.Metadata.Explain {
			a.Notes = append(a.Notes, fmt.Sprintf("explains %s: behind it only the token for the whole image reaches the logits", l.Name))
			a.Metadata.Explain = l.Name
		}
		return nil
	}
	return nil
}
