package report

import (
	"cmp"
	"fmt"
	"image"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/report/page"
	"oscar/result"
)

// The maximum numbers of pictures on a page, of objects per picture, and of objects per picture with
// several methods.
const shownPictures, shownObjects, shownWithMethods = 12, 8, 3

// objects makes the chapter about a folder of a detector's explanations.
type objects struct {
	dir      string
	settings *result.ObjectSettings
	methods  []methodAt
	pictures [][]result.ObjectRow // the rows of each picture
	rows     int
	objects  int
	blank    int // number of maps without a positive value
	heat     map[methodAt]*result.HeatSum
	control  result.HeatSum
}

// objectChapters reads a folder of a detector's explanations.
func objectChapters(dir string) ([]chapter, error) {
	settings, err := result.ReadObjectSettings(dir)
	if err != nil {
		return nil, err
	}
	rows, err := result.ReadObjects(dir)
	if err != nil {
		return nil, err
	}
	x := &objects{dir: dir, settings: settings, rows: len(rows), heat: map[methodAt]*result.HeatSum{}}
	for i, r := range rows {
		m := methodAt{r.Method, r.Layer}
		if x.heat[m] == nil {
			x.heat[m] = &result.HeatSum{}
			x.methods = append(x.methods, m)
		}
		if x.heat[m].Add(r.Heat); r.Heat == nil {
			x.blank++
		}
		if m == x.methods[0] {
			x.objects++
			x.control.Add(r.Control)
		}
		if i == 0 || rows[i-1].ImageID != r.ImageID {
			x.pictures = append(x.pictures, nil)
		}
		last := len(x.pictures) - 1
		x.pictures[last] = append(x.pictures[last], r)
	}
	c, err := x.chapter()
	return []chapter{c}, err
}

func (x *objects) chapter() (chapter, error) {
	s := x.settings
	command, err := again(x.dir)
	if err != nil {
		return chapter{}, err
	}
	score := string(s.Score)
	if score == "" {
		score = "each method's default"
	}
	c := chapter{dir: x.dir, subject: "The explanations", setup: append([]page.Block{page.Facts{
		{Name: "Detector", Value: detectorName(s.Model, s.Epoch)}, {Name: "Methods", Value: s.Method}, {Name: "Layer", Value: s.Layer},
		{Name: "Score", Value: score}, {Name: "Detections", Value: fmt.Sprintf("with a score of %s or more", page.Short(s.Least))}, {Name: "Seed", Value: fmt.Sprint(s.Seed)},
	}}, command...)}
	n := x.objects
	c.page = page.Page{
		Kind: "oscar, explanations of objects", Title: "Which pixels name each object",
		Lead: fmt.Sprintf("%s on %s, explained by %s: why does this box have this class? Box and pyramid level are fixed, and the score of the class in the box is explained.",
			page.Count(n, "detected object"), page.Count(len(x.pictures), "picture"), page.Count(len(x.methods), "method")),
		Figures: page.Figures{{Name: "Pictures with objects", Value: page.Thousands(len(x.pictures))}, {Name: "Objects", Value: page.Thousands(n)}, {Name: "Maps", Value: page.Thousands(x.rows)}},
	}
	if n == 0 {
		c.page.Sections = []page.Section{{Title: "Maps", Blocks: []page.Block{page.Text(fmt.Sprintf("No detection has a score of %s or more.", page.Short(s.Least)))}}}
		return c, nil
	}
	c.page.Sections = []page.Section{x.wall(), {Title: "Where the heat lies", Blocks: []page.Block{x.table()}}}
	return c, nil
}

// wall shows pictures with their objects outlined, and a map of each object.
func (x *objects) wall() page.Section {
	step := (len(x.pictures) + shownPictures - 1) / shownPictures
	text := "Every picture is shown."
	if step > 1 {
		text = fmt.Sprintf("One of %d pictures is shown, in their order.", step)
	}
	scale := "Each map has its own color scale."
	if x.settings.Drawing.Scale == result.ScaleShared {
		scale = "All maps of a method have one color scale."
	}
	s := page.Section{Title: "The objects", Blocks: []page.Block{page.Text(text +
		" An object's outline is the predicted mask. " + scale + " Point at a map to see its numbers.")}}
	d := x.settings.Drawing
	s.Blocks = append(s.Blocks, bars(cmp.Or(d.ColorMap, plainColors), "low", "high")...)
	if d.SignedColorMap != "" {
		s.Blocks = append(s.Blocks, bars(d.SignedColorMap, "against", "for")...)
	}
	var wall page.Wall
	for i := 0; i < len(x.pictures); i += step {
		wall = append(wall, x.shelves(x.pictures[i])...)
	}
	s.Blocks = append(s.Blocks, wall)
	return s
}

// shelves shows a picture with the outlines of all objects, and a map of each object. With
// several methods, each object has its own shelf.
func (x *objects) shelves(rows []result.ObjectRow) (out []page.Shelf) {
	name, shown := brief(rows[0].Image), shownObjects
	if len(x.methods) > 1 {
		shown = shownWithMethods
	}
	for i, r := range rows {
		of := fmt.Sprintf("%d %s %.2f", r.Object, r.Class, r.Detection)
		switch {
		case r.Object > shown:
			out[len(out)-1].Note = fmt.Sprintf("The first %d of %d objects.", shown, rows[len(rows)-1].Object)
			return out
		case i == 0 || len(x.methods) > 1 && rows[i-1].Object != r.Object:
			shelf := page.Shelf{Title: name}
			if len(x.methods) > 1 {
				shelf.Title += ", object " + of
			}
			if r.Picture != "" {
				shelf.Plates = append(shelf.Plates, page.Plate{Title: "all objects", Pictures: []page.Picture{{
					Alt: "Picture " + name + " with the outlines of all objects", Load: x.load(r.Picture),
				}}})
			}
			out = append(out, shelf)
		}
		plate := page.Plate{Title: of, Pictures: []page.Picture{x.mapped(r)}}
		if len(x.methods) > 1 {
			plate.Title = r.Method
		}
		if plate.Note = "the map is " + string(r.Status); r.Heat != nil {
			plate.Note = page.Percent(r.Heat.Mask) + " on the mask"
		}
		last := &out[len(out)-1]
		last.Plates = append(last.Plates, plate)
	}
	return out
}

// mapped returns the picture of a map with its numbers.
func (x *objects) mapped(r result.ObjectRow) page.Picture {
	alt := fmt.Sprintf("Map of %s for object %d, %s, on %s", r.Method, r.Object, r.Class, brief(r.Image))
	if r.Status != explain.OK {
		alt += "; the map is " + string(r.Status)
	}
	note := fmt.Sprintf("%s at %s: score %s, probability %.2f in the box", r.Method, r.Layer, page.Number(float64(r.Score)), r.Probability)
	if r.Heat != nil {
		note += fmt.Sprintf("; heat: %s on the mask, %s in the box, %s on other objects", page.Percent(r.Heat.Mask), page.Percent(r.Heat.Box), page.Percent(r.Heat.Others))
	}
	return page.Picture{Alt: alt, Note: note, Load: x.load(r.Overlay)}
}

// load reads a picture of the folder, reduced.
func (x *objects) load(name string) func() (image.Image, error) {
	return func() (image.Image, error) {
		img, err := picture(x.dir, filepath.ToSlash(name))
		if err != nil {
			return nil, lacking(err, "the picture is missing")
		}
		return dataset.Fit(img, gallerySide), nil
	}
}

// table compares the shares of heat of each method, with the box as a control.
func (x *objects) table() page.Table {
	t := page.Table{
		Caption: "Shares of the maps' positive parts, means over the objects", Corner: "heat",
		Columns: []page.Column{{Name: "maps"}, {Name: "on the mask"}, {Name: "in the box"}, {Name: "on others"}, {Name: "peak on the mask"}},
		Legend: page.List{
			"Mask and box are those that the detector predicts, and others are the masks of other detections.",
			"The box itself is a map that is 1 in the box: a map that lies no more on the mask than this control only repeats the box.",
		},
	}
	if x.blank > 0 {
		t.Legend = append(t.Legend, fmt.Sprintf("Maps without a positive value are left out: %d of %d.", x.blank, x.rows))
	}
	row := func(name, note string, m result.HeatSum, apart bool) page.Row {
		m = m.Mean()
		r := page.Row{Name: name, Note: note, Apart: apart, Cells: []page.Cell{
			{Text: page.Thousands(m.Maps)}, {Text: apText(m.Mask)}, {Text: apText(m.Box)}, {Text: apText(m.Others)}, {Text: apText(m.Peaks)},
		}}
		if apart {
			r.Cells[4].Text = "–" // a constant map has no largest value
		}
		return r
	}
	for _, m := range x.methods {
		t.Rows = append(t.Rows, row(m.method, m.layer, *x.heat[m], false))
	}
	t.Rows = append(t.Rows, row("the box itself", "control", x.control, true))
	return t
}

// detectorName returns a detector's name with the epoch of its weights. An exported model does not
// record the epoch (0).
func detectorName(model string, epoch int) string {
	if epoch == 0 {
		return model
	}
	return fmt.Sprintf("%s, epoch %d", model, epoch)
}
