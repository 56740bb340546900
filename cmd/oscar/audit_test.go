package main

import (
	"strings"
	"testing"

	"oscar/result"
)

// Each class on the line of a probable label error is followed by its own probability.
func TestAuditPrintsBothProbabilities(t *testing.T) {
	var out strings.Builder
	printAudit(&out, &result.Audit{Images: 2, Labels: result.Labels{Images: 2, Issues: []result.LabelIssue{
		{Image: "bottle/0050.png", Label: "bottle", Confidence: 0.102, Suggested: "tray", SuggestedConfidence: 0.753},
		{Image: "can/0046.png", Label: "can", Confidence: 0.0595, Suggested: "box", SuggestedConfidence: 0.4215},
	}}})
	for _, want := range []string{
		"bottle/0050.png: label bottle 0.1020, most probable tray 0.7530\n",
		"can/0046.png: label can 0.0595, most probable box 0.4215\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}
