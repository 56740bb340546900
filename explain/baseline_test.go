package explain_test

import (
	"slices"
	"strings"
	"testing"

	"oscar/explain"
)

func TestBaselines(t *testing.T) {
	image := explain.Images{N: 1, Height: 1, Width: 2, Channels: 3, Pixels: []float32{1, 2, 3, 5, 10, 255}}
	for name, test := range map[string]struct {
		fill explain.Baseline
		want []float32
	}{
		"black":   {explain.Black, []float32{0, 0, 0, 0, 0, 0}},
		"gray":    {explain.Gray, []float32{127.5, 127.5, 127.5, 127.5, 127.5, 127.5}},
		"mean":    {explain.Mean, []float32{3, 6, 129, 3, 6, 129}},
		"color":   {explain.Picture(7, 8, 9), []float32{7, 8, 9, 7, 8, 9}},
		"picture": {explain.Picture(1, 2, 3, 4, 5, 6), []float32{1, 2, 3, 4, 5, 6}},
	} {
		got := []float32{-1, -1, -1, -1, -1, -1}
		test.fill(got, image)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if parsed, err := explain.ParseBaseline(name); name != "color" && name != "picture" {
			clear(got)
			if err == nil {
				parsed(got, image)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("ParseBaseline(%q): %v, %v, want %v", name, got, err, test.want)
			}
		}
	}
	if _, err := explain.ParseBaseline("white"); err == nil || !strings.Contains(err.Error(), `no baseline "white"; have black, gray, mean`) {
		t.Errorf("an unknown baseline: %v", err)
	}
}
