package foreign

import (
	"fmt"

	"oscar/internal/graph"
	"oscar/savedmodel/foreign/rewrite"
)

// passage has the operations that the gradient of the logits reaches.
type passage struct {
	reached map[string]bool   // the logits depend on it differentiably
	blocked map[string]string // the reason: an operation whose gradient may be wrong
}

// passage follows the gradient back from the logits.
func (f *flat) passage(logits ref, shapes func(string) (graph.Shape, graph.DType)) passage {
	p := passage{reached: map[string]bool{logits.node: true}, blocked: map[string]string{}}
	for i := len(f.nodes) - 1; i >= 0; i-- {
		n := f.nodes[i]
		if !p.reached[n.Name] || rewrite.Constant(n) {
			continue
		}
		why := p.blocked[n.Name]
		if len(n.Input) > 0 && (!rewrite.Known(n) || n.Op == "Conv2D" && inGroups(n.Input, shapes)) {
			why = fmt.Sprintf("oscar knows no right gradient of %s (%s)", n.Op, n.Name)
		}
		for _, in := range n.Input {
			if _, t := shapes(in); !graph.IsFloat(t) {
				continue
			}
			from := refOf(in).node
			p.reached[from] = true
			if why != "" {
				p.blocked[from] = why
			}
		}
	}
	return p
}

// inGroups reports whether a convolution is grouped, or may be.
func inGroups(in []string, shapes func(string) (graph.Shape, graph.DType)) bool {
	x, _ := shapes(in[0])
	kernel, _ := shapes(in[1])
	return len(x) != 4 || len(kernel) != 4 || x[3] < 1 || x[3] != kernel[2]
}

// why returns the reason for a missing gradient at a tensor, or "" if there is one.
func (p passage) why(r ref) string {
	if !p.reached[r.node] {
		return "the logits do not change with it"
	}
	return p.blocked[r.node]
}
