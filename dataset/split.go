package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// A Split divides the images of a Folder into three parts. It is a value to be
// kept beside what was trained on it: it names every file by path and content,
// and Hash changes with any of it.
type Split struct {
	Seed       uint64     `json:"seed"`
	Fractions  [3]float64 `json:"fractions"` // of train, validation, test; they sum to 1
	Classes    []string   `json:"classes"`
	Train      []Item     `json:"train"` // the parts are sorted by path
	Validation []Item     `json:"validation"`
	Test       []Item     `json:"test"`
	Unreadable []Problem  `json:"unreadable"`
	Notes      []string   `json:"notes"`
	Grouping   *Grouping  `json:"grouping,omitempty"` // images that were kept in one part
	Source     *Source    `json:"source,omitempty"`   // nil: class folders, divided by the shares
	Fold       *Fold      `json:"fold,omitempty"`     // the test part is a fold; nil: it is none
	// Hash is the SHA-256 of the JSON of all the other fields, in hex.
	Hash string `json:"hash"`
}

// PartNames are the names Part knows.
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

// Write writes the split as JSON. The file appears whole or not at all.
func (s *Split) Write(path string) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(s)
	if err == nil {
		err = atomicfile.Write(path, data.Bytes())
	}
	if err != nil {
		return fmt.Errorf("cannot write split: %w", err)
	}
	return nil
}

// ReadSplit reads a split that Write wrote. A file with unknown keys, or one
// that was edited since (its hash tells), is refused.
func ReadSplit(path string) (*Split, error) {
	data, err := paths.ReadFile(path, paths.Record)
	if err != nil {
		return nil, fmt.Errorf("cannot read split: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	s := new(Split)
	if err := decoder.Decode(s); err != nil {
		return nil, fmt.Errorf("split %q is not valid: %w", path, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("split %q is not valid: something follows its end", path)
	}
	hash, err := s.computeHash()
	if err != nil {
		return nil, fmt.Errorf("split %q is not valid: %w", path, err)
	}
	if hash != s.Hash {
		return nil, fmt.Errorf("split %q was edited: its content hashes to %.12s, it says %.12s; make a new split instead", path, hash, s.Hash)
	}
	for _, item := range slices.Concat(s.Train, s.Validation, s.Test) {
		if err := paths.CheckLocal(item.Path); err != nil {
			return nil, fmt.Errorf("split %q is not valid: %w", path, err)
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
	data, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
