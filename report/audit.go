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

// auditChapters reads a folder of an audit.
func auditChapters(_ context.Context, dir string) ([]chapter, error) {
	read, err := result.ReadAudit(dir)
	if err != nil {
		return nil, err
	}
	command, err := again(dir)
	if err != nil {
		return nil, err
	}
	a := auditChapter{read, dir}
	c := chapter{dir: dir, subject: "The audit", setup: append([]page.Block{a.setup()}, command...), notes: a.Notes}
	c.page = page.Page{
		Kind: "oscar, audit", Title: "What to look at in the data",
		Lead: fmt.Sprintf("%s by %s. A program cannot know the truth: every finding is for a person to judge.", page.Count(a.Images, "image"), a.Path),
		Figures: page.Figures{
			{Name: "Probable label errors", Value: page.Thousands(len(a.Labels.Issues)), Note: "of " + page.Count(a.Labels.Images, "label")},
			{Name: "Duplicate groups", Value: page.Thousands(len(a.Duplicates)), Note: "in several parts or with several labels"},
		},
	}
	if a.Unlike.Training > 0 {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Unlike the training images", Value: page.Thousands(len(a.Unlike.Images)), Note: fmt.Sprintf("by chance about %.1f", float64(a.Unlike.Expected))})
	}
	if a.Calibration != nil {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Calibration error", Value: page.Number(a.Calibration.ECE),
			Note: fmt.Sprintf("95 %%: %s to %s", page.Number(a.Calibration.Interval[0]), page.Number(a.Calibration.Interval[1]))})
	}
	c.page.Sections = []page.Section{a.labels(), a.duplicates(), a.alike(), a.unlike(), a.background(), a.calibration()}
	return []chapter{c}, nil
}

// auditChapter makes the sections about an audit.
type auditChapter struct {
	*result.Audit
	dir string
}

// plate returns a picture of the folder with its texts.
func (a auditChapter) plate(title, note, alt, file string) page.Plate {
	return page.Plate{Title: title, Note: note, Pictures: []page.Picture{{Alt: alt, Load: func() (image.Image, error) { return picture(a.dir, file) }}}}
}

func (a auditChapter) labels() page.Section {
	s := page.Section{Title: "Labels that are probably wrong", Blocks: []page.Block{page.Text(
		"Confident learning (Northcutt, Jiang and Chuang 2021). Two things are true of each image here: another class than the label is the most probable one; " +
			"and of the classes that are at least as probable as on average for the images with their label, the most probable is not the label. " +
			"The suggestion is the most probable class. The least probable label comes first. images.csv lists all.",
	), page.Text(fmt.Sprintf("The model classifies %s of %s as their labels say. The fewer it does, the more of these findings are its own errors.",
		page.Thousands(a.Labels.Correct), page.Count(a.Labels.Images, "image")))}}
	var shelf page.Shelf
	for _, x := range a.Labels.Issues {
		if x.Picture != "" {
			shelf.Plates = append(shelf.Plates, a.plate(x.Label+", or "+x.Suggested+"?",
				fmt.Sprintf("%s. Label %s: probability %s. Most probable, %s: %s.", brief(x.Image), x.Label, page.Number(x.Confidence), x.Suggested, page.Number(x.SuggestedConfidence)),
				fmt.Sprintf("%s, labeled %s, perhaps %s", brief(x.Image), x.Label, x.Suggested), x.Picture))
		}
	}
	if len(shelf.Plates) == 0 {
		s.Blocks = append(s.Blocks, page.Text("None was found."))
		return s
	}
	s.Blocks = append(s.Blocks, page.Wall{shelf})
	if len(a.Classes) <= metric.MostClasses {
		s.Blocks = append(s.Blocks, page.Fold{Title: "Labels and confident classes", Blocks: []page.Block{a.joint()}})
	}
	return s
}

// joint returns the table of labels by confident classes.
func (a auditChapter) joint() page.Table {
	t := page.Matrix(&metric.Confusion{Classes: a.Classes, Counts: a.Labels.Counts})
	t.Caption, t.Corner = "Images by label (rows) and the class that they confidently belong to (columns)", "label \\ class"
	t.Legend = page.List{"Blue: the label is confirmed; orange: it is doubted. Images without a confident class are not counted."}
	return t
}

func (a auditChapter) duplicates() page.Section {
	s := page.Section{Title: "Near duplicates", Blocks: []page.Block{page.Text(
		"Near duplicates in several parts of the split, so that test images are not new, or with several labels, of which at most one is right. " +
			"oscar train --group-near-duplicates keeps such images in one part.")}}
	var wall page.Wall
	for _, group := range a.Duplicates {
		var shelf page.Shelf
		for _, x := range group.Images {
			if x.Picture != "" {
				shelf.Plates = append(shelf.Plates, a.plate(x.Label, brief(x.Image)+", "+part(x.Part), "Near duplicate "+brief(x.Image), x.Picture))
			}
		}
		if len(shelf.Plates) == 0 {
			break
		}
		switch {
		case group.Parts && group.Labels:
			shelf.Title = "Several parts, several labels"
		case group.Parts:
			shelf.Title = "Several parts"
		default:
			shelf.Title = "Several labels"
		}
		wall = append(wall, shelf)
	}
	if len(wall) == 0 {
		s.Blocks = append(s.Blocks, page.Text("None was found."))
		return s
	}
	s.Blocks = append(s.Blocks, wall)
	if more := len(a.Duplicates) - len(wall); more > 0 {
		s.Blocks = append(s.Blocks, page.Text(page.Count(more, "more group")+" not shown; audit.json lists all."))
	}
	return s
}

// part returns the words for a part of the split.
func part(name string) string {
	if name == "" {
		return "in no part of the split"
	}
	return name
}

func (a auditChapter) alike() page.Section {
	s := page.Section{Title: "Very like a training image"}
	if a.Unlike.Training == 0 {
		s.Blocks = []page.Block{page.Text("The model has no run with training images: nothing was measured.")}
		return s
	}
	s.Blocks = []page.Block{page.Text(fmt.Sprintf(
		"Images nearer to a training image than %s, which only one training image in a hundred is to another; about %.1f would be by chance. "+
			"They may show the same object, possibly from another side. The features are those that the model has learned, so check the pairs.",
		page.Number(float64(a.Alike.Limit)), float64(a.Alike.Expected)))}
	shelf := page.Shelf{Wide: true}
	for _, x := range a.Alike.Pairs {
		if x.Pictures[0] == "" {
			continue
		}
		plate := page.Plate{Title: x.Label, Note: fmt.Sprintf("%s. Right: %s of the training part, %s. Distance %s.", brief(x.Image), brief(x.Training), x.Trained, page.Number(x.Distance))}
		for k, name := range []string{x.Image, x.Training} {
			plate.Pictures = append(plate.Pictures, page.Picture{Alt: brief(name), Load: func() (image.Image, error) { return picture(a.dir, x.Pictures[k]) }})
		}
		shelf.Plates = append(shelf.Plates, plate)
	}
	if len(shelf.Plates) == 0 {
		s.Blocks = append(s.Blocks, page.Text("None was found."))
		return s
	}
	s.Blocks = append(s.Blocks, page.Wall{shelf})
	return s
}

func (a auditChapter) unlike() page.Section {
	s := page.Section{Title: "Unlike the training images"}
	u := a.Unlike
	if u.Training == 0 {
		s.Blocks = []page.Block{page.Text("The model has no run with training images: nothing was measured.")}
		return s
	}
	s.Blocks = []page.Block{page.Text(fmt.Sprintf(
		"The distance of an image to its fifth nearest training image, in the mean channels of layer %s scaled to length 1 (Sun et al. 2022). "+
			"Shown are images beyond %s, which one in a hundred of the %s exceeds; about %.1f would exceed it by chance.",
		a.Layer, page.Number(float64(u.Limit)), page.Count(u.Training, "training image"), float64(u.Expected)))}
	var shelf page.Shelf
	for _, x := range u.Images {
		if x.Picture != "" {
			shelf.Plates = append(shelf.Plates, a.plate(x.Label, fmt.Sprintf("%s, distance %s", brief(x.Image), page.Number(x.Distance)), brief(x.Image)+", far from the training images", x.Picture))
		}
	}
	if len(shelf.Plates) == 0 {
		s.Blocks = append(s.Blocks, page.Text("None was found."))
		return s
	}
	s.Blocks = append(s.Blocks, page.Wall{shelf})
	return s
}

// background shows how much of the heat lies outside of the objects. Without masks it shows how much
// lies at the border.
func (a auditChapter) background() page.Section {
	s := page.Section{Title: "Classes recognized by the background"}
	t := page.Table{Corner: "class", Columns: []page.Column{{Name: "maps"}}}
	const note = "Below: the 95 % interval by Student's t over the maps."
	if len(a.Outside) > 0 {
		t.Caption = "The share of the positive heat outside of the objects"
		t.Columns = append(t.Columns, page.Column{Name: "heat outside"}, page.Column{Name: "by chance"})
		t.Legend = page.List{"By chance: the share of the image outside of the object, which a random map has. Orange: the interval does not lie below it.", note}
		for _, o := range a.Outside {
			t.Rows = append(t.Rows, page.Row{Name: o.Class, Cells: []page.Cell{
				{Text: page.Thousands(o.Images)}, heatShare(o.Border, !(o.Interval[1] < o.Chance)), {Text: page.Number(float64(o.Chance))},
			}})
		}
		s.Blocks = []page.Block{page.Text(fmt.Sprintf(
			"A class whose maps of %s lie outside of the objects as much as random maps do may be recognized by its background.", a.Method)), t}
		return s
	}
	t.Caption = "The share of the positive heat in the border strip, an eighth of each side wide"
	t.Columns = append(t.Columns, page.Column{Name: "heat at the border"})
	t.Legend = page.List{fmt.Sprintf("A map without preference has %s, the strip's share of the area. Orange: the interval lies above it.", page.Number(float64(a.BorderShare))), note}
	for _, b := range a.Background {
		t.Rows = append(t.Rows, page.Row{Name: b.Class, Cells: []page.Cell{{Text: page.Thousands(b.Images)}, heatShare(b, b.Interval[0] > a.BorderShare)}})
	}
	s.Blocks = []page.Block{page.Text(
		fmt.Sprintf("Objects are mostly in the middle of a photograph. A class whose maps of %s lie at the border may be recognized by its background.", a.Method)), t}
	return s
}

// heatShare returns a cell with a share of heat and its interval. It is marked if it is suspect.
func heatShare(b result.Border, suspect bool) page.Cell {
	cell := page.Cell{Text: page.Number(float64(b.Share))}
	if !math.IsNaN(float64(b.Interval[0])) {
		cell.Note = page.Number(float64(b.Interval[0])) + " to " + page.Number(float64(b.Interval[1]))
		if suspect {
			cell.Tone, cell.Level = page.Bad, 3
		}
	}
	return cell
}

func (a auditChapter) calibration() page.Section {
	s := page.Section{Title: "Calibration"}
	c := a.Calibration
	if c == nil {
		s.Blocks = []page.Block{page.Text("There are no labeled images that the model was not trained on: nothing was measured.")}
		return s
	}
	verdict := "That does not show that the model is miscalibrated."
	if c.ECE > c.Calibrated {
		verdict = "The model is miscalibrated."
	}
	ideal := page.Series{Name: "calibrated", Color: page.BaseColor, Dashed: true, Points: []page.Point{{X: 0, Y: 0}, {X: 1, Y: 1}}}
	measured := page.Series{Name: "measured", Color: page.TrainColor}
	t := page.Table{Caption: "Images by the probability of the predicted class", Corner: "probability", Columns: []page.Column{{Name: "images"}, {Name: "mean probability"}, {Name: "correct"}}}
	for _, b := range c.Bins {
		if b.Images == 0 {
			continue
		}
		measured.Points = append(measured.Points, page.Point{X: b.Confidence, Y: b.Accuracy})
		t.Rows = append(t.Rows, page.Row{Name: fmt.Sprintf("%.2f to %.2f", b.Low, b.High), Cells: []page.Cell{{Text: page.Thousands(b.Images)}, {Text: page.Number(b.Confidence)}, {Text: page.Number(b.Accuracy)}}})
	}
	s.Blocks = []page.Block{
		page.Text(fmt.Sprintf("The expected calibration error of %s is %s (95 %%: %s to %s). A calibrated model with the same probabilities has at most %s in 97.5 %% of cases. %s",
			page.Count(c.Images, "image"), page.Number(c.ECE), page.Number(c.Interval[0]), page.Number(c.Interval[1]), page.Number(c.Calibrated), verdict)),
		page.Charts{{Title: "Share of correct predictions by probability", X: "probability of the predicted class", Range: [2]float64{0, 1}, Series: []page.Series{measured, ideal}}},
		t,
	}
	if x := a.Temperature; x != nil {
		s.Blocks = append(s.Blocks, page.Text(fmt.Sprintf("Dividing the logits by a temperature of %s would change the mean cross-entropy of these images from %s to %s nats. The temperature is fitted to them.",
			page.Number(x.Value), page.Number(x.Before), page.Number(x.After))))
	}
	return s
}

func (a auditChapter) setup() page.Facts {
	return page.Facts{
		{Name: "Images", Value: fmt.Sprintf("%s of the %s of %s", page.Thousands(a.Images), partName(a.Part), folderName(a.Data))},
		{Name: "Model", Value: fmt.Sprintf("%s, fingerprint %s", a.Path, a.Audit.Model)},
		{Name: "Maps", Value: fmt.Sprintf("%s at %s", a.Method, a.Layer)},
	}
}
