package coco

import (
	"errors"
	"fmt"
	"strings"
)

// flaws are several errors of a data set. The message has a line for each of the first ten.
type flaws []error

const maxFlaws = 10

// Flaws returns nil for no errors, a single error unchanged, and several errors as one that lists
// them.
func Flaws(list []error) error {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return flaws(list)
}

func (f flaws) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d errors:", len(f))
	for _, err := range f[:min(len(f), maxFlaws)] {
		fmt.Fprintf(&b, "\n  %v", err)
	}
	if more := len(f) - maxFlaws; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

func (f flaws) Unwrap() []error { return f }

// Each returns the errors in err.
func Each(err error) []error {
	if several, ok := errors.AsType[flaws](err); ok {
		return several
	}
	return []error{err}
}

// FlawsAt returns the errors in err, each prefixed with the place.
func FlawsAt(place string, err error) (list []error) {
	for _, one := range Each(err) {
		list = append(list, fmt.Errorf("%s: %w", place, one))
	}
	return list
}
