package pipeline

import (
	"slices"

	"oscar/dataset"
	"oscar/result"
)

// labels finds the classes of images.
type labels struct {
	classes []string
	split   map[string]label // labels of the run's images, by SHA-256; nil: the model has no run
	several bool             // several labels per image: folders do not name them
}

// label is the class of an image, -1 if unknown, and its part of the run's split. The part is
// [result.NewImage] for an image outside of the split, and "" without a split.
type label struct {
	class int
	part  string
	has   []int // classes of the image, with several labels per image
}

// newLabels reads the split of the model's run, if there is one.
func newLabels(model string, classes []string) labels {
	l := labels{classes: classes}
	r, err := EvaluateOptions{Model: model}.run()
	if err != nil || !slices.Equal(r.Split.Classes, classes) {
		return l
	}
	l.split, l.several = map[string]label{}, r.Split.MultiLabel
	for _, part := range []struct {
		name  string
		items []dataset.Item
	}{{"train", r.Split.Train}, {"validation", r.Split.Validation}, {"test", r.Split.Test}} {
		for _, item := range part.items {
			l.split[item.SHA256] = label{item.Class, part.name, item.Labels}
		}
	}
	return l
}

// of returns the label of an image: the split's if it has the content, else that of the folders
// above the image, see [result.ClassOf].
func (l labels) of(path, sha256 string) label {
	if found, ok := l.split[sha256]; ok {
		return found
	}
	out := label{class: -1}
	if !l.several {
		out.class = result.ClassOf(path, l.classes)
	}
	if l.split != nil {
		out.part = result.NewImage
	}
	return out
}
