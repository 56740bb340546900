package result

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
)

// readJSON reads a file of results of format 1. format points to its field in into.
func readJSON(dir, name string, into any, format *int) error {
	path := filepath.Join(dir, name)
	b, err := checksum.ReadFile(dir, name)
	if err != nil {
		return err
	}
	if err := jsonerror.Plain(json.Unmarshal(b, into)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if *format != 1 {
		return fmt.Errorf("%s: format is %d, this oscar reads 1", path, *format)
	}
	return nil
}

// Read reads the result of a study's folder.
func Read(dir string) (*Study, error) {
	s := &Study{}
	if err := readJSON(dir, File, s, &s.Format); err != nil {
		return nil, err
	}
	return s, nil
}

// Variant returns the variant of a name, or nil.
func (s *Study) Variant(name string) *Variant {
	for i := range s.Variants {
		if s.Variants[i].Name == name {
			return &s.Variants[i]
		}
	}
	return nil
}

// Measure returns the measure of a name, or nil.
func (s *Study) Measure(name string) *Measure {
	for i := range s.Measures {
		if s.Measures[i].Name == name {
			return &s.Measures[i]
		}
	}
	return nil
}
