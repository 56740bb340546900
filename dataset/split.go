package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"os"
	"slices"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// A Split divides the images of a Folder into three parts. It is saved with the model trained on it.
// It has the path and hash of every file. Hash changes if anything else in it changes.
type Split struct {
	Seed       uint64     `json:"seed"`
	Fractions  [3]float64 `json:"fractions"` // of train, validation, test; they sum to 1
	Classes    []string   `json:"classes"`
	Train      []Item     `json:"train"` // the parts are sorted by path
	Validation []Item     `json:"validation"`
	Test       []Item     `json:"test"`
	Unreadable []Problem  `json:"unreadable"`
	Notes      []string   `json:"notes"`
	Grouping   *Grouping  `json:"grouping,omitempty"` // groups of images kept in one part
	Source     *Source    `json:"source,omitempty"`   // nil: class folders, divided by Fractions
	Fold       *Fold      `json:"fold,omitempty"`     // if the test part is a fold of a cross-validation; nil: none
	// MultiLabel is set if an image may have any number of classes: see Item.Labels.
	MultiLabel bool `json:"multi_label,omitempty"`
	// Hash is the SHA-256 of the JSON of all the other fields, in hex.
	Hash string `json:"hash"`
}

// PartNames are the names for Part.
var PartNames = []string{"train", "validation", "test", "all"}

// Part returns the items of a part by its name; "all" is all three, in order.
func (s *Split) Part(name string) ([]Item, error) {
	switch name {
	case "train":
		return s.Train, nil
	case "validation":
		return s.Validation, nil
	case "test":
		return s.Test, nil
	case "all":
		return slices.Concat(s.Train, s.Validation, s.Test), nil
	}
	return nil, fmt.Errorf("no part %q; have train, validation, test, all", name)
}

// PartOf returns the name of the part of each image, by the image's SHA-256.
func (s *Split) PartOf() map[string]string {
	parts := map[string]string{}
	for i, items := range [][]Item{s.Train, s.Validation, s.Test} {
		for _, item := range items {
			parts[item.SHA256] = PartNames[i]
		}
	}
	return parts
}

// items yields the items of all parts, in order.
func (s *Split) items() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, part := range [][]Item{s.Train, s.Validation, s.Test} {
			for _, item := range part {
				if !yield(item) {
					return
				}
			}
		}
	}
}

// Write writes the split as JSON. The write is atomic.
func (s *Split) Write(path string) error {
	err := atomicfile.Stream(path, func(f *os.File) error { return s.writeJSON(f, true) })
	if err != nil {
		return fmt.Errorf("cannot write split: %w", err)
	}
	return nil
}

// ReadSplit reads a split written by Write. A file with unknown keys or a wrong hash is an
// error.
func ReadSplit(path string) (*Split, error) {
	f, err := paths.OpenUpTo(path, paths.Record)
	if err != nil {
		return nil, fmt.Errorf("cannot read split: %w", err)
	}
	defer f.Close()
	s := new(Split)
	if err := s.readJSON(f); err != nil {
		return nil, fmt.Errorf("split %q is not valid: %w", path, err)
	}
	hash, err := s.computeHash()
	if err != nil {
		return nil, fmt.Errorf("split %q is not valid: %w", path, err)
	}
	if hash != s.Hash {
		return nil, fmt.Errorf("split %q was edited: its content hashes to %.12s, it says %.12s; make a new split instead", path, hash, s.Hash)
	}
	for item := range s.items() {
		if err := paths.CheckLocal(item.Path); err != nil {
			return nil, fmt.Errorf("split %q is not valid: %w", path, err)
		}
		if s.MultiLabel {
			for _, class := range item.Labels {
				if class < 0 || class >= len(s.Classes) {
					return nil, fmt.Errorf("split %q is not valid: class %d of %q is not one of %d classes", path, class, item.Path, len(s.Classes))
				}
			}
			continue
		}
		if item.Class < 0 || item.Class >= len(s.Classes) {
			return nil, fmt.Errorf("split %q is not valid: class %d of %q is not one of %d classes", path, item.Class, item.Path, len(s.Classes))
		}
	}
	return s, nil
}

// computeHash hashes the canonical JSON of all but Hash.
func (s *Split) computeHash() (string, error) {
	content := *s
	content.Hash = ""
	h := sha256.New()
	if err := content.writeJSON(h, false); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
