package tfmodel

import (
	"fmt"
	"slices"
	"testing"
)

// Stages have about as many layers each, the last layers first, and every variable once.
func TestAdoptedStages(t *testing.T) {
	var variables []string
	for i := range 20 {
		variables = append(variables, fmt.Sprintf("block/conv%d/kernel", i), fmt.Sprintf("block/conv%d/bias", i))
	}
	stages := adoptedStages(variables, 16)
	var all []string
	for i, s := range stages {
		if n := len(s.variables); n != 2 && n != 4 {
			t.Errorf("stage %d has %d variables", i, n)
		}
		all = append(all, s.variables...)
	}
	if len(stages) != 16 || stages[0].name != "block/conv19" || !slices.Contains(stages[15].variables, "block/conv0/kernel") {
		t.Errorf("%d stages %+v", len(stages), stages)
	}
	slices.Sort(all)
	slices.Sort(variables)
	if !slices.Equal(all, variables) {
		t.Errorf("variables %q", all)
	}
	if few := adoptedStages([]string{"w", "a/b", "a/c"}, 16); len(few) != 2 || few[0].name != "a" || few[1].name != "w" {
		t.Errorf("of two layers: %+v", few)
	}
}
