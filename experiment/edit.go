package experiment

import (
	"encoding/json"
	"maps"
	"slices"

	"oscar/internal/keyed"
)

// Edit is a key whose value changed.
type Edit struct {
	Key     string // such as training.epochs
	Was, Is string // JSON; "" if the key is missing
	// Allowed reports whether a started run may continue with the new value.
	Allowed bool
}

// allowed are the keys that may change during a run, because finished steps do not depend on them.
var allowed = []string{
	"explain", "fine_tune.from", "data.root", "data.max_pixels", "data.max_bytes", "data.strict", "training.epochs",
	"training.early_stopping.monitor", "training.early_stopping.patience", "training.early_stopping.min_delta", "training.early_stopping",
}

// Edits returns the keys whose values differ from before's, sorted.
func (e *Experiment) Edits(before *Experiment) ([]Edit, error) {
	was, err := before.leaves()
	if err != nil {
		return nil, err
	}
	is, err := e.leaves()
	if err != nil {
		return nil, err
	}
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	var edits []Edit
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if was[key] != is[key] {
			edits = append(edits, Edit{key, was[key], is[key], slices.Contains(allowed, key)})
		}
	}
	return edits, nil
}

// leaves returns the JSON of every value that is not an object, by key. The entries of a list of
// layers have their names as keys. Other lists are one value.
func (e *Experiment) leaves() (map[string]string, error) {
	tree, err := keyed.Tree(e)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	return out, addLeaves(out, "", tree)
}

func addLeaves(out map[string]string, path string, tree any) error {
	if m, ok := tree.(map[string]any); ok {
		for key, v := range m {
			if err := addLeaves(out, path+"."+key, v); err != nil {
				return err
			}
		}
		return nil
	}
	if list, ok := tree.([]any); ok {
		if names := namesOf(list); names != nil {
			for i, v := range list {
				if err := addLeaves(out, path+"."+names[i], v); err != nil {
					return err
				}
			}
			tree = names
		}
	}
	text, err := json.Marshal(tree)
	out[path[1:]] = string(text)
	return err
}

// namesOf returns the names of a list's entries, or nil if one has no name.
func namesOf(list []any) (names []string) {
	for _, v := range list {
		m, _ := v.(map[string]any)
		name, ok := m["name"].(string)
		if !ok {
			return nil
		}
		names = append(names, name)
	}
	return names
}
