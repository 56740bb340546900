package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"oscar/report/page"
	"oscar/result"
)

// comparison compares the variants: a table of accuracy and loss, a table of explanations for each
// method, and McNemar's tests.
func (v *studyChapter) comparison() page.Section {
	s := page.Section{Title: "The variants compared"}
	var methods []string
	byMethod := map[string][]result.Measure{}
	for _, m := range v.Measures {
		if isCost(m) {
			continue
		}
		if byMethod[m.Method] == nil {
			methods = append(methods, m.Method)
		}
		byMethod[m.Method] = append(byMethod[m.Method], m)
	}
	for _, method := range methods {
		title := "Accuracy and loss"
		if method != "" {
			title = "Explanations: " + method
		}
		training := func(m result.Measure) int { // the test part comes first
			if strings.HasPrefix(m.Name, "train_") {
				return 1
			}
			return 0
		}
		slices.SortStableFunc(byMethod[method], func(a, b result.Measure) int { return training(a) - training(b) })
		s.Blocks = append(s.Blocks, page.Sub{Title: title, Blocks: []page.Block{v.measured(byMethod[method])}})
	}
	if t := v.mcnemar(); len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, page.Sub{Title: "McNemar's test", Blocks: []page.Block{t}})
	}
	if t := v.published(); len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, page.Sub{Title: "Compared with published figures", Blocks: []page.Block{t}})
	}
	if facts := v.measureFacts(); len(facts) > 0 {
		s.Blocks = append(s.Blocks, page.Sub{Title: "The measures", Blocks: []page.Block{facts}})
	}
	return s
}

// measureFacts describes each measure, once for all methods.
func (v *studyChapter) measureFacts() (facts page.Facts) {
	said := map[string]bool{}
	for _, m := range v.Measures {
		if name := title(m); m.Help != "" && !said[name] {
			said[name] = true
			facts = append(facts, page.Fact{Name: name, Value: m.Help})
		}
	}
	return facts
}

// intervals describes the kinds of intervals.
var intervals = map[string]string{
	result.StudentT:  "95 % Student's t over the seeds",
	result.Range:     "the lowest and the highest of two seeds",
	result.Wilson:    "95 % Wilson, of one seed",
	result.Bootstrap: "95 % bootstrap over the images of one seed",
}

// isCost reports whether a measure is of time or memory.
func isCost(m result.Measure) bool { return m.Unit == "bytes" || m.Unit == "images/s" }

// title returns a measure's title without the method.
func title(m result.Measure) string { return strings.TrimSuffix(m.Title, " of "+m.Method) }

// measured returns a table with a row per variant and a column per measure.
func (v *studyChapter) measured(measures []result.Measure) page.Table {
	t := page.Table{Caption: "Mean over the seeds, with its interval below", Corner: "variant"}
	kinds := map[string]bool{}
	spans := make([]func(result.Figure) *page.Span, len(measures))
	for i, m := range measures {
		column := page.Column{Name: title(m), Note: m.Unit}
		if m.Better != "" {
			column.Note = m.Better + " is better"
		}
		t.Columns = append(t.Columns, column)
		spans[i] = v.scale(m)
	}
	for _, x := range v.Variants {
		row := page.Row{Name: x.Name}
		if x.Status != result.Done {
			row.Note = x.Status
		}
		for i, m := range measures {
			f, ok := x.Figures[m.Name]
			if !ok {
				row.Cells = append(row.Cells, page.Cell{Text: "–", Tone: page.Faint})
				continue
			}
			kinds[f.Interval] = true
			cell := figureCell(f, m)
			cell.Span = spans[i](f)
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	var said []string
	for _, kind := range []string{result.StudentT, result.Range, result.Wilson, result.Bootstrap} {
		if kinds[kind] {
			said = append(said, intervals[kind])
		}
	}
	if len(said) > 0 {
		t.Legend = page.List{"Intervals: " + strings.Join(said, "; ") + ". Bars run from the lowest to the highest value of a column."}
	}
	return t
}

// figureCell returns a cell with a figure and its interval.
func figureCell(f result.Figure, m result.Measure) page.Cell {
	c := page.Cell{Text: inUnit(float64(f.Mean), m)}
	if f.Interval != result.None && !math.IsNaN(float64(f.Low)) {
		c.Note = inUnit(float64(f.Low), m) + " to " + inUnit(float64(f.High), m)
	}
	return c
}

func inUnit(x float64, m result.Measure) string {
	if m.Unit == "bytes" && !math.IsNaN(x) {
		return page.Bytes(int64(x))
	}
	return page.Number(x)
}

// scale returns a function that gives a figure's position between the lowest and the highest value
// of all variants.
func (v *studyChapter) scale(m result.Measure) func(result.Figure) *page.Span {
	low, high := math.Inf(1), math.Inf(-1)
	ends := func(f result.Figure) (a, b float64) {
		a, b = float64(f.Low), float64(f.High)
		if math.IsNaN(a) || math.IsNaN(b) {
			a, b = float64(f.Mean), float64(f.Mean)
		}
		return a, b
	}
	for _, x := range v.Variants {
		if f, ok := x.Figures[m.Name]; ok {
			a, b := ends(f)
			if !math.IsInf(a, 0) && !math.IsInf(b, 0) && !math.IsNaN(a) {
				low, high = min(low, a), max(high, b)
			}
		}
	}
	return func(f result.Figure) *page.Span {
		a, b := ends(f)
		if !(high > low) || math.IsNaN(a) || math.IsInf(a, 0) || math.IsInf(b, 0) {
			return nil
		}
		at := func(x float64) float64 { return (x - low) / (high - low) }
		return &page.Span{Low: at(a), Middle: at(float64(f.Mean)), High: at(b)}
	}
}

// mcnemar returns a table with a row for each variant that was compared with another.
func (v *studyChapter) mcnemar() page.Table {
	t := page.Table{
		Caption: "Predictions on the same test images, for each seed", Corner: "variant",
		Columns: []page.Column{{Name: "against", Text: true}, {Name: "correct alone", Note: "this, other"}, {Name: "p", Note: "largest of the seeds"}, {Name: "corrected p"}},
		Legend: page.List{
			"Correct alone: test images that only this variant, and only the other, classifies correctly, for each seed.",
			"p: the probability of counts at least as uneven if both variants were equally good. Corrected: for the number of rows (Holm). Blue: below 0.05.",
		},
	}
	corrected := v.corrected()
	for _, x := range v.Variants {
		if x.McNemar == nil || len(x.McNemar.Tests) == 0 {
			continue
		}
		var counts []string
		for _, test := range x.McNemar.Tests {
			counts = append(counts, fmt.Sprintf("%d, %d", test.OnlyThis, test.OnlyAgainst))
		}
		p := page.Cell{Text: page.Number(corrected[x.Name])}
		if corrected[x.Name] < 0.05 {
			p.Tone, p.Level, p.Means = page.Good, 3, "below 0.05"
		}
		t.Rows = append(t.Rows, page.Row{Name: x.Name, Cells: []page.Cell{{Text: x.McNemar.Against}, {Text: strings.Join(counts, "; ")}, {Text: page.Number(float64(x.McNemar.P))}, p}})
	}
	return t
}

// published compares published figures with the measured ones.
func (v *studyChapter) published() page.Table {
	t := page.Table{Caption: "Published figures and those measured here", Corner: "variant",
		Columns: []page.Column{{Name: "measure", Text: true}, {Name: "published"}, {Name: "here"}}}
	for _, x := range v.Variants {
		for _, m := range v.Measures {
			theirs, ok := x.Reported[m.Name]
			if !ok {
				continue
			}
			ours := page.Cell{Text: "–", Tone: page.Faint}
			if f, ok := x.Figures[m.Name]; ok {
				ours = figureCell(f, m)
			}
			t.Rows = append(t.Rows, page.Row{Name: x.Name, Cells: []page.Cell{{Text: m.Title}, {Text: inUnit(theirs, m)}, ours}})
		}
	}
	return t
}

// curves draws a chart for each variant. The base's validation curve is gray.
func (v *studyChapter) curves() page.Section {
	s := page.Section{Title: "Learning curves"}
	for _, panel := range []struct {
		title             string
		bound             [2]float64
		train, validation func(result.Epoch) float64
	}{
		{"Accuracy", [2]float64{0, 1}, func(e result.Epoch) float64 { return float64(e.Accuracy) }, func(e result.Epoch) float64 { return float64(e.ValidationAccuracy) }},
		{"Loss", [2]float64{}, func(e result.Epoch) float64 { return float64(e.Loss) }, func(e result.Epoch) float64 { return float64(e.ValidationLoss) }},
	} {
		var charts page.Charts
		var base page.Series
		for i, x := range v.Variants {
			train := overSeeds("training", page.TrainColor, x.Runs, panel.train)
			train.Dashed = true
			validation := overSeeds("validation", page.ValidationColor, x.Runs, panel.validation)
			if len(train.Points) == 0 {
				continue
			}
			series := []page.Series{train, validation}
			if i == 0 {
				base = validation
				base.Name, base.Color, base.Band = "validation of "+x.Name, page.BaseColor, false
			} else if len(base.Points) > 0 {
				series = append(series, base)
			}
			charts = append(charts, page.Chart{Title: x.Name, X: "epoch", Whole: true, Range: panel.bound, Series: series})
		}
		if len(charts) > 0 {
			s.Blocks = append(s.Blocks, page.Sub{Title: panel.title, Blocks: []page.Block{charts}})
		}
	}
	if len(s.Blocks) == 0 {
		s.Blocks = []page.Block{page.Text("No epoch is finished yet.")}
		return s
	}
	if len(v.Seeds) > 1 {
		s.Blocks = append([]page.Block{page.Text("Lines are means over the seeds. The shaded band runs from the lowest to the highest seed.")}, s.Blocks...)
	}
	return s
}

// overSeeds returns the mean of the runs' curves, with their range.
func overSeeds(name string, color int, runs []result.Run, value func(result.Epoch) float64) page.Series {
	s := page.Series{Name: name, Color: color}
	epochs := 0
	for _, r := range runs {
		epochs = max(epochs, len(r.Epochs))
	}
	for i := range epochs {
		p := page.Point{X: float64(i + 1), Low: math.Inf(1), High: math.Inf(-1)}
		n := 0
		for _, r := range runs {
			if i < len(r.Epochs) {
				y := value(r.Epochs[i])
				p.Y, p.Low, p.High = p.Y+y, min(p.Low, y), max(p.High, y)
				n++
			}
		}
		p.Y /= float64(n)
		s.Band = s.Band || n > 1
		s.Points = append(s.Points, p)
	}
	return s
}

// variants describes each variant.
func (v *studyChapter) variants() page.Section {
	t := page.Table{Caption: "The edits of each variant", Corner: "variant", Columns: []page.Column{
		{Name: "edits", Text: true}, {Name: "why", Text: true}, {Name: "network", Text: true}, {Name: "parameters"}, {Name: "epochs"}, {Name: "state", Text: true},
	}}
	for _, x := range v.Variants {
		edits := strings.Join(x.Edits, "; ")
		if edits == "" {
			edits = "none"
		}
		state := x.Status
		if x.Reason != "" {
			state += ": " + x.Reason
		}
		t.Rows = append(t.Rows, page.Row{Name: x.Name, Cells: []page.Cell{
			{Text: edits}, {Text: x.Why}, {Text: x.Architecture, Note: by(x.Input)}, {Text: page.Thousands(int(x.Parameters))}, {Text: fmt.Sprint(x.Epochs)}, {Text: state},
		}})
	}
	return page.Section{Title: "The variants", Blocks: []page.Block{t}}
}
