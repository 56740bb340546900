package result

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Read reads the study.json of a study's folder.
func Read(dir string) (*Study, error) {
	path := filepath.Join(dir, File)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s Study
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.Format != 1 {
		return nil, fmt.Errorf("%s: format is %d, this oscar reads 1", path, s.Format)
	}
	return &s, nil
}

// Variant finds a row by its name; nil if there is none.
func (s *Study) Variant(name string) *Variant {
	for i := range s.Variants {
		if s.Variants[i].Name == name {
			return &s.Variants[i]
		}
	}
	return nil
}

// Measure finds a column by its name; nil if there is none.
func (s *Study) Measure(name string) *Measure {
	for i := range s.Measures {
		if s.Measures[i].Name == name {
			return &s.Measures[i]
		}
	}
	return nil
}
