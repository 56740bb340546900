package foreign

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// layer is a name scope with one output tensor, or an operation next to such scopes.
type layer struct {
	name      string // as the model's author named it
	path      string // scope
	out       ref
	kind      string
	variables []string // read in the scope
	within    bool     // an operation in a scope with several outputs
}

// suffix is the number that Keras 3 appends to every layer's name.
var suffix = regexp.MustCompile(`_\d+$`)

// findLayers finds the layers in the order of the graph.
//
// A layer is identified by its variables: conv2d_1/kernel belongs to the layer conv2d_1. Scopes
// above a layer contain layers; scopes below it are parts of its computation. A scope or operation
// next to a layer is also a layer, with or without variables.
func (f *flat) findLayers() []layer {
	s := f.scopes()
	strip := s.numbered()
	owners := s.owners(strip)
	holds := map[string]bool{"": true} // scopes of layers
	for path := range owners {
		for up := parent(path); ; up = parent(up) {
			holds[up] = true
			if up == "" {
				break
			}
		}
	}
	var found []layer
	for path, tensors := range s.outputs {
		inLayer := len(owners) > 0 && !holds[parent(path)]
		if inLayer || holds[path] && len(owners) > 0 {
			continue
		}
		if len(tensors) > 1 { // each output is a layer
			for _, r := range tensors {
				found = append(found, layer{path: r.node, out: r, kind: kindOf(f.byName[r.node].Op), variables: s.read[r.node], within: true})
			}
			continue
		}
		found = append(found, layer{path: path, out: tensors[0], kind: s.kind(path), variables: s.variables(path)})
	}
	for _, n := range f.nodes { // operations outside of all layers' scopes; Keras 3 has none
		if !strip && s.fromImage[n.Name] && n != f.image && holds[parent(n.Name)] && s.outputs[n.Name] == nil {
			found = append(found, layer{path: n.Name, out: ref{node: n.Name}, kind: kindOf(n.Op), variables: s.read[n.Name]})
		}
	}
	for path, r := range f.aliases { // layers without an operation, such as dropout
		up := parent(path)
		if up != "" && s.outputs[up] == nil && s.fromImage[r.node] && holds[parent(up)] {
			found = append(found, layer{path: up, out: r, kind: "identity"})
			s.outputs[up] = []ref{r}
		}
	}
	slices.SortFunc(found, func(a, b layer) int {
		return cmp.Or(cmp.Compare(s.order[a.out.node], s.order[b.out.node]), cmp.Compare(a.out.index, b.out.index), cmp.Compare(len(a.path), len(b.path)), cmp.Compare(a.path, b.path))
	})
	name(found, strip)
	return found
}

// scopes is the tree of the flat graph's names.
type scopes struct {
	f         *flat
	order     map[string]int      // position of nodes
	fromImage map[string]bool     // nodes that depend on the image
	outputs   map[string][]ref    // tensors of each scope that are used outside of it
	members   map[string][]string // nodes below a scope that depend on the image
	read      map[string][]string // variables that a node reads
}

func (f *flat) scopes() *scopes {
	s := &scopes{f: f, order: map[string]int{}, fromImage: map[string]bool{f.image.Name: true}, outputs: map[string][]ref{}, members: map[string][]string{}, read: map[string][]string{}}
	variables := map[string]bool{}
	for _, v := range f.variables {
		variables[v.name] = true
	}
	// A variable that is transformed before it meets the image counts as read there.
	carried := map[string][]string{}
	users := map[ref][]string{{node: f.output.node, index: f.output.index}: {""}}
	for i, n := range f.nodes {
		s.order[n.Name] = i
		var from []string
		for _, in := range n.Input {
			r := refOf(in)
			users[r] = append(users[r], n.Name)
			s.fromImage[n.Name] = s.fromImage[n.Name] || s.fromImage[r.node]
			if variables[r.node] {
				from = append(from, r.node)
			} else if !s.fromImage[r.node] {
				from = append(from, carried[r.node]...)
			}
		}
		if s.fromImage[n.Name] {
			s.read[n.Name] = from
		} else if len(from) < 100 {
			carried[n.Name] = from
		}
	}
	for _, n := range f.nodes {
		if s.fromImage[n.Name] && n != f.image {
			for up := parent(n.Name); up != ""; up = parent(up) {
				s.members[up] = append(s.members[up], n.Name)
			}
		}
	}
	for r, names := range users {
		if !s.fromImage[r.node] || r.node == f.image.Name {
			continue
		}
		for up := parent(r.node); up != ""; up = parent(up) {
			if slices.ContainsFunc(names, func(user string) bool { return !strings.HasPrefix(user, up+"/") }) {
				s.outputs[up] = append(s.outputs[up], r)
			}
		}
	}
	return s
}

// numbered reports whether the graph comes from Keras 3. There every layer's scope has a number,
// which the layer and its variables do not have.
func (s *scopes) numbered() bool {
	layers := 0
	for path := range s.members {
		if strings.Count(path, "/") == 1 {
			if !suffix.MatchString(path) {
				return false
			}
			layers++
		}
	}
	return layers > 0 && len(s.owners(true)) >= len(s.owners(false))
}

// owners finds the scopes of layers with variables.
func (s *scopes) owners(strip bool) map[string]bool {
	found := map[string]bool{}
	for node, variables := range s.read {
		for _, v := range variables {
			if path := owner(node, last(parent(v)), strip); path != "" {
				found[path] = true
			}
		}
	}
	for path := range found { // of nested layers keep the inner ones
		for up := parent(path); up != ""; up = parent(up) {
			delete(found, up)
		}
	}
	return found
}

// owner returns the scope of the layer called name, above the operation that reads its variable. In
// a subclassed Keras model variables are named after the model; then it returns the innermost scope
// with a number.
func owner(node, name string, strip bool) string {
	numbered := ""
	for up := parent(node); up != ""; up = parent(up) {
		own := last(up)
		if strip {
			if !suffix.MatchString(own) {
				continue
			}
			if numbered == "" {
				numbered = up
			}
			own = suffix.ReplaceAllString(own, "")
		}
		if own == name && (!strip || parent(up) != "") {
			return up
		}
	}
	return numbered
}

func (s *scopes) variables(path string) (names []string) {
	for _, m := range s.members[path] {
		names = append(names, s.read[m]...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// kinds are the kinds of layers by their main operation, the most specific first.
var kinds = []struct{ op, kind string }{
	{"Conv2D", "conv2d"}, {"DepthwiseConv2dNative", "depthwise_conv2d"}, {"Conv2DBackpropInput", "conv2d_transpose"}, {"Einsum", "einsum"},
	{"BatchMatMulV2", "matmul"}, {"MatMul", "dense"}, {"FusedBatchNormV3", "batch_normalization"}, {"FusedBatchNorm", "batch_normalization"}, {"MaxPool", "max_pool2d"},
	{"AvgPool", "average_pool2d"}, {"ConcatV2", "concatenate"}, {"Rsqrt", "normalization"}, {"Softmax", "softmax"}, {"Relu6", "relu6"}, {"Relu", "relu"}, {"Sigmoid", "sigmoid"}, {"Mean", "mean"},
	{"AddV2", "add"}, {"Mul", "multiply"}, {"Reshape", "reshape"},
}

func (s *scopes) kind(path string) string {
	in := map[string]bool{}
	ops := ""
	for _, v := range s.variables(path) {
		if last(v) == "moving_variance" {
			return "batch_normalization"
		}
	}
	for _, m := range s.members[path] {
		op := s.f.byName[m].Op
		in[op], ops = true, op
	}
	for _, k := range kinds {
		if in[k.op] {
			return k.kind
		}
	}
	return kindOf(ops)
}

func kindOf(op string) string {
	for _, k := range kinds {
		if k.op == op {
			return k.kind
		}
	}
	return strings.ToLower(op)
}

// name sets the shortest unique names of layers: the last elements of their paths.
func name(layers []layer, strip bool) {
	parts := make([][]string, len(layers))
	for i, l := range layers {
		parts[i] = strings.Split(l.path, "/")
		if strip {
			for k := range parts[i] {
				parts[i][k] = suffix.ReplaceAllString(parts[i][k], "")
			}
		}
	}
	count := map[string]int{}
	for _, p := range parts {
		for k := range p {
			count[strings.Join(p[k:], "/")]++
		}
	}
	taken := map[string]bool{}
	for i, p := range parts {
		layers[i].name = layers[i].path
		from := len(p) - 1
		if layers[i].within {
			from = max(0, from-1)
		}
		for k := from; k >= 0; k-- {
			if short := strings.Join(p[k:], "/"); count[short] == 1 && !taken[short] && short != "" {
				layers[i].name = short
				break
			}
		}
		taken[layers[i].name] = true
	}
}

// parent returns the scope of a name, or "" at the top level.
func parent(name string) string { return name[:max(0, strings.LastIndexByte(name, '/'))] }

func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
