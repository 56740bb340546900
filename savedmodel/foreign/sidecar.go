package foreign

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"oscar/internal/atomicfile"
	"oscar/internal/keyed"
	"oscar/internal/paths"
)

// sidecarFile is the file with [Options] next to saved_model.pb. For model.pb the name is
// model.oscar.yaml.
const sidecarFile = "oscar.yaml"

// Sidecar returns the path of a model's options file: in its folder, or next to a frozen graph.
func Sidecar(model string) string {
	if IsFrozen(model) {
		return strings.TrimSuffix(model, filepath.Ext(model)) + "." + sidecarFile
	}
	return filepath.Join(model, sidecarFile)
}

// ReadSidecar reads the options of a model, see [Sidecar]. found is false if there is no file.
func ReadSidecar(model string) (o Options, found bool, err error) {
	path := Sidecar(model)
	b, err := paths.ReadFile(path, paths.Settings)
	if errors.Is(err, os.ErrNotExist) {
		return o, false, nil
	} else if err != nil {
		return o, false, err
	}
	if o, err = parseSidecar(b); err != nil {
		return o, false, fmt.Errorf("%s: %w", path, err)
	}
	return o, true, nil
}

func parseSidecar(b []byte) (o Options, err error) {
	tree, err := keyed.Parse(b, "image: {scale: 0..1}")
	if errors.Is(err, keyed.ErrEmpty) {
		return o, nil
	} else if err != nil {
		return o, err
	}
	if _, ok := tree.(map[string]any); !ok {
		return o, fmt.Errorf("the file has no keys; want some of %s", strings.Join(keyed.Keys(reflect.TypeFor[Options]()), ", "))
	}
	if err := keyed.CheckKeys(tree, reflect.TypeFor[Options]()); err != nil {
		return o, err
	}
	if err := keyed.Unmarshal(b, &o); err != nil { // unlike keyed.Read it takes 7 as the name of a class
		return o, cmp.Or(keyed.Check(tree, reflect.TypeFor[Options]()), err)
	}
	return o, o.Check()
}

// WriteSidecar writes the options of a model, see [Sidecar]. In an existing file it changes only the
// values that differ, and keeps the order of keys and the comments. If this is impossible, it
// returns an error with the options.
func WriteSidecar(model string, o Options) error {
	path := Sidecar(model)
	b, err := yaml.Marshal(o)
	if err != nil {
		return err
	}
	old, err := paths.ReadFile(path, paths.Settings)
	switch {
	case err == nil:
		if has, err := parseSidecar(old); err == nil && sameOptions(has, o) {
			return nil
		}
		edited, ok := editSidecar(old, b, o)
		if !ok {
			return fmt.Errorf("%s was not changed, since comments or other lines of it would be lost; write this into it:\n%s", path, bytes.TrimSpace(b))
		}
		b = edited
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	return atomicfile.Output(path, atomicfile.Bytes(b))
}

// sameOptions compares what a file holds.
func sameOptions(a, b Options) bool {
	a.Trust, b.Trust, a.Tried, b.Tried = false, false, false, false
	if len(a.Classes)+len(b.Classes) == 0 {
		a.Classes, b.Classes = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// editSidecar returns the old file with the options changed; want is their YAML. It returns false if
// a comment or a further document would be lost.
func editSidecar(old, want []byte, o Options) ([]byte, bool) {
	var file, to yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(old))
	if decoder.Decode(&file) != nil || yaml.Unmarshal(want, &to) != nil {
		return want, len(comments(old)) == 0 // the file has no key
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, false
	}
	merge(file.Content[0], to.Content[0])
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(indentOf(file.Content[0]))
	if encoder.Encode(&file) != nil {
		return nil, false
	}
	for _, edited := range [][]byte{withBlankLines(out.Bytes(), old), out.Bytes()} {
		if has, err := parseSidecar(edited); err != nil || !sameOptions(has, o) {
			continue
		}
		for comment, n := range comments(old) {
			if comments(edited)[comment] < n {
				return nil, false
			}
		}
		return edited, true
	}
	return nil, false
}

// merge sets the values of n to those of to. Equal values keep the form that they have in n.
func merge(n, to *yaml.Node) {
	switch {
	case n.Kind != to.Kind || n.Kind == yaml.ScalarNode && n.Tag != to.Tag:
		to.HeadComment, to.LineComment, to.FootComment = n.HeadComment, n.LineComment, n.FootComment
		*n = *to
	case n.Kind == yaml.ScalarNode:
		n.Value = to.Value
	case n.Kind == yaml.SequenceNode:
		for i := range min(len(n.Content), len(to.Content)) {
			merge(n.Content[i], to.Content[i])
		}
		n.Content = append(n.Content[:min(len(n.Content), len(to.Content))], to.Content[min(len(n.Content), len(to.Content)):]...)
	case n.Kind == yaml.MappingNode:
		mergeKeys(n, to)
	}
}

// mergeKeys sets the keys of a mapping to those of another. It removes keys that only n has, unless
// their value equals that of a missing key.
func mergeKeys(n, to *yaml.Node) {
	at := map[string]*yaml.Node{}
	for i := 0; i < len(to.Content); i += 2 {
		at[to.Content[i].Value] = to.Content[i+1]
	}
	var kept []*yaml.Node
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch next := at[key.Value]; {
		case next != nil:
			merge(value, next)
			delete(at, key.Value)
		case value.Kind == yaml.MappingNode:
			mergeKeys(value, &yaml.Node{})
		case !isZero(value):
			continue
		}
		kept = append(kept, key, value)
	}
	for i := 0; i < len(to.Content); i += 2 {
		if at[to.Content[i].Value] != nil {
			kept = append(kept, to.Content[i], to.Content[i+1])
		}
	}
	n.Content = kept
}

func isZero(n *yaml.Node) bool {
	switch n.Value {
	case "", "0", "false", "null", "~":
		return len(n.Content) == 0
	}
	return false
}

// indentOf returns the indentation of the first nested mapping, in spaces.
func indentOf(n *yaml.Node) int {
	for i := 1; i < len(n.Content); i += 2 {
		if v := n.Content[i]; v.Kind == yaml.MappingNode && v.Style&yaml.FlowStyle == 0 && len(v.Content) > 0 && v.Content[0].Column > 1 {
			return min(v.Content[0].Column-1, 9)
		}
	}
	return 2
}

var comment = regexp.MustCompile(`(?m)(?:^|[ \t])#.*$`)

// comments returns the number of times that each comment occurs in a file.
func comments(b []byte) map[string]int {
	out := map[string]int{}
	for _, c := range comment.FindAll(b, -1) {
		out[string(bytes.TrimSpace(c))]++
	}
	return out
}

// withBlankLines adds the blank lines of old to b, before the same keys and comments.
func withBlankLines(b, old []byte) []byte {
	same := func(line string) string {
		key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		return key
	}
	var before []string // the lines that follow a blank line
	blank := false
	for line := range strings.Lines(string(old)) {
		key := same(line)
		if blank && key != "" {
			before = append(before, key)
		}
		blank = key == ""
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if i := slices.Index(before, same(line)); i >= 0 {
			if !strings.HasSuffix(out.String(), "\n\n") {
				out.WriteString("\n")
			}
			before = before[i+1:]
		}
		out.WriteString(line)
	}
	return []byte(out.String())
}
