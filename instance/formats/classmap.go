package formats

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"oscar/instance/coco"
	"oscar/internal/paths"
)

// nothing is the class name that leaves out objects in TACO's class maps. An empty name does the
// same.
const nothing = "Background"

// readClassMap reads a CSV file without a header. A line has a class of the source and its new
// class.
func readClassMap(path string) (map[string]string, error) {
	b, err := paths.ReadFile(path, paths.Settings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no class map %s: want a CSV file with a line for each class, such as cup,mug", path)
	} else if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = 2, '#', true
	become := map[string]string{}
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return become, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: want two fields in each line, a class and its new class: %w", path, err)
		}
		if _, twice := become[line[0]]; twice {
			at, _ := r.FieldPos(0)
			return nil, fmt.Errorf("%s: line %d: the class %q is there twice", path, at, line[0])
		}
		become[line[0]] = line[1]
	}
}

// mapClasses gives the source the new classes of a class map, sorted.
func (s *source) mapClasses(path string) error {
	become, err := readClassMap(path)
	if err != nil {
		return err
	}
	var classes []string
	var wrong []error
	for _, name := range s.classes {
		to, ok := become[name]
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s has no line for the class %q; one with an empty second field would leave its objects out", path, name))
		}
		if to != "" && to != nothing {
			classes = append(classes, to)
		}
	}
	if len(wrong) > 0 {
		return coco.Flaws(wrong)
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) == 0 {
		return fmt.Errorf("%s leaves out every class", path)
	}
	for _, name := range s.classes {
		s.become = append(s.become, slices.Index(classes, become[name])) // -1: left out
	}
	s.classes = classes
	return nil
}
