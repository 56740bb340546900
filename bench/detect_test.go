package main

import (
	"strings"
	"testing"
)

// Detection is in float32 in oscar: the ratios of the job in bfloat16 are to it. A table that
// is measured later names its run, and the page says what else ran.
func TestDetection(t *testing.T) {
	j := jobOf(inBFloat16(detect))
	if own(j) != inFloat32 || own(jobOf(inBFloat16(train))) != oscar {
		t.Errorf("own results: %s, %s", own(j), own(jobOf(inBFloat16(train))))
	}
	p := report()
	p.Results = append(p.Results, Result{Job: j.Name, Contestant: inFloat32, Values: []float64{30, 30}}, Result{Job: j.Name, Contestant: "torchvision", Values: []float64{20, 15}})
	if got := p.ratio(j, "torchvision"); got != 1.75 {
		t.Errorf("ratio %g", got)
	}
	p, err := p.with(&Report{Command: "make bench -add", Commit: "def", Date: "2026-01-03", Load: "2, 2, 2", Shared: true, Processor: "a processor", Processors: 2})
	if err != nil {
		t.Fatal(err)
	}
	p.credit(partsTitle)
	p.settle()
	page, err := p.Page()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| torchvision | 17.5 | 15.0 to 20.0 | 1.75 |", "| oscar, float32 | 30.0 | 30.0 to 30.0 |  |",
		"at commit def, load before it 2, 2, 2:\n" + partsTitle + ". Other programs ran on the same processors",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if len(p.Added) != 1 {
		t.Errorf("added runs: %+v", p.Added)
	}
}
