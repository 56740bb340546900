package savedmodel

import "testing"

func TestUnnamedClasses(t *testing.T) {
	for want, lists := range map[bool][][]string{true: {{"0", "1"}, {"0", "1", "2"}}, false: {{"1", "0"}, {"can", "box"}, {"0", "box"}}} {
		for _, classes := range lists {
			if got := (&Metadata{Classes: classes, Origin: &Origin{}}).Unnamed(); got != want {
				t.Errorf("%q: %v, want %v", classes, got, want)
			}
			if got := (&Metadata{Classes: classes, WeightsSHA256: "1"}).Unnamed(); got != want {
				t.Errorf("%q of weights: %v, want %v", classes, got, want)
			}
			// Classes of a run are those of its data, such as digits.
			for _, of := range []*Origin{nil, {}} {
				if (&Metadata{Classes: classes, SplitHash: "1", Origin: of}).Unnamed() {
					t.Errorf("%q of a run", classes)
				}
			}
		}
	}
}
