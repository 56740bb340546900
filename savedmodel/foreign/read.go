package foreign

import (
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

// Model is a parsed SavedModel: a graph, the functions that it calls, and signatures.
type Model struct {
	dir       string
	meta      *pb.MetaGraphDef
	ops       map[string]*op_def_go_proto.OpDef // operations of the library
	main      map[string]*node_def_go_proto.NodeDef
	functions map[string]*function
	frozen    bool // dir is a file; see readFrozen
}

// file returns the path of the graph's file.
func (m *Model) file() string {
	if m.frozen {
		return m.dir
	}
	return filepath.Join(m.dir, "saved_model.pb")
}

// function is a function of the model's library.
type function struct {
	def   *function_go_proto.FunctionDef
	nodes map[string]*node_def_go_proto.NodeDef
}

// Limits for parsing.
const (
	maxFile   = 2 << 30 // bytes of saved_model.pb, the limit of protocol buffers
	maxConst  = 1 << 31 // bytes of one constant
	maxNodes  = 200_000 // nodes of the flat graph
	maxFrames = 20_000  // calls of functions
	maxDepth  = 50_000  // operations from an output to the image
	maxCalls  = 100     // nesting of functions
)

// readModel parses the SavedModel in dir without running anything.
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
		return nil, NotSavedModel(dir)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), maxFile)
	}
	return paths.ReadFile(path, paths.Graph)
}

// parse parses and indexes a serialized SavedModel.
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

// serving returns the graph with the tag serve.
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

// tag returns the tag of the graph.
func (m *Model) tag() string {
	if tags := m.meta.GetMetaInfoDef().GetTags(); len(tags) > 0 && !slices.Contains(tags, "serve") {
		return tags[0]
	}
	return "serve"
}

// index finds nodes by name and returns an error for an invalid graph.
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

// callee returns the function that an operation calls, or nil. Loops and conditionals do not count
// as calls.
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

// sortedKeys returns the sorted keys, for messages.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
