package study

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// ReadFile reads a study from a YAML (or JSON) file. Keys left out are those of
// [DefaultStudy]; unknown ones are errors that name the nearest.
func ReadFile(path string) (Study, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Study{}, err
	}
	s, err := Read(b)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Read reads a study from YAML and checks it.
func Read(b []byte) (Study, error) {
	s := DefaultStudy()
	if err := strict(b, &s, "name: mine"); err != nil {
		return s, err
	}
	return s, s.Check()
}

// Addition is a variant that is put into a study, with claims about it.
type Addition struct {
	Variant `yaml:",inline"`
	// Claims are about this variant unless they name another.
	Claims []Claim `json:"claims,omitempty" yaml:"claims,omitempty"`
}

// ReadAddition reads one variant from a YAML file.
func ReadAddition(path string) (Addition, error) {
	var a Addition
	b, err := os.ReadFile(path)
	if err != nil {
		return a, err
	}
	if err := strict(b, &a, "name: no-relu"); err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	for i := range a.Claims {
		a.Claims[i].Variant = cmp.Or(a.Claims[i].Variant, a.Name)
	}
	return a, nil
}

// strict lays YAML over v and refuses keys that v has not.
func strict(b []byte, v any, example string) error {
	var tree any
	if err := yaml.Unmarshal(b, &tree); err != nil {
		return err
	}
	if tree == nil {
		return fmt.Errorf("the file is empty; want keys such as %s", example)
	}
	oneInsert(tree)
	if err := checkKeys(tree, reflect.TypeOf(v).Elem(), ""); err != nil {
		return err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		want := map[reflect.Kind]string{
			reflect.Int: "a whole number", reflect.Uint64: "a whole number from 0", reflect.Float64: "a number",
			reflect.String: "text", reflect.Slice: "a list", reflect.Map: "keys with values",
		}[wrong.Type.Kind()]
		return fmt.Errorf("%s is a %s, want %s", wrong.Field, wrong.Value, cmp.Or(want, wrong.Type.String()))
	}
	return err
}

// oneInsert makes a list of an insert that stands alone.
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

// YAML writes the study as a file that [Read] reads.
func (s Study) YAML() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
