package foreign

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
)

var (
	assigning = regexp.MustCompile(`^Assign(Add|Sub)?(VariableOp)?$`)
	drawing   = regexp.MustCompile(`Random|Multinomial|StatefulUniform|StatefulStandardNormal|StatefulTruncatedNormal`)
)

// checkMode returns an error for a graph that updates variables in every run, because it was
// exported in training mode.
func (a *adoption) checkMode() error {
	if a.options.TrainingGraph {
		return nil
	}
	found := a.updates()
	if len(found) == 0 {
		return nil
	}
	for _, n := range a.flat.nodes {
		if drawing.MatchString(n.Op) && found[n.Op] == "" {
			found[n.Op] = n.Name
		}
	}
	var parts []string
	for _, op := range sortedKeys(found) {
		parts = append(parts, fmt.Sprintf("%s in %s", op, found[op]))
	}
	return trainingError("it updates variables when it predicts (" + strings.Join(parts, ", ") + ")")
}

func trainingError(why string) error {
	return needsOption("the graph was exported in training mode: %s. Its output for an image depends on chance or on the other images of the batch. "+
		"Export it anew in Python with training=False:\n%s\nor continue with --training-graph", why, exportLines)
}

// updates returns the operations that set variables whenever the output is computed: an example's
// name for each type. For a conditional with a constant predicate only the branch that is taken
// counts.
func (f *flat) updates() map[string]string {
	found := map[string]string{}
	note := func(n *node_def_go_proto.NodeDef, scope string) {
		if name := scope + n.Name; assigning.MatchString(n.Op) && (found[n.Op] == "" || name < found[n.Op]) {
			found[n.Op] = name
		}
	}
	out, _ := f.signature.output(f.options.Output)
	seen := map[string]bool{}
	for queue := []string{out.Tensor}; len(queue) > 0; queue = queue[1:] { // in the main graph: operations that the output depends on
		name, _, _ := strings.Cut(strings.TrimPrefix(queue[0], "^"), ":")
		if n := f.main[name]; n != nil && !seen[name] {
			seen[name] = true
			note(n, "")
			queue = append(queue, n.Input...)
		}
	}
	for _, c := range f.frames { // in a function: all operations with side effects
		for _, n := range c.nodes {
			note(n, c.scope)
			if n.Op == "If" || n.Op == "StatelessIf" || f.frames[c.path+n.Name+"\x00"] != nil {
				continue
			}
			for name := range f.closure([]*node_def_go_proto.NodeDef{n}) {
				for _, inner := range f.functions[name].nodes {
					note(inner, c.scope+n.Name+"/")
				}
			}
		}
	}
	return found
}
