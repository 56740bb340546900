package methods

import (
	"slices"
	"testing"

	"oscar/explain"
	"oscar/tfmodel"
)

// Each line has what a method needs, and each signature is a method's.
func TestTable(t *testing.T) {
	names := Names()
	for i, m := range Table {
		if m.Name == "" || m.Paper == "" || m.At == "" || m.Needs == 0 || m.New == nil || slices.Index(names, m.Name) != i {
			t.Errorf("an incomplete line, or a name twice: %+v", m.Method)
		}
		if (m.Score == "") != m.ClassAgnostic {
			t.Errorf("%s: score %q, but class agnostic is %v", m.Name, m.Score, m.ClassAgnostic)
		}
		if found, err := Lookup(m.Name); err != nil || found.Name != m.Name {
			t.Errorf("Lookup(%q) = %q, %v", m.Name, found.Name, err)
		}
	}
	for _, s := range tfmodel.Explanations {
		if m, err := Lookup(s.Name); err != nil || m.Signature == nil {
			t.Errorf("the signature %s is of no method: %v", s.Name, err)
		}
	}
}

// A method has samples exactly if their number changes its passes.
func TestSamplesChangePasses(t *testing.T) {
	images := explain.Images{N: 2, Height: 32, Width: 32, Channels: 3}
	for _, m := range Table {
		if m.At == explain.AtLayer || m.Needs&(explain.Propagates|explain.Guides) != 0 {
			continue // they need a SavedModel
		}
		passes := func(samples int) int {
			e, err := m.New(Model{}, Options{Options: explain.Options{Samples: samples}})
			if err != nil {
				t.Fatal(err)
			}
			return e.(explain.PassCounter).Passes(images)
		}
		if changed := passes(7) != passes(9); changed != m.Samples {
			t.Errorf("%s: other samples change the passes: %v, want %v", m.Name, changed, m.Samples)
		}
	}
}
