package main

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"oscar/internal/agreement"
)

//go:embed page.tmpl
var words string

// The titles of tables that are not of a job.
const (
	foldersTitle = "Memory of a folder run"
	partsTitle   = "Where the processor time of an image goes in a folder run"
)

// row is a line of the page's tables.
type row struct {
	Contestant, Median, Spread, Ratio, Memory, By string
}

// Page returns docs/performance.md.
func (p *Report) Page() (string, error) {
	sums, bytes := trainingCost()
	t, err := template.New("page").Funcs(template.FuncMap{
		"figure": figure, "memory": memory, "rows": p.rows, "measured": p.measured, "limit": p.limit,
		"gflop": func() string { return figure(sums / 1e9) },
		"gb":    func() string { return figure(bytes / 1e9) },
		"best":  p.best, "grows": func(i int) float64 { return p.Growth.Grows(i) }, "unit": func(j job) string { return j.Unit },
		"tolerance": func() float64 { return tolerance }, "rounded": func() float64 { return rounded }, "kinked": func() float64 { return agreement.Kinked }, "batch": func() int { return batch },
		"foldersTitle": func() string { return foldersTitle }, "partsTitle": func() string { return partsTitle }, "sampled": func() float64 { return sampled },
		"width": func() int { return width }, "height": func() int { return height }, "epochs": func() int { return epochs },
	}).Parse(words)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return "", err
	}
	return b.String(), nil
}

// measured lists the jobs that have results.
func (p *Report) measured() []job {
	var out []job
	for _, j := range jobs {
		if p.has(j) {
			out = append(out, j)
		}
	}
	return out
}

func (p *Report) rows(j job) []row {
	var out []row
	for _, r := range p.Results {
		if r.Job != j.Name {
			continue
		}
		line := row{Contestant: r.Contestant, By: strings.TrimSuffix(r.Version+"; "+r.Note, "; ")}
		switch {
		case r.Problem != "":
			line.By = strings.ReplaceAll(r.Problem, "|", `\|`)
		default:
			line.Median, line.Spread, line.Memory = figure(r.Median()), r.Spread(), memory(r.Memory)
			if ratio := p.ratio(j, r.Contestant); ratio > 0 && r.Contestant != own(j) {
				line.Ratio = figure(ratio)
			}
		}
		out = append(out, line)
	}
	return out
}

// Word returns whether a goal was met.
func (o Outcome) Word() string {
	switch {
	case o.Measured == 0:
		return "not measured"
	case o.Met():
		return "met"
	}
	return "**missed**"
}

// Goal returns the bound in words.
func (o Outcome) Goal() string {
	if o.AtMost > 0 {
		return fmt.Sprintf("at most %g", o.AtMost)
	}
	return fmt.Sprintf("at least %g", o.AtLeast)
}
