package foreign

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/function_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/op_def_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
	"oscar/internal/paths"
)

// Model is a SavedModel as its file has it: a graph, functions that it calls,
// and signatures.
type Model struct {
	dir       string
	meta      *pb.MetaGraphDef
	ops       map[string]*op_def_go_proto.OpDef // that the library has
	main      map[string]*node_def_go_proto.NodeDef
	functions map[string]*function
}

// function is a function of the model's library.
type function struct {
	def   *function_go_proto.FunctionDef
	nodes map[string]*node_def_go_proto.NodeDef
}

// Limits of what is read.
const (
	maxFile   = 2 << 30 // bytes of saved_model.pb; protocol buffers end there
	maxConst  = 1 << 31 // bytes of one constant
	maxNodes  = 200_000 // of the flat graph
	maxFrames = 20_000  // calls of functions
	maxDepth  = 50_000  // operations from an output to the image
	maxCalls  = 100     // functions within each other
)

// readModel reads the SavedModel in dir. Nothing of it is run.
func readModel(dir string) (*Model, error) {
	b, err := readFile(dir)
	if err != nil {
		return nil, err
	}
	m, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "saved_model.pb"), err)
	}
	m.dir = dir
	return m, nil
}

func readFile(dir string) ([]byte, error) {
	path := filepath.Join(dir, "saved_model.pb")
	info, err := os.Stat(path)
	if err != nil {
		return nil, notSavedModel(dir)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), maxFile)
	}
	return paths.ReadFile(path, paths.Graph)
}

// notSavedModel says what to do with what is no SavedModel.
func notSavedModel(path string) error {
	info, err := os.Stat(path)
	switch name := strings.ToLower(path); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no model at %s: want the folder of a SavedModel", path)
	case err != nil:
		return err
	case strings.HasSuffix(name, ".keras") || strings.HasSuffix(name, ".h5") || strings.HasSuffix(name, ".hdf5"):
		return fmt.Errorf("%s is a Keras file, which holds Python layers and no graph; export a SavedModel in Python and name its folder:\n"+
			"  model = keras.saving.load_model(%q)\n%s", path, path, ExportLines)
	case !info.IsDir():
		return fmt.Errorf("%s is not the folder of a SavedModel", path)
	}
	if _, err := os.Stat(filepath.Join(path, "saved_model.pbtxt")); err == nil {
		return fmt.Errorf("%s holds its graph as text (saved_model.pbtxt); save it as saved_model.pb", path)
	}
	return fmt.Errorf("%s is not a SavedModel: it has no saved_model.pb", path)
}

// ExportLines are the lines of Python that export a Keras model as it predicts.
const ExportLines = `  a = keras.export.ExportArchive(); a.track(model)
  a.add_endpoint("serving_default", lambda x: model(x, training=False), [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)])
  a.write_out("exported")`

// parse reads and indexes a serialised SavedModel.
func parse(b []byte) (*Model, error) {
	saved := &pb.SavedModel{}
	if err := proto.Unmarshal(b, saved); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	meta, err := serving(saved.MetaGraphs)
	if err != nil {
		return nil, err
	}
	return newModel(meta)
}

// newModel indexes a graph and its functions.
func newModel(meta *pb.MetaGraphDef) (*Model, error) {
	ops, err := graph.Ops()
	if err != nil {
		return nil, err
	}
	m := &Model{meta: meta, ops: ops, functions: map[string]*function{}}
	if m.main, err = index(m.meta.GetGraphDef().GetNode()); err != nil {
		return nil, err
	}
	for _, def := range m.meta.GetGraphDef().GetLibrary().GetFunction() {
		name := def.GetSignature().GetName()
		if m.functions[name] != nil {
			return nil, fmt.Errorf("it has two functions %q", name)
		}
		nodes, err := index(def.NodeDef)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", name, err)
		}
		m.functions[name] = &function{def, nodes}
	}
	return m, nil
}

// serving chooses the graph that is meant for use.
func serving(graphs []*pb.MetaGraphDef) (*pb.MetaGraphDef, error) {
	if len(graphs) == 0 {
		return nil, fmt.Errorf("it holds no graph")
	}
	var tags []string
	for _, g := range graphs {
		if slices.Contains(g.GetMetaInfoDef().GetTags(), "serve") {
			return g, nil
		}
		tags = append(tags, "["+strings.Join(g.GetMetaInfoDef().GetTags(), ",")+"]")
	}
	if len(graphs) == 1 {
		return graphs[0], nil
	}
	return nil, fmt.Errorf("it has no graph with the tag serve; have %s", strings.Join(tags, ", "))
}

// tag is what the loader calls the graph by.
func (m *Model) tag() string {
	if tags := m.meta.GetMetaInfoDef().GetTags(); len(tags) > 0 && !slices.Contains(tags, "serve") {
		return tags[0]
	}
	return "serve"
}

// index finds nodes by name and refuses what no graph may have.
func index(nodes []*node_def_go_proto.NodeDef) (map[string]*node_def_go_proto.NodeDef, error) {
	byName := make(map[string]*node_def_go_proto.NodeDef, len(nodes))
	for _, n := range nodes {
		if n.Name == "" || byName[n.Name] != nil {
			return nil, fmt.Errorf("two operations are called %q, or one has no name", n.Name)
		}
		byName[n.Name] = n
	}
	return byName, nil
}

// callee is the function that an operation calls; nil if it calls none. Loops
// and conditions are operations.
func (m *Model) callee(n *node_def_go_proto.NodeDef) (*function, error) {
	name := n.Op
	if n.Op == "PartitionedCall" || n.Op == "StatefulPartitionedCall" {
		name = n.Attr["f"].GetFunc().GetName()
	} else if m.functions[name] == nil {
		return nil, nil
	}
	return m.lookup(n, name)
}

func (m *Model) lookup(n *node_def_go_proto.NodeDef, name string) (*function, error) {
	if f := m.functions[name]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%s calls the function %q, which the model does not have", n.Name, name)
}

// sortedKeys are for messages.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
