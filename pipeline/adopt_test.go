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
		return ScaleTrial{Scale: scale, Accuracy: float64(right) / float64(images), Images: images, low: low, high: high}
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
		"the model's own": {"", trial(ownScale, 40, 100), right, "", "the model's own input scale gives an accuracy of 0.4000", 0},
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

// Accuracy that other names of the outputs would make clearly better is their order's
// fault, not the input scale's.
func TestChooseScaleOfClassesInAnotherOrder(t *testing.T) {
	trial := func(scale string, counts ...[]int) ScaleTrial {
		c := &metric.Confusion{Classes: []string{"box", "can", "cup"}[:len(counts)], Counts: counts}
		low, high := metric.Wilson95(c.Correct(), c.Total())
		return ScaleTrial{Scale: scale, Accuracy: c.Accuracy(), Images: c.Total(), low: low, high: high, reordered: newReordered(c)}
	}
	swapped := trial(ownScale, []int{10, 50}, []int{51, 9})
	halves := trial("caffe", []int{60, 0}, []int{59, 1})
	turned := trial("0..1", []int{1, 30, 2}, []int{2, 1, 27}, []int{28, 0, 3})
	two := trial("0..1", []int{30, 0, 0}, []int{0, 5, 25}, []int{0, 25, 5})
	good := trial("-1..1", []int{30, 1, 0}, []int{1, 29, 0}, []int{0, 0, 30})
	for name, c := range map[string]struct {
		first, other ScaleTrial
		known        bool
		want         string // an error, or a note
		refused      bool
	}{
		"two swapped classes":    {swapped, halves, true, "the model's own input scale gives an accuracy of 0.1583 on photos, and 0.8417 if the classes are in the order can,box; give --classes in this order", true},
		"no scale is known":      {swapped, halves, false, "in the order can,box", true},
		"three classes":          {turned, trial("caffe", []int{30, 0, 0}, []int{30, 0, 0}, []int{30, 0, 0}), true, "if the classes are in the order cup,box,can", true},
		"one is right":           {two, trial("caffe", []int{30, 0, 0}, []int{30, 0, 0}, []int{30, 0, 0}), true, "if the classes are in the order box,cup,can", false},
		"another scale is right": {turned, good, true, "and -1..1 gives 0.9780; if that is right", true},
		"all at chance":          {trial("0..1", []int{30, 30}, []int{31, 29}), halves, true, "is not above chance, and no other input scale is clearly better", false},
		"one name for two":       {trial("0..1", []int{30, 30}, []int{31, 31}), halves, true, "is not above chance, and no other input scale is clearly better", false},
	} {
		t.Run(name, func(t *testing.T) {
			result := &Adopted{Trials: []ScaleTrial{c.first, c.other}}
			classes := 2
			if c.first.Images < 100 {
				classes = 3
			}
			_, err := AdoptOptions{Images: "photos"}.chooseScale(result, c.first, c.known, "0..1", classes)
			got := strings.Join(result.Notes, "\n")
			if err != nil {
				got = err.Error()
			}
			if c.refused != (err != nil) || !strings.Contains(got, c.want) {
				t.Errorf("refused %v: %s", err != nil, got)
			}
		})
	}
}
