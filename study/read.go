package study

import (
	"bytes"
	"cmp"
	"fmt"

	"go.yaml.in/yaml/v3"

	"oscar/internal/keyed"
	"oscar/internal/paths"
)

// ReadFile reads a study from a YAML or JSON file. Missing keys have the values of [defaultStudy].
// An unknown key is an error that suggests the nearest one.
func ReadFile(path string) (Study, error) {
	b, err := paths.ReadFile(path, paths.Settings)
	if err != nil {
		return Study{}, err
	}
	s, err := parse(b)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// parse reads a study from YAML and checks it.
func parse(b []byte) (Study, error) {
	s := defaultStudy()
	if err := strict(b, &s, "name: mine"); err != nil {
		return s, err
	}
	return s, s.Check()
}

// Addition is a variant to add to a study, with claims about it.
type Addition struct {
	Variant `yaml:",inline"`
	// Claims are about this variant unless they name another.
	Claims []Claim `json:"claims,omitempty" yaml:"claims,omitempty"`

	path string `json:"-"` // of its file, for errors; may be ""
}

// ReadAddition reads one variant from a YAML file.
func ReadAddition(path string) (Addition, error) {
	var a Addition
	b, err := paths.ReadFile(path, paths.Settings)
	if err != nil {
		return a, err
	}
	if err := strict(b, &a, "name: no-relu"); err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	a.path = path
	for i := range a.Claims {
		a.Claims[i].Variant = cmp.Or(a.Claims[i].Variant, a.Name)
	}
	return a, nil
}

// strict reads YAML into v. Unknown keys are errors.
func strict(b []byte, v any, example string) error {
	tree, err := keyed.Parse(b, example)
	if err != nil {
		return err
	}
	oneInsert(tree)
	return keyed.Read(tree, v)
}

// oneInsert replaces a single insert in a tree by a list.
func oneInsert(tree any) {
	keys, ok := tree.(map[string]any)
	if !ok {
		return
	}
	if in, ok := keys["insert"].(map[string]any); ok {
		keys["insert"] = []any{in}
	}
	variants, _ := keys["variants"].([]any)
	for _, v := range variants {
		oneInsert(v)
	}
}

// yaml returns the study as a text for [ReadFile].
func (s Study) yaml() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
