package study

import "oscar/internal/named"

// builtins is the one table of studies that come with oscar.
var builtins = []struct {
	name string
	new  func() Study
}{
	{"deck", deck},
	{"hgs", hgs},
}

// Builtins lists the names of the studies that come with oscar.
func Builtins() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.name
	}
	return names
}

// Builtin returns a study that comes with oscar.
func Builtin(name string) (Study, error) {
	for _, b := range builtins {
		if b.name == name {
			return b.new(), nil
		}
	}
	return Study{}, named.Unknown("study", name, Builtins())
}

// keys are those of an experiment, or of a part of one.
type keys = map[string]any

// dropouts puts dropout 0.5 before fc1 and fc2.
func dropouts() []Insert {
	return []Insert{
		{Before: "fc1", Layers: []Layer{{"name": "dropout1", "kind": "dropout", "rate": 0.5}}},
		{Before: "fc2", Layers: []Layer{{"name": "dropout2", "kind": "dropout", "rate": 0.5}}},
	}
}
