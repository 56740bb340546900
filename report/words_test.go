package report

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"oscar/metric"
	"oscar/report/page"
	"oscar/result"
)

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " ": "", "Does it": "Does it.", "Does it?": "Does it?", "It does.": "It does.", "It does!": "It does!",
		"It does \n": "It does.", "Wait…": "Wait…", "Größe": "Größe.", "these:": "these:",
	} {
		if got := sentence(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

// The sentence on the best variant names the base once, whatever its name and wherever it stands.
func TestBestNamesTheBaseOnce(t *testing.T) {
	figure := func(mean float64) map[string]result.Figure {
		return map[string]result.Figure{testMeasure: {Mean: result.Number(mean)}}
	}
	for _, base := range []string{"base", "Base", "baseline", "plain"} {
		for _, other := range []float64{0.1, 0.3} {
			v := &studyChapter{Study: &result.Study{Base: base, Variants: []result.Variant{{Name: base, Figures: figure(0.2)}, {Name: "wide", Figures: figure(other)}}}}
			want := "the base " + base + " (0.200)"
			if strings.EqualFold(base, "base") {
				want = " the base (0.200)"
			}
			if got := v.best(); !strings.Contains(got, want) {
				t.Errorf("%q lacks %q", got, want)
			}
		}
	}
}

// The accuracy's interval is explained where there is one.
func TestTestSectionExplainsAnIntervalThatIsThere(t *testing.T) {
	nan := result.Number(math.NaN())
	confusion := &metric.Confusion{Classes: []string{"a"}, Counts: [][]int{{1}}}
	for _, e := range []*result.Evaluation{
		{Images: 9, Interval: [2]result.Number{0.2, 0.6}, Confusion: confusion},
		{Images: 9, Interval: [2]result.Number{nan, nan}, Confusion: confusion},
		{Images: 9, Interval: [2]result.Number{0.2, 0.6}, MultiLabel: &result.MultiLabel{}},
		{Images: 9, Interval: [2]result.Number{nan, nan}, MultiLabel: &result.MultiLabel{}},
	} {
		text := fmt.Sprint(testSection(e).Blocks[0].(page.Text))
		for subject, want := range map[string]bool{"The accuracy's interval is": e.MultiLabel == nil, "The interval of all labels right is": e.MultiLabel != nil} {
			if explained := strings.Contains(text, subject); explained != (want && wilson(e) != "") {
				t.Errorf("interval %v: %s", e.Interval, text)
			}
		}
	}
}

// The sentence on the errors shown is true for any number of images: it gives counts, and promises
// the share of a class only.
func TestRuleCountsErrors(t *testing.T) {
	for _, test := range []struct{ right, wrong, errors, images int }{{0, 1, 3, 4}, {1, 0, 1, 4}, {3, 3, 4, 104}, {2, 1, 10, 30}} {
		var list []result.Classification
		for i := range test.right + test.wrong {
			c := result.Classification{Truth: "box", Predicted: "box"}
			if i < test.wrong {
				c.Predicted = "can"
			}
			list = append(list, c)
		}
		g := &gallery{explanations: &explanations{all: &tally{labeled: test.images}, settings: result.Settings{}}, shown: result.Shown{Examples: [][]result.Classification{list}, Errors: test.errors, Images: test.images}}
		want := fmt.Sprintf("Errors are %d of %s shown, and %d of %s in all.", test.wrong, page.Count(test.right+test.wrong, "image"), test.errors, page.Count(test.images, "image"))
		if got := g.rule(); !strings.Contains(got, want) || strings.Contains(got, "true share") {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

// All variants with the highest test accuracy are named.
func TestBestNamesAllTiedVariants(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for tied := 1; tied <= len(names); tied++ {
		v := &studyChapter{Study: &result.Study{Base: "base", Variants: []result.Variant{{Name: "base", Figures: map[string]result.Figure{testMeasure: {Mean: 0.2}}}}}}
		for i, name := range names {
			mean := result.Number(0.1)
			if i < tied {
				mean = 0.3
			}
			v.Variants = append(v.Variants, result.Variant{Name: name, Figures: map[string]result.Figure{testMeasure: {Mean: mean}}})
		}
		want := "The best variant on the test set is a with"
		if tied > 1 {
			want = "The best variants on the test set are " + strings.Join(names[:tied], ", ") + ", each with an accuracy of 0.300, 0.100 above the base (0.200)."
		}
		if got := v.best(); !strings.Contains(got, want) {
			t.Errorf("%d tied: %q lacks %q", tied, got, want)
		}
	}
}
