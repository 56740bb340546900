package gradcam_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
)

// forEachMethod runs a test on every line of the table.
func forEachMethod(t *testing.T, test func(t *testing.T, method gradcam.Method)) {
	if len(gradcam.Methods) == 0 {
		t.Fatal("the table of methods is empty")
	}
	for _, entry := range gradcam.Methods {
		t.Run(entry.Name, func(t *testing.T) { test(t, entry.Method) })
	}
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, entry := range gradcam.Methods {
		if entry.Name == "" || entry.Method == nil || entry.Paper == "" {
			t.Errorf("entry %q lacks a name, a method or a paper", entry.Name)
		}
		if seen[entry.Name] {
			t.Errorf("two methods are called %q", entry.Name)
		}
		seen[entry.Name] = true
		if found, err := gradcam.Lookup(entry.Name); err != nil || found.Paper != entry.Paper {
			t.Errorf("Lookup(%q) = %v, %v", entry.Name, found, err)
		}
	}
	if _, err := gradcam.Lookup("gradcan"); err == nil || !strings.Contains(err.Error(), `no CAM method "gradcan"; have gradcam`) {
		t.Errorf("Lookup of an unknown name: %v", err)
	}
}

func TestInputsUntouched(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method gradcam.Method) {
		r := rand.New(rand.NewPCG(1, 2))
		a, g := noise(r, 4, 5, 6), noise(r, 4, 5, 6)
		beforeA, beforeG := slices.Clone(a.Values), slices.Clone(g.Values)
		first := method(a, g)
		if !slices.Equal(a.Values, beforeA) || !slices.Equal(g.Values, beforeG) {
			t.Error("the method changed its input")
		}
		if again := method(a, g); !slices.Equal(first.Values, again.Values) {
			t.Error("the same input gave another map")
		}
	})
}

func TestOtherGradientsOtherMap(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method gradcam.Method) {
		r := rand.New(rand.NewPCG(1, 2))
		a, g, other := noise(r, 4, 5, 6), noise(r, 4, 5, 6), noise(r, 4, 5, 6)
		if slices.Equal(method(a, g).Values, method(a, other).Values) {
			t.Error("gradients of another class gave the same map")
		}
	})
}

// malformed are pairs that do not fit.
var malformed = map[string][2]explain.Volume{
	"other height":    {volume(2, 3, 4), volume(3, 3, 4)},
	"other width":     {volume(2, 3, 4), volume(2, 1, 4)},
	"other channels":  {volume(2, 3, 4), volume(2, 3, 5)},
	"height<->width":  {volume(2, 3, 4), volume(3, 2, 4)},
	"nothing":         {{}, {}},
	"negative":        {{Height: -1, Width: -1, Channels: 1, Values: []float32{1}}, {Height: -1, Width: -1, Channels: 1, Values: []float32{1}}},
	"too few values":  {{Height: 2, Width: 2, Channels: 1, Values: make([]float32, 3)}, volume(2, 2, 1)},
	"too many values": {volume(2, 2, 1), {Height: 2, Width: 2, Channels: 1, Values: make([]float32, 5)}},
}

func volume(height, width, channels int) explain.Volume {
	return explain.Volume{Height: height, Width: width, Channels: channels, Values: make([]float32, height*width*channels)}
}

func TestMalformedGivesNoMap(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method gradcam.Method) {
		for name, pair := range malformed {
			if got := method(pair[0], pair[1]); len(got.Values) != 0 {
				t.Errorf("%s: a map of %d values, want none", name, len(got.Values))
			}
		}
	})
}
