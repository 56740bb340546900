package report

import (
	"fmt"
	"image"
	"math"
	"strings"

	"oscar/report/page"
	"oscar/result"
)

// detectorComparison reads a folder of a comparison of two detectors.
func detectorComparison(dir string) ([]chapter, error) {
	c, err := result.ReadDetectorComparison(dir)
	if err != nil {
		return nil, err
	}
	command, err := again(dir)
	if err != nil {
		return nil, err
	}
	x := comparedDetectors{c, dir}
	out := chapter{dir: dir, subject: "The comparison", setup: append([]page.Block{x.setup()}, command...), notes: c.Notes}
	out.page = page.Page{Kind: "oscar, comparison", Title: "Two detectors on the same scenes", Lead: x.lead(), Figures: x.figures()}
	out.page.Sections = []page.Section{x.table(), x.answers(), x.alone()}
	return []chapter{out}, nil
}

// comparedDetectors makes the sections about a comparison of two detectors.
type comparedDetectors struct {
	*result.DetectorComparison
	dir string
}

// lead returns which detector is better, if there are enough scenes.
func (c comparedDetectors) lead() string {
	f := c.Figures[0]
	a, b := page.Number(float64(f.Values[0])), page.Number(float64(f.Values[1]))
	text := fmt.Sprintf("%s with %s do not tell which of A and B has the higher AP of masks: %s and %s.", page.Count(c.Images, "image"), page.Count(c.Objects, "object"), a, b)
	if f.Low > 0 || f.High < 0 {
		better, worse := "B", "A"
		if f.High < 0 {
			better, worse = "A", "B"
		}
		text = fmt.Sprintf("On %s with %s, %s has a higher AP of masks than %s: A %s, B %s.", page.Count(c.Images, "image"), page.Count(c.Objects, "object"), better, worse, a, b)
	}
	only := c.Only()
	text += fmt.Sprintf(" At a score of %s, only A finds %s with the right class, and only B finds %s.", page.Short(c.Least), page.Count(only[0], "object"), page.Thousands(only[1]))
	return text + exceededText(c.Limits)
}

func (c comparedDetectors) figures() page.Figures {
	only := c.Only()
	f := c.Figures[0]
	return page.Figures{
		{Name: "AP of masks, B - A", Value: page.Number(float64(f.Difference)), Note: intervalNote(f)},
		{Name: "Found by one alone", Value: fmt.Sprintf("%s + %s", page.Thousands(only[0]), page.Thousands(only[1])), Note: "objects: by A + by B"},
		{Name: "Another answer", Value: page.Percent(float64(c.Changed)), Note: "of the objects; 95 %: " + page.PercentRange(float64(c.ChangedInterval[0]), float64(c.ChangedInterval[1]))},
	}
}

func intervalNote(f result.ComparedFigure) string {
	if math.IsNaN(float64(f.Low)) {
		return ""
	}
	return fmt.Sprintf("95 %%: %s to %s", page.Number(float64(f.Low)), page.Number(float64(f.High)))
}

// table returns the tables of metrics, strata and classes.
func (c comparedDetectors) table() page.Section {
	t := page.Table{Caption: "A and B on the same images", Corner: "figure", Columns: []page.Column{{Name: "A"}, {Name: "B"}, {Name: "B - A"}},
		Legend: page.List{
			"Below the difference: its 95 % interval, by the bootstrap over images. Blue: better, orange: worse, where the interval leaves out 0.",
			fmt.Sprintf("Found: matched at an IoU of masks of 0.5 or more by a detection with a score of %s or more and the object's class. False detections match no object.", page.Short(c.Least)),
		}}
	for _, f := range c.Figures {
		t.Rows = append(t.Rows, figureRow(f))
	}
	subsets := func(caption, corner string, list []result.ComparedSubset) page.Table {
		t := page.Table{Caption: caption, Corner: corner, Columns: []page.Column{{Name: "number"}, {Name: "A"}, {Name: "B"}, {Name: "B - A"}}}
		for _, s := range list {
			row := figureRow(s.ComparedFigure)
			row.Note, row.Cells = "", append([]page.Cell{{Text: page.Thousands(s.Objects)}}, row.Cells...)
			t.Rows = append(t.Rows, row)
		}
		return t
	}
	return page.Section{Title: "Figures", Blocks: []page.Block{t, page.Beside{
		subsets("AP of masks by how an object lies among the others", "objects", c.Strata), subsets("AP of masks of each class", "class", c.PerClass),
	}}}
}

// figureRow returns a metric of both models, and their difference with its interval.
func figureRow(f result.ComparedFigure) page.Row {
	cell := page.Cell{Text: page.Number(float64(f.Difference))}
	if !math.IsNaN(float64(f.Low)) {
		cell.Note = page.Number(float64(f.Low)) + " to " + page.Number(float64(f.High))
		if f.Low > 0 || f.High < 0 {
			cell.Level, cell.Tone = 3, page.Bad
			if f.Difference > 0 == (f.Better == "higher") {
				cell.Tone = page.Good
			}
		}
	}
	return page.Row{Name: f.Title, Note: f.Better + " is better", Cells: []page.Cell{{Text: page.Number(float64(f.Values[0]))}, {Text: page.Number(float64(f.Values[1]))}, cell}}
}

// answers shows the number of objects for each pair of answers.
func (c comparedDetectors) answers() page.Section {
	t := page.Table{Caption: "Objects by the answer of A (rows) and of B (columns)", Corner: "A \\ B"}
	for _, name := range result.AnswerNames {
		t.Columns = append(t.Columns, page.Column{Name: name})
	}
	for i, name := range result.AnswerNames {
		row := page.Row{Name: name}
		for k := range result.AnswerNames {
			cell := page.Cell{Text: page.Thousands(c.Answers[i][k])}
			switch {
			case i == 0 && k > 0 && c.Answers[i][k] > 0:
				cell.Tone, cell.Level = page.Bad, 2
			case k == 0 && i > 0 && c.Answers[i][k] > 0:
				cell.Tone, cell.Level = page.Good, 2
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return page.Section{Title: "Answers", Blocks: []page.Block{
		page.Text(fmt.Sprintf("Detections with a score of %s or more are matched with the objects at an IoU of masks of 0.5 or more, whatever their class. Detections without an object: %s of A, %s of B.",
			page.Short(c.Least), page.Thousands(c.Models[0].NoObject), page.Thousands(c.Models[1].NoObject))), t,
	}}
}

// alone shows objects that only one of the detectors finds.
func (c comparedDetectors) alone() page.Section {
	s := page.Section{Title: "Objects that one finds alone"}
	var wall page.Wall
	for model, title := range []string{"Only A finds them", "Only B finds them"} {
		shelf := page.Shelf{Title: title, Wide: true}
		for _, x := range c.Shown {
			if x.FoundBy() == model {
				shelf.Plates = append(shelf.Plates, c.plate(x))
			}
		}
		if len(shelf.Plates) > 0 {
			wall = append(wall, shelf)
		}
	}
	if len(wall) == 0 {
		s.Blocks = []page.Block{page.Text("There is none.")}
		return s
	}
	s.Blocks = []page.Block{page.Text("The largest of them. Left: A, right: B. The object has a yellow outline, the detection a cyan one."), wall}
	return s
}

func (c comparedDetectors) plate(x result.ShownObject) page.Plate {
	var said []string
	for k, a := range x.Answers {
		text := string("AB"[k]) + ": missed"
		if a.Answer != result.Missed {
			text = fmt.Sprintf("%c: %s %.2f, IoU %.2f", "AB"[k], a.Class, a.Score, a.IoU)
		}
		said = append(said, text)
	}
	plate := page.Plate{Title: x.Truth, Note: brief(x.Image) + ". " + strings.Join(said, "; ") + "."}
	for k := range x.Pictures {
		plate.Pictures = append(plate.Pictures, page.Picture{
			Alt:  fmt.Sprintf("Picture %s with the outline of a %s, %s", brief(x.Image), x.Truth, said[k]),
			Load: func() (image.Image, error) { return picture(c.dir, x.Pictures[k]) },
		})
	}
	return plate
}

func (c comparedDetectors) setup() page.Facts {
	facts := page.Facts{{Name: "Scenes", Value: fmt.Sprintf("%s of the part %s of %s", page.Thousands(c.Images), c.Part, folderName(c.Data))}}
	for k, m := range c.Models {
		epoch := ""
		if m.Epoch > 0 {
			epoch = fmt.Sprintf(", epoch %d", m.Epoch)
		}
		facts = append(facts, page.Fact{Name: string("AB"[k]), Value: fmt.Sprintf("%s: %s with %s parameters%s, fingerprint %s", m.Path, m.Name, page.Thousands(m.Parameters), epoch, m.Fingerprint)})
	}
	return append(facts, page.Fact{Name: "Bootstrap", Value: page.Count(c.Draws, "sample") + " of the images"})
}
