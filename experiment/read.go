package experiment

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"oscar/internal/keyed"
)

// ReadYAML sets the keys of a YAML (or JSON) text in e; other keys keep their
// values. Unknown keys are errors.
func (e *Experiment) ReadYAML(b []byte) error {
	tree, err := keyed.Parse(b, "training: {epochs: 40}")
	if err != nil {
		return err
	}
	return e.overlay(tree)
}

// Set sets one key of e, written as training.epochs=40. The value is YAML.
func (e *Experiment) Set(setting string) error {
	path, text, ok := strings.Cut(setting, "=")
	if !ok || strings.TrimSpace(text) == "" {
		return fmt.Errorf("%q has no value, want KEY=VALUE as in training.epochs=40", setting)
	}
	var tree any
	err := keyed.Unmarshal([]byte(text), &tree)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if tree, err = keyed.Setting(path, tree, reflect.TypeFor[Experiment]()); err != nil {
		return err
	}
	return e.overlay(tree)
}

// ReadJSON reads experiment.json. Unknown keys are errors.
func (e *Experiment) ReadJSON(b []byte) error { return keyed.Decode(b, e) }

// overlay sets the keys of a tree in e. On an error e is unchanged.
func (e *Experiment) overlay(tree any) error {
	if m, ok := tree.(map[string]any); ok {
		if name, ok := m["architecture"].(string); ok {
			m["architecture"] = map[string]any{"name": name, "input": nil, "layers": nil}
		}
	}
	if err := keyed.Check(tree, reflect.TypeFor[Experiment]()); err != nil {
		return err
	}
	base, err := keyed.Tree(e)
	if err != nil {
		return err
	}
	replaceOptimizer(base, tree)
	text, err := json.Marshal(keyed.Merge(base, tree))
	if err != nil {
		return err
	}
	var merged Experiment
	if err := merged.ReadJSON(text); err != nil {
		return err
	}
	*e = merged
	return nil
}
