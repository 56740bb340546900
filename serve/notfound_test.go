package serve

import (
	"errors"
	"fmt"
	"testing"
)

// An error of something unknown has a text of its own, and no ": not found" after it.
func TestNotFound(t *testing.T) {
	r := &registry{}
	for name, want := range map[string]string{"": "the address names no model; want /v1/models/NAME, have ", "x": `no model "x"; have `} {
		_, err := r.lookup(name)
		if err == nil || err.Error() != want || !errors.Is(fmt.Errorf("%w", err), errNotFound) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}
