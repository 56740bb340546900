package pipeline

import (
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/result"
)

// origin says what is known of an image beside its pixels.
type origin struct{ truth, part string }

// origins knows the images of a model's split by their content.
type origins struct {
	classes []string
	known   map[string]origin // nil: the model's run is not there
}

// newOrigins reads the split of a model's run, if there is one.
func newOrigins(model string, classes []string) origins {
	o := origins{classes: classes}
	r, err := EvaluateOptions{Model: model}.run()
	if err != nil {
		return o
	}
	o.known = map[string]origin{}
	for _, part := range []struct {
		name  string
		items []dataset.Item
	}{{"train", r.Split.Train}, {"validation", r.Split.Validation}, {"test", r.Split.Test}} {
		for _, item := range part.items {
			o.known[item.SHA256] = origin{r.Split.Classes[item.Class], part.name}
		}
	}
	return o
}

// of returns the origin of an image: its class in the split, else its folder's
// name, if that is a class.
func (o origins) of(path, sha256 string) origin {
	if known, ok := o.known[sha256]; ok {
		return known
	}
	out := origin{}
	if o.known != nil {
		out.part = result.NewImage
	}
	if folder := filepath.Base(filepath.Dir(path)); slices.Contains(o.classes, folder) {
		out.truth = folder
	}
	return out
}
