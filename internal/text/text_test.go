package text

import "testing"

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 file": Count(1, "file"), "0 files": Count(0, "file"), "1 class": Count(1, "class"), "2 classes": Count(2, "class"),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
