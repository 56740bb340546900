package pipeline

import (
	"strings"
	"testing"

	"oscar/metric"
)

// A wrong input scale is refused if another is clearly better, also if it is above chance.
func TestChooseScale(t *testing.T) {
	trial := func(scale string, right, images int) ScaleTrial {
		low, high := metric.Wilson95(right, images)
		return ScaleTrial{scale, float64(right) / float64(images), images, low, high}
	}
	right := trial("-1..1", 95, 100)
	for name, c := range map[string]struct {
		given        string
		first, other ScaleTrial
		want, err    string
		notes        int
	}{
		"at chance":       {"0..255", trial("0..255", 15, 100), right, "", "0.1500 on photos, which is not above chance, and -1..1 gives 0.9500; if that is right, give --input-scale=-1..1", 0},
		"above chance":    {"0..255", trial("0..255", 60, 100), right, "", "0.6000 on photos, and -1..1 gives 0.9500; if that is right, give --input-scale=-1..1", 0},
		"nearly as good":  {"0..1", trial("0..1", 88, 100), right, "0..1", "", 0},
		"a hard data set": {"0..1", trial("0..1", 40, 100), trial("-1..1", 20, 100), "0..1", "", 0},
		"none is good":    {"0..1", trial("0..1", 17, 100), trial("-1..1", 16, 100), "0..1", "", 1},
		"the model's own": {"", trial(ownScale, 40, 100), right, "", "the input scale its own gives an accuracy of 0.4000", 0},
		"few images":      {"0..255", trial("0..255", 3, 9), trial("-1..1", 9, 9), "", "which is not above chance", 0},
		"too few to say":  {"0..255", trial("0..255", 3, 9), trial("-1..1", 6, 9), "0..255", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			result := &Adopted{Trials: []ScaleTrial{c.first, c.other}}
			got, err := AdoptOptions{Images: "photos"}.chooseScale(result, c.first, true, c.given, 6)
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("%v, want %q", err, c.err)
			case c.err == "" && (err != nil || got != c.want || len(result.Notes) != c.notes):
				t.Errorf("%q, %v, notes %q; want %q and %d notes", got, err, result.Notes, c.want, c.notes)
			}
		})
	}
}
