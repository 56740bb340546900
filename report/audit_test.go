package report

import (
	"strings"
	"testing"

	"oscar/report/page"
	"oscar/result"
)

// A plate of a probable label error names the label and the suggestion, each with its own
// probability.
func TestAuditPlatesNameBothProbabilities(t *testing.T) {
	a := auditChapter{&result.Audit{Labels: result.Labels{Images: 9, Issues: []result.LabelIssue{
		{Image: "bottle/0050.png", Label: "bottle", Confidence: 0.102, Suggested: "tray", SuggestedConfidence: 0.753, Picture: "pictures/001.jpg"},
		{Image: "can/0046.png", Label: "can", Confidence: 0.0595, Suggested: "box", SuggestedConfidence: 0.4215, Picture: "pictures/002.jpg"},
	}}}, t.TempDir()}
	for _, block := range a.labels().Blocks {
		wall, is := block.(page.Wall)
		if !is {
			continue
		}
		for i, plate := range wall[0].Plates {
			x := a.Labels.Issues[i]
			for _, want := range []string{
				"Label " + x.Label + ": probability " + page.Number(x.Confidence),
				"Most probable, " + x.Suggested + ": " + page.Number(x.SuggestedConfidence),
			} {
				if !strings.Contains(plate.Note, want) {
					t.Errorf("%q lacks %q", plate.Note, want)
				}
			}
		}
		return
	}
	t.Error("no plates")
}
