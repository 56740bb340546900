package report

import (
	"context"
	"fmt"
	"image"
	"math"

	"oscar/metric"
	"oscar/report/page"
	"oscar/result"
)

// compareChapters reads a folder of a comparison.
func compareChapters(_ context.Context, dir string) ([]chapter, error) {
	if result.IsOfDetector(dir, result.ComparisonFile) {
		return detectorComparison(dir)
	}
	c, err := result.ReadComparison(dir)
	if err != nil {
		return nil, err
	}
	command, err := again(dir)
	if err != nil {
		return nil, err
	}
	x := compareChapter{c, dir}
	out := chapter{dir: dir, subject: "The comparison", setup: append([]page.Block{x.setup()}, command...), notes: c.Notes}
	out.page = page.Page{Kind: "oscar, comparison", Title: "Two models on the same images", Lead: x.lead(), Figures: x.figures()}
	out.page.Sections = []page.Section{x.table(), x.explanations(), x.changes(), x.confusion()}
	if charts := x.curves(); len(charts) > 0 {
		out.page.Sections = append(out.page.Sections, page.Section{Title: "Learning curves", Blocks: []page.Block{charts}})
	}
	return []chapter{out}, nil
}

// compareChapter makes the sections about a comparison.
type compareChapter struct {
	*result.Comparison
	dir string
}

// lead returns which model is better, if there are enough images, and whether the explanations
// differ.
func (c compareChapter) lead() string {
	f := c.Figures[0]
	text := fmt.Sprintf("%s do not tell which of A and B is more accurate: %s and %s correct, McNemar's p %s.",
		page.Count(c.Images, "image"), page.Percent(float64(f.Values[0])), page.Percent(float64(f.Values[1])), page.Number(c.McNemar.P))
	if c.McNemar.P < 0.05 {
		better, worse := "B", "A"
		if f.Difference < 0 {
			better, worse = "A", "B"
		}
		text = fmt.Sprintf("On %s %s is more accurate than %s: A %s, B %s correct, McNemar's p %s.", page.Count(c.Images, "image"), better, worse,
			page.Percent(float64(f.Values[0])), page.Percent(float64(f.Values[1])), page.Number(c.McNemar.P))
	}
	if d := c.Drift; d.Images > 0 {
		text += fmt.Sprintf(" Their explanations have a mean rank correlation of %s; by chance it is %s.", page.Number(float64(d.Rank)), page.Number(float64(d.Chance)))
	}
	return text + exceededText(c.Limits)
}

// exceededText names the exceeded limits.
func exceededText(limits []result.Limit) (text string) {
	for _, l := range result.Exceeded(limits) {
		text += fmt.Sprintf(" The limit of %s is exceeded: %s, at most %s.", l.Name, page.Number(float64(l.Value)), page.Number(float64(l.Most)))
	}
	return text
}

func (c compareChapter) figures() page.Figures {
	f := c.Figures[0]
	return page.Figures{
		{Name: "Accuracy, B - A", Value: page.Number(float64(f.Difference)), Note: fmt.Sprintf("95 %%: %s to %s", page.Number(float64(f.Low)), page.Number(float64(f.High)))},
		{Name: "Another class", Value: page.Percent(float64(c.Changed)), Note: "95 %: " + page.PercentRange(float64(c.ChangedInterval[0]), float64(c.ChangedInterval[1]))},
		{Name: "Drift of the maps", Value: page.Number(float64(c.Drift.Value)), Note: "1 - mean rank correlation"},
	}
}

// table returns the table of metrics.
func (c compareChapter) table() page.Section {
	t := page.Table{Caption: "A and B on the same images", Corner: "figure", Columns: []page.Column{{Name: "A"}, {Name: "B"}, {Name: "B - A"}},
		Legend: page.List{"Below the difference: its 95 % interval by Student's t over the images. Blue: better, orange: worse, where the interval leaves out 0."}}
	for _, f := range c.Figures {
		t.Rows = append(t.Rows, figureRow(f))
	}
	per := page.Table{Caption: "Class by class", Corner: "class", Columns: []page.Column{
		{Name: "images"}, {Name: "recall A"}, {Name: "recall B"}, {Name: "F1 A"}, {Name: "F1 B"}, {Name: "rank correlation", Note: "of the maps"},
	}}
	for _, x := range c.PerClass {
		cells := []page.Cell{{Text: page.Thousands(x.Images)}}
		for _, v := range []result.Number{x.Recall[0], x.Recall[1], x.F1[0], x.F1[1], x.Rank} {
			cells = append(cells, page.Cell{Text: page.Number(float64(v))})
		}
		per.Rows = append(per.Rows, page.Row{Name: x.Class, Cells: cells})
	}
	return page.Section{Title: "Figures", Blocks: []page.Block{t,
		page.Text(fmt.Sprintf("%s only A classifies correctly, %s only B. If both were equally good, counts at least as uneven would have a probability of %s (McNemar's exact test).",
			page.Count(c.McNemar.OnlyAgainst, "image"), page.Count(c.McNemar.OnlyThis, "image"), page.Number(c.McNemar.P))), per}}
}

// explanations shows how much the maps differ.
func (c compareChapter) explanations() page.Section {
	d := c.Drift
	s := page.Section{Title: "Differences between the explanations"}
	if d.Images == 0 {
		s.Blocks = []page.Block{page.Text("No image has two maps that can be compared.")}
		return s
	}
	s.Blocks = []page.Block{
		page.Facts{
			{Name: "Method", Value: d.Method},
			{Name: "Images", Value: page.Thousands(d.Images)},
			{Name: "Rank correlation", Value: fmt.Sprintf("%s (95 %%: %s to %s)", page.Number(float64(d.Rank)), page.Number(float64(d.RankInterval[0])), page.Number(float64(d.RankInterval[1])))},
			{Name: "By chance", Value: page.Number(float64(d.Chance)) + ", of A's map with B's map of another image"},
			{Name: "SSIM", Value: page.Number(float64(d.SSIM))},
			{Name: "Drift", Value: page.Number(float64(d.Value)) + ", 1 - rank correlation"},
		},
		page.Text("Both models explain the true class of an image, or the class that A predicts if the true one is unknown. Maps are compared at the size of A's input."),
	}
	return s
}

// changes shows the images whose maps changed most.
func (c compareChapter) changes() page.Section {
	s := page.Section{Title: "The images that changed most"}
	if len(c.Shown) == 0 {
		s.Blocks = []page.Block{page.Text("No image was explained.")}
		return s
	}
	shelf := page.Shelf{Wide: true}
	for _, x := range c.Shown {
		truth := x.Truth
		if truth == "" {
			truth = "unknown class"
		}
		plate := page.Plate{Title: truth, Note: fmt.Sprintf("%s. A: %s %s, B: %s %s. Rank correlation %s.", brief(x.Image),
			x.Predicted[0], page.Number(float64(x.Probability[0])), x.Predicted[1], page.Number(float64(x.Probability[1])), page.Number(float64(x.Rank)))}
		for k, model := range []string{"A", "B"} {
			plate.Pictures = append(plate.Pictures, page.Picture{
				Alt:  fmt.Sprintf("Map of %s by %s for class %s on %s", model, c.Drift.Method, x.Explained, brief(x.Image)),
				Load: func() (image.Image, error) { return picture(c.dir, x.Overlays[k]) },
			})
		}
		shelf.Plates = append(shelf.Plates, plate)
	}
	s.Blocks = []page.Block{
		page.Text("Images with another predicted class come first, then those whose maps have the lowest rank correlation. They were chosen because they differ most. Left: A, right: B."),
		page.Wall{shelf},
	}
	return s
}

// confusion shows the difference of the confusion matrices.
func (c compareChapter) confusion() page.Section {
	a, b := c.Models[0].Evaluation.Confusion, c.Models[1].Evaluation.Confusion
	s := page.Section{Title: "Confusions"}
	if len(c.Classes) > metric.MostClasses {
		s.Blocks = []page.Block{page.Sub{Title: "A", Blocks: []page.Block{page.Matrix(a)}}, page.Sub{Title: "B", Blocks: []page.Block{page.Matrix(b)}}}
		return s
	}
	t := page.Table{Caption: "Images by true class (rows) and predicted class (columns): B's number minus A's", Corner: "true \\ predicted", Dense: true,
		Legend: page.List{"Blue: better (more correct or fewer wrong); orange: worse. The deeper the color, the larger the share of the row."}}
	for i, class := range c.Classes {
		t.Columns = append(t.Columns, page.Column{Name: class})
		row := page.Row{Name: class}
		total := 0
		for _, n := range a.Counts[i] {
			total += n
		}
		for k := range c.Classes {
			d := b.Counts[i][k] - a.Counts[i][k]
			cell := page.Cell{Text: fmt.Sprintf("%+d", d), Tone: page.Bad}
			if d == 0 {
				cell = page.Cell{Text: "0", Tone: page.Faint}
			} else if d > 0 == (i == k) {
				cell.Tone = page.Good
			}
			if d != 0 && total > 0 {
				cell.Level = page.Level(math.Abs(float64(d)) / float64(total))
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	s.Blocks = []page.Block{t}
	return s
}

// curves draws the validation curves of both runs in one chart.
func (c compareChapter) curves() (charts page.Charts) {
	for _, panel := range []struct {
		title string
		bound [2]float64
		of    func(result.EpochMetrics) float64
	}{
		{"Validation accuracy", [2]float64{0, 1}, func(e result.EpochMetrics) float64 { return float64(e.ValidationAccuracy) }},
		{"Validation loss", [2]float64{}, func(e result.EpochMetrics) float64 { return float64(e.ValidationLoss) }},
	} {
		chart := page.Chart{Title: panel.title, X: "epoch", Whole: true, Range: panel.bound}
		for k, name := range []string{"A", "B"} {
			line := page.Series{Name: name, Color: page.TrainColor + k, Dashed: k == 0}
			for _, e := range c.Models[k].Epochs {
				line.Points = append(line.Points, page.Point{X: float64(e.Epoch), Y: panel.of(e)})
			}
			if len(line.Points) > 0 {
				chart.Series = append(chart.Series, line)
			}
		}
		if len(chart.Series) > 0 {
			charts = append(charts, chart)
		}
	}
	return charts
}

func (c compareChapter) setup() page.Facts {
	facts := page.Facts{{Name: "Images", Value: fmt.Sprintf("%s of the %s of %s", page.Thousands(c.Images), partName(c.Part), folderName(c.Data))}}
	for k, name := range []string{"A", "B"} {
		m := c.Models[k]
		facts = append(facts, page.Fact{Name: name, Value: fmt.Sprintf("%s: %s with %s parameters, explained at %s, fingerprint %s", m.Path, m.Name, page.Thousands(m.Parameters), m.Layer, m.Fingerprint)})
	}
	return facts
}
