package savedmodel

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
	"oscar/internal/paths"
)

// Body is a model's graph without its head. It leads from the image to the features, which are the
// input tensor of the last product with weights. It computes in inference mode: batch normalization
// uses its moving averages.
type Body struct {
	Metadata  Metadata
	Features  string         // name of the tensor, [N,features] or [N,height,width,features]
	Variables []BodyVariable // those that the features depend on, in the order of the layers
	Layers    []Layer        // layers of the metadata that the features depend on

	dir   string
	def   []byte            // serialized GraphDef of the operations between image, variables and features
	reads map[string]string // the variable that an operation reads, by name
}

// BodyVariable is a variable of a [Body].
type BodyVariable struct {
	Name  string
	Shape graph.Shape
	Layer int // index in Layers of the first one that depends on it; len(Layers) if none does
	// Statistic is true for a moving average of batch normalization, false for a weight.
	Statistic bool
}

// OpenBody reads the graph of oscar's SavedModel in dir, without its weights.
func OpenBody(dir string) (*Body, error) {
	meta, err := readMetadata(dir)
	if err != nil {
		return nil, err
	}
	if err := checkFiles(dir); err != nil {
		return nil, err
	}
	file, err := paths.ReadFile(filepath.Join(dir, "saved_model.pb"), paths.Graph)
	if err != nil {
		return nil, lacksGraph(dir)
	}
	model := &pb.SavedModel{}
	if err := proto.Unmarshal(file, model); err != nil || len(model.MetaGraphs) == 0 {
		return nil, fmt.Errorf("%s is damaged", filepath.Join(dir, "saved_model.pb"))
	}
	b := &Body{Metadata: *meta, dir: dir, reads: map[string]string{}}
	if err := b.cut(model.MetaGraphs[0].GetGraphDef()); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return b, nil
}

// Weights returns the path of the variables' values, for [Saver.Restore].
func (b *Body) Weights() string { return filepath.Join(b.dir, "variables", "variables") }

// Import adds the body to g below its scope. image is [N,height,width,3] from 0 to 255, values are
// the variables' values by name. It returns the features [N,features] and the feature tensors of
// Layers.
func (b *Body) Import(g *graph.Graph, image graph.Tensor, values map[string]graph.Tensor) (features graph.Tensor, layers []graph.Tensor, err error) {
	replace := map[string]graph.Tensor{"image": image}
	for read, name := range b.reads {
		replace[read] = values[name]
	}
	if err := g.Import(b.def, replace); err != nil {
		return features, nil, err
	}
	for _, l := range b.Layers {
		t, err := g.Imported(l.Feature)
		if err != nil {
			return features, nil, err
		}
		layers = append(layers, t)
	}
	if features, err = g.Imported(b.Features); err != nil {
		return features, nil, err
	}
	switch s := features.Shape(); {
	case len(s) == 2 && s[1] > 0:
		return g.Identity("features", features), layers, g.Err()
	case len(s) == 4 && s[3] > 0: // a convolution used as a dense layer
		return g.Identity("features", g.Mean(features, false, 1, 2)), layers, g.Err()
	default:
		return features, nil, fmt.Errorf("the last product takes %s of shape %v; want [N,features] or [N,height,width,features]", b.Features, s)
	}
}

// nodes has the nodes of a graph by name.
type nodes map[string]*node_def_go_proto.NodeDef

// operation returns the name of the node that an input refers to.
func operation(input string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(input, "^"), ":")
	return name
}

// needs returns the names of the node and of all nodes that it depends on.
func (all nodes) needs(name string) map[string]bool {
	seen, stack := map[string]bool{}, []string{name}
	for len(stack) > 0 {
		name, stack = stack[len(stack)-1], stack[:len(stack)-1]
		if n := all[name]; n != nil && !seen[name] {
			seen[name] = true
			for _, in := range n.Input {
				stack = append(stack, operation(in))
			}
		}
	}
	return seen
}

// cut finds the features, and keeps only the operations that they depend on.
func (b *Body) cut(def *graph_go_proto.GraphDef) (err error) {
	all := nodes{}
	for _, n := range def.GetNode() {
		all[n.Name] = n
	}
	if b.Features, err = all.features(); err != nil {
		return err
	}
	kept := all.needs(operation(b.Features))
	statistics := all.statistics(kept)
	assigned := map[string]bool{}
	assign := func(within map[string]bool) {
		for _, name := range slices.Sorted(maps.Keys(within)) {
			n := all[name]
			if n.Op != "ReadVariableOp" || assigned[name] || len(n.Input) == 0 {
				continue
			}
			assigned[name] = true
			handle := all[operation(n.Input[0])]
			if handle.GetOp() != "VarHandleOp" {
				continue
			}
			shape := graph.Shape{}
			for _, d := range handle.Attr["shape"].GetShape().GetDim() {
				shape = append(shape, int(d.Size))
			}
			b.reads[name] = handle.Name
			if !slices.ContainsFunc(b.Variables, func(v BodyVariable) bool { return v.Name == handle.Name }) {
				b.Variables = append(b.Variables, BodyVariable{handle.Name, shape, len(b.Layers), statistics[name] || IsStatistic(handle.Name)})
			}
		}
	}
	for _, l := range b.Metadata.Layers {
		if name := operation(l.Feature); kept[name] {
			assign(all.needs(name))
			b.Layers = append(b.Layers, l)
		}
	}
	assign(kept)
	part := &graph_go_proto.GraphDef{Versions: def.Versions, Library: def.Library}
	for _, n := range def.GetNode() {
		if kept[n.Name] && n.Name != "image" && n.Op != "VarHandleOp" && b.reads[n.Name] == "" {
			part.Node = append(part.Node, n)
		}
	}
	b.def, err = proto.MarshalOptions{Deterministic: true}.Marshal(part)
	return err
}

// statistic matches the names of moving averages in Keras, TensorFlow 1 and PyTorch, and of the
// statistics in Keras's Normalization.
var statistic = regexp.MustCompile(`(^|/)((moving|running)_)?(mean|variance|var)(_\d+)?$`)

// IsStatistic reports whether a variable is called as one that is measured, not trained.
func IsStatistic(variable string) bool { return statistic.MatchString(variable) }

// statistics returns the operations that read the moving averages of fused batch normalization,
// whatever their names are.
func (all nodes) statistics(kept map[string]bool) map[string]bool {
	out := map[string]bool{}
	for name := range kept {
		if n := all[name]; strings.HasPrefix(n.Op, "FusedBatchNorm") && len(n.Input) > 4 {
			out[operation(n.Input[3])], out[operation(n.Input[4])] = true, true
		}
	}
	return out
}

// products are the operations that multiply by weights.
var products = map[string]bool{"MatMul": true, "Conv2D": true, "BatchMatMul": true, "BatchMatMulV2": true, "Einsum": true}

// features walks back from the logits to the last product of a tensor that depends on the image and
// one that does not. It returns the tensor that depends on the image.
func (all nodes) features() (string, error) {
	fromImage := func(input string) bool { return all.needs(operation(input))["image"] }
	at := "logits"
	for range all {
		n := all[operation(at)]
		var dependent []string
		for _, in := range n.GetInput() {
			if fromImage(in) {
				dependent = append(dependent, in)
			}
		}
		switch {
		case len(dependent) == 0:
			return "", fmt.Errorf("the logits do not depend on the image")
		case products[n.Op] && len(dependent) == 1 && len(n.Input) > 1:
			return dependent[0], nil
		case len(dependent) > 1 && operation(dependent[0]) != operation(dependent[1]) && n.Op != "ConcatV2":
			return "", fmt.Errorf("no product with weights comes last: %s (%s) joins two tensors that depend on the image", n.Name, n.Op)
		}
		at = dependent[0]
	}
	return "", fmt.Errorf("the graph has a cycle")
}
