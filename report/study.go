package report

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/checksum"
	"oscar/metric"
	"oscar/report/page"
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
	v := &studyChapter{Study: s, dir: dir}
	c := chapter{dir: dir, subject: "The study", notes: v.reportNotes()}
	if c.setup, err = v.setup(); err != nil {
		return nil, err
	}
	c.page = page.Page{
		Kind: "oscar, study", Title: s.Name, Lead: strings.TrimSpace(sentence(s.Why) + " " + v.best()), Figures: v.figures(),
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
	c.page.Sections = append(c.page.Sections, v.tested(), v.curves(), v.costs())
	return []chapter{c}, nil
}

// sentence returns a text with a full stop at its end, unless it is empty or has another mark there.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".?!:;") || strings.HasSuffix(text, "…") {
		return text
	}
	return text + "."
}

// studyChapter makes the sections about a study.
type studyChapter struct {
	*result.Study
	dir string
}

func (v *studyChapter) figures() page.Figures {
	done := 0
	for _, x := range v.Variants {
		if x.Status == result.Done {
			done++
		}
	}
	out := page.Figures{
		{Name: "Variants", Value: fmt.Sprint(len(v.Variants)), Note: fmt.Sprintf("%d complete", done)},
		{Name: "Seeds", Value: fmt.Sprint(len(v.Seeds)), Note: "runs of each variant"},
	}
	if len(v.Claims) > 0 {
		count := map[string]int{}
		for _, c := range v.Claims {
			count[c.Verdict]++
		}
		out = append(out, page.Figure{Name: "Claims supported", Value: fmt.Sprintf("%d of %d", count[result.Supported], len(v.Claims)),
			Note: fmt.Sprintf("%d not supported, %d undecided", count[result.NotSupported], count[result.Undecided])})
	}
	return append(out,
		page.Figure{Name: "Test images", Value: page.Thousands(v.Data.Test)},
		page.Figure{Name: "Training time", Value: page.Seconds(v.Seconds), Note: "of all runs"})
}

// claims shows the claims of the study and their verdicts.
func (v *studyChapter) claims() page.Section {
	var list page.Statements
	tones := map[string]page.Tone{result.Supported: page.Good, result.NotSupported: page.Bad}
	for _, c := range v.Claims {
		s := page.Statement{Text: c.Text, Verdict: c.Verdict, Tone: tones[c.Verdict], Note: c.Why}
		if c.Source != "" {
			s.Note = strings.TrimSpace(s.Note + " (" + c.Source + ")")
		}
		list = append(list, s)
	}
	return page.Section{Title: "Claims", Blocks: []page.Block{list}}
}

// tested shows the results of each variant on the test part.
func (v *studyChapter) tested() page.Section {
	s := page.Section{Title: "Test set"}
	f1 := page.Table{Caption: "F1 of each class, mean over the seeds", Corner: "variant"}
	for _, class := range v.Classes {
		f1.Columns = append(f1.Columns, page.Column{Name: class})
	}
	var folds []page.Block
	for _, x := range v.Variants {
		if len(x.PerClass) == len(v.Classes) {
			row := page.Row{Name: x.Name}
			for _, c := range x.PerClass {
				row.Cells = append(row.Cells, figureCell(c.F1, result.Measure{}))
			}
			f1.Rows = append(f1.Rows, row)
		}
		if sum, runs := v.confusion(x); runs > 0 {
			matrix := page.Matrix(sum)
			matrix.Caption += fmt.Sprintf(", the sum of %s", page.Count(runs, "run"))
			folds = append(folds, page.Fold{Title: "Confusion matrix of " + x.Name, Blocks: []page.Block{matrix}})
		}
	}
	if len(f1.Rows) == 0 {
		s.Blocks = []page.Block{page.Text("No run has been tested yet.")}
		return s
	}
	if len(f1.Columns) > len(f1.Rows) {
		f1 = f1.Turned("class")
	}
	s.Blocks = append([]page.Block{f1}, folds...)
	return s
}

// confusion returns the sum of the confusion matrices of a variant's runs.
func (v *studyChapter) confusion(x result.Variant) (sum *metric.Confusion, runs int) {
	sum = metric.NewConfusion(v.Classes)
	for _, r := range x.Runs {
		if r.Test == nil || sum.Merge(&metric.Confusion{Classes: v.Classes, Counts: r.Test.Confusion}) != nil {
			continue
		}
		runs++
	}
	return sum, runs
}

// costs shows time and memory.
func (v *studyChapter) costs() page.Section {
	t := page.Table{Caption: "Memory of a training step, and time of a run", Corner: "variant", Columns: []page.Column{
		{Name: "weights", Note: "estimated"}, {Name: "gradients", Note: "estimated"}, {Name: "optimizer", Note: "estimated"},
		{Name: "activations", Note: "estimated"}, {Name: "all", Note: "estimated"}, {Name: "time", Note: "a run, mean"},
	}}
	for _, x := range v.Variants {
		m := x.Memory
		row := page.Row{Name: x.Name}
		for _, n := range []int64{m.Weights, m.Gradients, m.Optimizer, m.Activations, m.Training} {
			row.Cells = append(row.Cells, page.Cell{Text: page.Bytes(n)})
		}
		if all := &row.Cells[4]; x.Status == result.TooLarge {
			all.Tone, all.Level, all.Mark, all.Means = page.Bad, 2, "!", "does not fit"
		}
		row.Cells = append(row.Cells, page.Cell{Text: runTime(x)})
		t.Rows = append(t.Rows, row)
	}
	if v.Machine.Memory > 0 {
		t.Legend = page.List{"The machine has " + page.Bytes(v.Machine.Memory) + ". !: the estimate does not fit in it, and nothing was run."}
	}
	s := page.Section{Title: "Time and memory", Blocks: []page.Block{t}}
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

// runTime returns the mean time of a variant's runs.
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
	return page.Seconds(seconds / float64(runs))
}

// setup lists the settings, and how to repeat the study.
func (v *studyChapter) setup() ([]page.Block, error) {
	d, m := v.Data, v.Machine
	seeds := make([]string, len(v.Seeds))
	for i, s := range v.Seeds {
		seeds[i] = fmt.Sprint(s)
	}
	facts := page.Facts{
		{Name: "Data", Value: fmt.Sprintf("%s: %d classes", folderName(d.Root), len(v.Classes))},
		{Name: "Split", Value: fmt.Sprintf("%s for training, %s for validation, %s for the test; the same for all variants", page.Thousands(d.Train), page.Thousands(d.Validation), page.Thousands(d.Test))},
		{Name: "Seeds", Value: strings.Join(seeds, ", ")},
		{Name: "Explained", Value: fmt.Sprintf("%s of each class by %s", page.Count(v.Explain.PerClass, "test image"), strings.Join(v.Explain.Methods, ", "))},
		{Name: "Machine", Value: fmt.Sprintf("%s, %s, %s; TensorFlow with %s", m.Processor, page.Count(m.Processors, "processor"), page.Bytes(m.Memory), page.Count(m.Threads, "thread"))},
		{Name: "Versions", Value: strings.Join(v.versions(), ", ")},
		{Name: "Hash of the split", Value: fmt.Sprintf("%.16s", d.SplitHash)},
	}
	out := []page.Block{facts}
	if v.Cut != nil {
		out = append(out, page.Text(fmt.Sprintf("The study was cut to a budget of %s; it would have taken %s:", page.Seconds(v.Cut.Budget), page.Seconds(v.Cut.Full))), page.List(v.Cut.Text))
	}
	if len(v.Rules) > 0 {
		out = append(out, page.Text("How the numbers were made:"), page.List(v.Rules))
	}
	command, err := again(v.dir)
	if err != nil {
		return nil, err
	}
	out = append(out, command...)
	asked, err := checksum.ReadFile(v.dir, result.Asked)
	if checksum.Is(err) {
		out = append(out, page.Text(lacking(err, result.Asked+" is missing").Error()))
	} else if err == nil {
		out = append(out, page.Fold{Title: result.Asked, Blocks: []page.Block{page.Code(asked)}})
	}
	return out, nil
}

// versions lists program versions, by name.
func (v *studyChapter) versions() []string {
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

// reportNotes returns the study's notes, and the reasons for incomplete variants and runs.
func (v *studyChapter) reportNotes() []string {
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
