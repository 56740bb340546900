package weights

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oscar/internal/graph"
	"oscar/internal/text"
	"oscar/tfmodel"
)

// Loaded has the values of an architecture's variables.
type Loaded struct {
	Architecture tfmodel.Architecture
	Program      string               // the program that the tensor names belong to
	Values       map[string][]float32 // values of the variables, row-major
	Unused       []string             // tensors without a variable
	Head         []string             // of these, tensors of the replaced head

	note string // of the scheme
}

// Load finds the tensor of every variable of an architecture. This must be the one from
// [File.Prepare] or a similar one. With head it includes the last layer; otherwise a new head
// replaces it. A missing tensor or a wrong shape is an error.
func (f *File) Load(ctx context.Context, a tfmodel.Architecture, head bool) (*Loaded, error) {
	s, found, err := f.match(a)
	if err != nil {
		return nil, err
	}
	out := &Loaded{Architecture: a, Program: s.program, note: s.note, Values: map[string][]float32{}}
	variables, err := a.Variables()
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	var names, missing []string
	var wrong error // the first error
	var want []tfmodel.LayerVariable
	for _, v := range variables {
		name := found.tensor(s, v)
		switch {
		case name == "" && v.Head && !head:
		case name == "":
			missing = append(missing, fmt.Sprintf("%s (%s)", v.Name, strings.Join(s.parameter(v).names, " or ")))
		case v.Head && !head:
			used[name] = true
			out.Head = append(out.Head, found[name])
		default:
			wrong = cmp.Or(wrong, f.fits(s, v, found[name]))
			used[name] = true
			names, want = append(names, found[name]), append(want, v)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("weights %s: %s without a tensor, of %s's names: %s", f.Path, text.Count(len(missing), "variable"), s.program, few(missing))
	}
	if wrong != nil {
		return nil, wrong
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !used[name] && !slices.ContainsFunc(s.layout.ignore, func(end string) bool { return strings.HasSuffix(name, end) }) {
			out.Unused = append(out.Unused, found[name])
		}
	}
	values, err := f.read(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("weights %s: %w", f.Path, err)
	}
	first := true
	for i, v := range want {
		if view, axes, _ := s.arrange(v, f.tensors[names[i]].shape); axes != nil {
			values[i] = transpose(values[i], view, axes)
		}
		if v.Role == "kernel" && first {
			first = false
			if s.bgr {
				turn(values[i], v.Shape)
			}
		}
		for _, x := range values[i] {
			if x-x != 0 { // infinite or NaN
				return nil, fmt.Errorf("weights %s: tensor %s has a value that is not finite", f.Path, names[i])
			}
		}
		out.Values[v.Name] = values[i]
	}
	return out, nil
}

// Prepare returns the architecture with the preprocessing and padding of the weights' program.
func (f *File) Prepare(a tfmodel.Architecture) (tfmodel.Architecture, error) {
	s, _, err := f.match(a)
	if err != nil || s.prepare == nil {
		return a, err
	}
	return s.prepare(a)
}

// Write writes the values to a tensor bundle at prefix, under the variables' names.
func (l *Loaded) Write(ctx context.Context, prefix string) error {
	variables, err := l.Architecture.Variables()
	if err != nil {
		return err
	}
	var entries []graph.Entry
	var values []graph.Value
	for _, v := range variables {
		if have, ok := l.Values[v.Name]; ok {
			entries = append(entries, graph.Entry{Key: v.Name})
			values = append(values, graph.FromFloat32s(v.Shape, have))
		}
	}
	return graph.WriteCheckpoint(ctx, prefix, entries, values)
}

// few lists at most eight names.
func few(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Notes returns the unused parts of the file, and the assumptions.
func (l *Loaded) Notes() (notes []string) {
	if l.note != "" {
		notes = append(notes, l.note)
	}
	if len(l.Head) > 0 {
		notes = append(notes, "a new layer replaces "+strings.Join(l.Head, ", "))
	}
	if n := len(l.Unused); n > 0 {
		notes = append(notes, fmt.Sprintf("the weights have %s that no layer takes: %s", text.Count(n, "tensor"), few(l.Unused)))
	}
	return notes
}

// Classes returns the number of classes of the head in the file.
func (f *File) Classes(a tfmodel.Architecture) (int, error) {
	s, found, err := f.match(a)
	if err != nil {
		return 0, err
	}
	variables, err := a.Variables()
	if err != nil {
		return 0, err
	}
	for _, v := range variables {
		if name := found.tensor(s, v); name != "" && v.Head && v.Role == "bias" {
			if shape := f.tensors[found[name]].shape; len(shape) == 1 {
				return shape[0], nil
			}
		}
	}
	return 0, fmt.Errorf("weights %s: no last layer, whose size is the number of classes", f.Path)
}

// names are the tensors of a file by their canonical names in the scheme.
type names map[string]string

// tensor returns the name of a variable's tensor, or "".
func (n names) tensor(s scheme, v tfmodel.LayerVariable) string {
	for _, name := range s.parameter(v).names {
		if _, ok := n[name]; ok {
			return name
		}
	}
	return ""
}

// match returns the scheme that finds the most variables before the head.
func (f *File) match(a tfmodel.Architecture) (best scheme, found names, err error) {
	variables, err := a.Variables()
	if err != nil {
		return best, nil, err
	}
	most := 0
	var tried []string
	for _, s := range schemesOf(a.Name) {
		if !strings.Contains(f.Path, s.path) {
			continue
		}
		tried = append(tried, s.program)
		byName := f.canonical(s)
		n := 0
		for _, v := range variables {
			if !v.Head && byName.tensor(s, v) != "" {
				n++
			}
		}
		if n > most {
			best, found, most = s, byName, n
		}
	}
	if most == 0 {
		have := slices.Sorted(maps.Keys(f.tensors))
		return best, nil, fmt.Errorf("weights %s: none of its tensors (%s) is named as a variable of %s in %s", f.Path, few(have), a.Name, strings.Join(tried, ", "))
	}
	return best, found, nil
}

// canonical returns the file's tensors by their names in the scheme.
func (f *File) canonical(s scheme) names {
	n := names{}
	for name := range f.tensors {
		short := name
		if s.layout.separator == "/" && s.program != "oscar" {
			parts := strings.Split(strings.TrimSuffix(name, ":0"), "/")
			short = strings.Join(parts[max(0, len(parts)-2):], "/")
		}
		if other, taken := n[short]; !taken || name < other {
			n[short] = name
		}
	}
	return n
}

// fits returns an error if a tensor does not fit a variable.
func (f *File) fits(s scheme, v tfmodel.LayerVariable, name string) error {
	t := f.tensors[name]
	if !t.number {
		return fmt.Errorf("weights %s: tensor %s is not of floating point numbers", f.Path, name)
	}
	_, _, shape := s.arrange(v, t.shape)
	if !slices.Equal(shape, v.Shape) {
		return fmt.Errorf("weights %s: tensor %s is %s, and %s takes %s", f.Path, name, tfmodel.Shape(t.shape), v.Name, v.Shape)
	}
	return nil
}

// turn reverses the input channels of a kernel [height,width,inputs,outputs].
func turn(kernel []float32, shape []int) {
	in, out := shape[2], shape[3]
	for at := 0; at < len(kernel); at += in * out {
		for c := range in / 2 {
			for k := range out {
				i, j := at+c*out+k, at+(in-1-c)*out+k
				kernel[i], kernel[j] = kernel[j], kernel[i]
			}
		}
	}
}
