package savedmodel

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"oscar/cluster"
	"oscar/internal/graph"
)

// Saver saves and restores variables by name, as a tensor bundle: <prefix>.index and
// <prefix>.data-00000-of-00001. Each tensor has a checksum, which is verified on reading.
type Saver struct {
	filename graph.Tensor
	control  graph.Tensor
	restore  graph.Op
}

// AddSaver adds the operations to g, below scope.
func AddSaver(g *graph.Graph, scope string, vars []*graph.Variable) Saver {
	g = g.In(scope)
	names := make([]string, len(vars))
	values, shapes := make([]graph.Tensor, len(vars)), make([]graph.Shape, len(vars))
	for i, v := range vars {
		names[i], values[i], shapes[i] = v.Name, v.Value, v.Shape
	}
	s := Saver{filename: g.Placeholder("filename", graph.String, graph.Shape{})}
	s.control = g.After("control_dependency", s.filename, g.SaveV2(s.filename, names, values))
	assigns := make([]graph.Op, len(vars))
	for i, t := range g.RestoreV2(s.filename, names, shapes) {
		assigns[i] = g.Assign(vars[i].Handle, t)
	}
	s.restore = g.Group("restore_all", assigns...)
	return s
}

// Save writes the variables' values to the bundle at prefix.
func (s Saver) Save(ctx context.Context, session *graph.Session, prefix string) error {
	if _, err := session.Run(ctx, s.feed(prefix), []graph.Tensor{s.control}); err != nil {
		return fmt.Errorf("save %s: %w", prefix, plain(err))
	}
	return nil
}

// Restore sets the variables from the bundle at prefix.
func (s Saver) Restore(ctx context.Context, session *graph.Session, prefix string) error {
	if _, err := session.Run(ctx, s.feed(prefix), nil, s.restore); err != nil {
		if m := otherShape.FindStringSubmatch(err.Error()); m != nil {
			return fmt.Errorf("restore %s: %s is %s there, and %s in the network", prefix, m[1], m[3], m[2])
		}
		return fmt.Errorf("restore %s: %w", prefix, plain(err))
	}
	return nil
}

// otherShape matches TensorFlow's message about a tensor with another shape.
var otherShape = regexp.MustCompile(`tensor_name = (\S+); shape in shape_and_slice spec (\S+) does not match the shape stored in checkpoint: (\S+)`)

func (s Saver) feed(prefix string) []graph.Feed {
	return []graph.Feed{{To: s.filename, Value: graph.FromString(prefix)}}
}

// plain removes the node that TensorFlow appends to a message. It keeps cluster errors and context
// errors unchanged.
func plain(err error) error {
	if fault, ok := errors.AsType[*cluster.Fault](err); ok {
		return fault
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "run: "), "\t [[")
	text, _, _ = strings.Cut(text, " [[{{")
	return fmt.Errorf("%s", strings.TrimSpace(text))
}
