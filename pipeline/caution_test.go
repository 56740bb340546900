package pipeline

import (
	"image"
	"path/filepath"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/testkit"
)

func TestCaution(t *testing.T) {
	for _, c := range []struct {
		facts map[string]float64
		want  string // part of it; "" for none
	}{
		{nil, ""},
		{map[string]float64{"superpixels": 50, "samples": 51}, ""},
		{map[string]float64{"superpixels": 50, "samples": 50}, "50 samples cannot tell 50 superpixels apart; want at least 51,"},
		{map[string]float64{"baseline_score": 1, "gap": -0.79}, ""},
		{map[string]float64{"baseline_score": 1, "gap": -0.81}, "the map's sum misses the score's difference, 8, by 0.81;"},
		{map[string]float64{"baseline_score": 9, "gap": 0}, ""}, // the baseline itself
		{map[string]float64{"sigma": 3}, ""},
	} {
		a := explain.Attribution{Status: explain.OK, Score: 9, Facts: c.facts}
		if got := caution(a); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%v: %q, want %q", c.facts, got, c.want)
		}
		a.Status = explain.Empty
		if got := caution(a); got != "" {
			t.Errorf("%v of an empty map: %q", c.facts, got)
		}
	}
}

// Next to nothing of the score reaches a black image: its relevance, of some
// millionths, is not drawn in full color.
func TestFaintMapsAreNotDrawn(t *testing.T) {
	dir := photos(t, 1)
	black := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for i := 3; i < len(black.Pix); i += 4 {
		black.Pix[i] = 255
	}
	testkit.WritePNG(t, filepath.Join(dir, "black.png"), black)
	for _, scale := range []string{ScaleOwn, ScaleShared} {
		s := settings()
		s.Method, s.Scale = "lrp", scale
		sum, rows := explained(t, ExplainOptions{Paths: []string{dir}, Settings: s})
		if sum.Statuses["faint"] != 1 || sum.Statuses["ok"] != 1 {
			t.Errorf("%s: statuses %v, want one faint and one ok", scale, sum.Statuses)
		}
		for _, r := range rows {
			if faint := filepath.Base(r.Image) == "black.png"; (r.Status == "faint") != faint || (r.Scale == nil) != faint || (r.Reason != "") != faint {
				t.Errorf("%s: %s is %s, scale %v, %q", scale, r.Image, r.Status, r.Scale, r.Reason)
			}
		}
	}
}
