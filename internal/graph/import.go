package graph

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
)

// Import adds the operations of a serialized GraphDef below g's scope. Inputs named in replace
// ("conv/kernel" or "conv/kernel:0") are replaced by its tensors; the GraphDef need not contain
// them. Operations without a device get g's. On an error nothing is added.
func (g *Graph) Import(def []byte, replace map[string]Tensor) error {
	if g.err != nil {
		return g.err
	}
	options := tf.GraphImportOptions{Prefix: g.scope, Device: g.device}
	for name, t := range replace {
		base, index, err := splitTensorName(name)
		if err != nil {
			return err
		}
		if !t.valid {
			return fmt.Errorf("import: what replaces %s is not a tensor", name)
		}
		options.AddInputMapping(base, index, t.out)
	}
	if err := g.g.ImportWithOptions(def, options); err != nil {
		return fmt.Errorf("import a graph: %s", firstLine(err))
	}
	for _, op := range g.g.Operations() {
		for name := op.Name(); name != "." && g.names[name] == 0; name = path.Dir(name) {
			g.names[name] = 1
		}
	}
	return nil
}

// Imported returns a tensor that Import added, by its name in the GraphDef.
func (g *Graph) Imported(name string) (Tensor, error) { return g.Tensor(g.path(name)) }

// splitTensorName splits "conv1/Relu:0". Without a number it means the first output.
func splitTensorName(name string) (op string, index int, err error) {
	op, number, numbered := strings.Cut(name, ":")
	if numbered {
		index, err = strconv.Atoi(number)
	}
	if err != nil || op == "" || index < 0 {
		return "", 0, fmt.Errorf("tensor name %q: want operation:index", name)
	}
	return op, index, nil
}
