package pipeline

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/metric"
	"oscar/report"
	"oscar/result"
)

// studyChapters reads a study.
func studyChapters(_ context.Context, dir string) ([]chapter, error) {
	s, err := result.Read(dir)
	if err != nil {
		return nil, err
	}
	if len(s.Variants) == 0 {
		return nil, fmt.Errorf("%s has no variants", filepath.Join(dir, result.File))
	}
	v := &varied{Study: s, dir: dir}
	c := chapter{dir: dir, subject: "The study", setup: v.setup(), notes: v.reportNotes()}
	c.page = report.Page{
		Kind: "oscar, study", Title: s.Name, Lead: s.Why, Figures: v.figures(),
		Made: strings.Join(v.versions(), " · "),
	}
	if len(s.Claims) > 0 {
		c.page.Sections = append(c.page.Sections, v.claims())
	}
	c.page.Sections = append(c.page.Sections, v.variants(), v.comparison())
	for _, w := range s.Walls {
		if len(w.Rows) > 0 {
			c.page.Sections = append(c.page.Sections, v.wall(w))
		}
	}
	c.page.Sections = append(c.page.Sections, v.curves(), v.tested(), v.costs())
	return []chapter{c}, nil
}

// varied is a study as a page has it.
type varied struct {
	*result.Study
	dir string
}

func (v *varied) figures() report.Figures {
	done := 0
	for _, x := range v.Variants {
		if x.Status == result.Done {
			done++
		}
	}
	out := report.Figures{
		{Name: "Variants", Value: fmt.Sprint(len(v.Variants)), Note: fmt.Sprintf("%d complete", done)},
		{Name: "Seeds", Value: fmt.Sprint(len(v.Seeds)), Note: "trainings of each variant"},
	}
	if len(v.Claims) > 0 {
		count := map[string]int{}
		for _, c := range v.Claims {
			count[c.Verdict]++
		}
		out = append(out, report.Figure{Name: "Claims supported", Value: fmt.Sprintf("%d of %d", count[result.Supported], len(v.Claims)),
			Note: fmt.Sprintf("%d not supported, %d undecided", count[result.NotSupported], count[result.Undecided])})
	}
	return append(out,
		report.Figure{Name: "Test images", Value: report.Thousands(v.Data.Test)},
		report.Figure{Name: "Training time", Value: report.Seconds(v.Seconds), Note: "all runs together"})
}

// claims are what others said, and what came of it here.
func (v *varied) claims() report.Section {
	var list report.Statements
	tones := map[string]report.Tone{result.Supported: report.Good, result.NotSupported: report.Bad}
	for _, c := range v.Claims {
		s := report.Statement{Text: c.Text, Verdict: c.Verdict, Tone: tones[c.Verdict], Note: c.Why}
		if c.Source != "" {
			s.Note = strings.TrimSpace(s.Note + " (" + c.Source + ")")
		}
		list = append(list, s)
	}
	return report.Section{Title: "The claims", Blocks: []report.Block{list}}
}

// tested are the confusion matrices and the classes' figures, of every variant.
func (v *varied) tested() report.Section {
	s := report.Section{Title: "On images they had not seen"}
	f1 := report.Table{Caption: "F1 of each class, mean over the seeds", Corner: "variant"}
	for _, class := range v.Classes {
		f1.Columns = append(f1.Columns, report.Column{Name: class})
	}
	var folds []report.Block
	for _, x := range v.Variants {
		if len(x.PerClass) == len(v.Classes) {
			row := report.Row{Name: x.Name}
			for _, c := range x.PerClass {
				row.Cells = append(row.Cells, figureCell(c.F1, result.Measure{}))
			}
			f1.Rows = append(f1.Rows, row)
		}
		if sum, runs := v.confusion(x); runs > 0 {
			matrix := report.Matrix(sum)
			matrix.Caption += fmt.Sprintf(", the sum of %s", report.Count(runs, "run"))
			folds = append(folds, report.Fold{Title: "Confusion matrix of " + x.Name, Blocks: []report.Block{matrix}})
		}
	}
	if len(f1.Rows) == 0 {
		s.Blocks = []report.Block{report.Text("No run has been tested yet.")}
		return s
	}
	if len(f1.Columns) > len(f1.Rows) {
		f1 = f1.Turned("class")
	}
	s.Blocks = append([]report.Block{f1}, folds...)
	return s
}

// confusion adds up the runs of a variant.
func (v *varied) confusion(x result.Variant) (sum *metric.Confusion, runs int) {
	sum = metric.NewConfusion(v.Classes)
	for _, r := range x.Runs {
		if r.Test == nil || sum.Merge(&metric.Confusion{Classes: v.Classes, Counts: r.Test.Confusion}) != nil {
			continue
		}
		runs++
	}
	return sum, runs
}

// costs are time and memory.
func (v *varied) costs() report.Section {
	t := report.Table{Caption: "What training takes, for a step", Corner: "variant", Columns: []report.Column{
		{Name: "weights", Note: "forecast"}, {Name: "gradients", Note: "forecast"}, {Name: "optimiser", Note: "forecast"},
		{Name: "activations", Note: "forecast"}, {Name: "all", Note: "forecast"}, {Name: "time", Note: "a run, mean"},
	}}
	for _, x := range v.Variants {
		m := x.Memory
		row := report.Row{Name: x.Name}
		for _, n := range []int64{m.Weights, m.Gradients, m.Optimizer, m.Activations, m.Training} {
			row.Cells = append(row.Cells, report.Cell{Text: report.Bytes(n)})
		}
		if all := &row.Cells[4]; x.Status == result.TooLarge {
			all.Tone, all.Level, all.Mark, all.Means = report.Bad, 2, "!", "does not fit"
		}
		row.Cells = append(row.Cells, report.Cell{Text: runTime(x)})
		t.Rows = append(t.Rows, row)
	}
	if v.Machine.Memory > 0 {
		t.Legend = report.List{"The machine has " + report.Bytes(v.Machine.Memory) + ". !: the forecast does not fit, and nothing was run."}
	}
	s := report.Section{Title: "Time and memory", Blocks: []report.Block{t}}
	var costs []result.Measure
	for _, m := range v.Measures {
		if isCost(m) {
			costs = append(costs, m)
		}
	}
	if len(costs) > 0 {
		s.Blocks = append(s.Blocks, v.measured(costs))
	}
	return s
}

// runTime is the mean time of a variant's runs.
func runTime(x result.Variant) string {
	seconds, runs := 0.0, 0
	for _, r := range x.Runs {
		if len(r.Epochs) > 0 {
			runs++
		}
		for _, e := range r.Epochs {
			seconds += e.Seconds
		}
	}
	if runs == 0 {
		return "–"
	}
	return report.Seconds(seconds / float64(runs))
}

// setup is what was run and with what, and how to do it again.
func (v *varied) setup() []report.Block {
	d, m := v.Data, v.Machine
	seeds := make([]string, len(v.Seeds))
	for i, s := range v.Seeds {
		seeds[i] = fmt.Sprint(s)
	}
	facts := report.Facts{
		{Name: "Data", Value: fmt.Sprintf("%s: %d classes", folderName(d.Root), len(v.Classes))},
		{Name: "Split", Value: fmt.Sprintf("%s to train on, %s to choose the epoch by, %s to test; the same for all", report.Thousands(d.Train), report.Thousands(d.Validation), report.Thousands(d.Test))},
		{Name: "Seeds", Value: strings.Join(seeds, ", ")},
		{Name: "Explained", Value: fmt.Sprintf("%s of each class by %s", report.Count(v.Explain.PerClass, "test image"), strings.Join(v.Explain.Methods, ", "))},
		{Name: "Machine", Value: fmt.Sprintf("%s, %s, %s; TensorFlow with %s", m.Processor, report.Count(m.Processors, "processor"), report.Bytes(m.Memory), report.Count(m.Threads, "thread"))},
		{Name: "Versions", Value: strings.Join(v.versions(), ", ")},
		{Name: "Split's hash", Value: fmt.Sprintf("%.16s", d.SplitHash)},
	}
	out := []report.Block{facts}
	if v.Cut != nil {
		out = append(out, report.Text(fmt.Sprintf("A budget of %s cut what would have taken %s:", report.Seconds(v.Cut.Budget), report.Seconds(v.Cut.Full))), report.List(v.Cut.Text))
	}
	if len(v.Rules) > 0 {
		out = append(out, report.Text("How the numbers were made:"), report.List(v.Rules))
	}
	command := "oscar study run study.yaml DATA --out DIR"
	if v.Cut != nil {
		command += fmt.Sprintf(" --budget %gs", v.Cut.Budget)
	}
	asked, err := os.ReadFile(filepath.Join(v.dir, result.Asked))
	if err != nil {
		return append(out, report.Text("To do it again:"), report.Code(command))
	}
	return append(out, report.Text("To do it again, with the study below as study.yaml and the images in a folder DATA:"), report.Code(command),
		report.Fold{Title: result.Asked, Blocks: []report.Block{report.Code(asked)}})
}

// versions lists what it was run with, by name.
func (v *varied) versions() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v.Machine.Versions)) {
		version := strings.TrimPrefix(v.Machine.Versions[name], "go")
		switch name {
		case "go":
			name = "Go"
		case "tensorflow":
			name = "TensorFlow"
		}
		out = append(out, name+" "+version)
	}
	return out
}

// reportNotes are the study's notes, and why a variant or a run is not complete.
func (v *varied) reportNotes() []string {
	out := append([]string{}, v.Notes...)
	for _, x := range v.Variants {
		told := x.Reason == "" || slices.ContainsFunc(v.Notes, func(text string) bool { return strings.HasSuffix(text, x.Reason) })
		for _, r := range x.Runs {
			if r.Status != result.Done && r.Reason != "" && r.Reason != x.Reason {
				out, told = append(out, fmt.Sprintf("%s, seed %d: %s: %s", x.Name, r.Seed, r.Status, r.Reason)), true
			}
		}
		if x.Status != result.Done && !told {
			out = append(out, fmt.Sprintf("%s: %s: %s", x.Name, x.Status, x.Reason))
		}
	}
	return out
}
