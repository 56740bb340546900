package savedmodel

import "testing"

func TestUnnamedClasses(t *testing.T) {
	for want, lists := range map[bool][][]string{true: {{"0", "1"}, {"0", "1", "2"}}, false: {{"1", "0"}, {"can", "box"}, {"0", "box"}}} {
		for _, classes := range lists {
			if got := (&Metadata{Classes: classes}).Unnamed(); got != want {
				t.Errorf("%q: %v, want %v", classes, got, want)
			}
		}
	}
}
