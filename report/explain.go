package report

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/metric"
	"oscar/report/page"
	"oscar/result"
)

func explainChapters(ctx context.Context, dir string) ([]chapter, error) {
	if result.IsOfDetector(dir, result.SettingsFile) {
		return objectChapters(dir)
	}
	return explainChaptersOf(ctx, dir, nil)
}

// explainChaptersOf reads a folder of explanations. of is the run whose folder contains it, or nil.
func explainChaptersOf(ctx context.Context, dir string, of *result.Training) ([]chapter, error) {
	settings, err := result.ReadSettings(dir)
	if err != nil {
		return nil, err
	}
	x := &explanations{dir: dir, settings: *settings, statuses: map[methodAt]map[string]int{}, peaks: map[methodAt]float64{}}
	if err := result.EachImage(ctx, dir, x.count); err != nil {
		return nil, err
	}
	if x.images == 0 {
		return nil, fmt.Errorf("%s explains no image", filepath.Join(dir, result.ManifestFile))
	}
	g := &gallery{explanations: x, found: map[string]string{}, readable: func(path string) bool { return readable(ctx, path) }}
	if of != nil {
		g.data, x.within = of.Images(), true
		if settings.Selection == result.SelectedForReport && of.Evaluation != nil && len(of.Evaluation.Classifications) > 0 {
			x.chosenFrom(of)
		}
	}
	if err := g.choose(ctx); err != nil {
		return nil, err
	}
	c, err := x.chapter(g)
	return []chapter{c}, err
}

// methodAt is a method with its layer, or with the image as layer.
type methodAt struct{ method, layer string }

// explanations summarizes a manifest of any length.
type explanations struct {
	dir      string
	settings result.Settings
	within   bool       // in the folder of a run, whose chapter shows the accuracy
	methods  []methodAt // in the order of the manifest
	classes  []string   // classes of the model

	images        int
	all, unseen   *tally
	partsKnown    int // readable images with a known part
	statuses      map[methodAt]map[string]int
	peaks         map[methodAt]float64 // sum of the maps' largest values
	unreadable    []string             // one line each
	strange       int                  // readable images of unknown class
	chosenOfWhole bool                 // the shown images are chosen from the whole test part
}

// tally counts labeled images and chooses those to show.
type tally struct {
	confusion *metric.Confusion
	labeled   int
	chooser   *result.Chooser
}

func newTally(classes []string) *tally {
	return &tally{confusion: metric.NewConfusion(classes), chooser: result.NewChooser(classes)}
}

// shown returns the tally for the sections about predictions: the one of images that the model was
// not trained on, if there are any.
func (x *explanations) shown() *tally {
	if x.unseen != nil && x.unseen.labeled > 0 {
		return x.unseen
	}
	return x.all
}

// count counts the rows of an image.
func (x *explanations) count(rows []result.Row) error {
	x.images++
	for _, r := range rows {
		if !r.Explained() {
			x.unreadable = append(x.unreadable, fmt.Sprintf("not explained: %s: %s", brief(r.Image), r.Reason))
			continue
		}
		m := methodAt{r.Method, r.Layer}
		if x.statuses[m] == nil {
			x.statuses[m] = map[string]int{}
			x.methods = append(x.methods, m)
		}
		x.statuses[m][r.Status]++
		if r.RawMax != nil {
			x.peaks[m] += float64(*r.RawMax)
		}
	}
	first := rows[0]
	if !first.Explained() {
		return nil
	}
	if _, ok := first.Probabilities[first.Predicted]; !ok {
		x.unreadable = append(x.unreadable, fmt.Sprintf("not shown: %s: the model's output is not finite", brief(first.Image)))
		return nil
	}
	if x.classes == nil {
		x.classes = slices.Sorted(maps.Keys(first.Probabilities))
		x.all, x.unseen = newTally(x.classes), newTally(x.classes)
	}
	if !slices.Contains(x.classes, first.Predicted) {
		return fmt.Errorf("%s is predicted as %q, which is none of its probabilities' classes", first.Image, first.Predicted)
	}
	a := x.classification(first)
	if a.Truth == "" {
		x.strange++
	}
	x.all.add(a)
	unseen, known := first.Unseen()
	if known {
		x.partsKnown++
	}
	if unseen {
		x.unseen.add(a)
	}
	return nil
}

func (t *tally) add(a result.Classification) {
	t.chooser.Add(a)
	truth, predicted := slices.Index(t.confusion.Classes, a.Truth), slices.Index(t.confusion.Classes, a.Predicted)
	if truth >= 0 && t.confusion.Add(truth, predicted) == nil {
		t.labeled++
	}
}

// classification returns the classification of a row's image. Older manifests lack the true class;
// there it comes from the path.
func (x *explanations) classification(r result.Row) result.Classification {
	confidence := r.Probabilities[r.Predicted]
	a := result.Classification{Image: r.Image, SHA256: r.SHA256, Truth: r.Truth, Predicted: r.Predicted, Probability: &confidence}
	if class := result.ClassOf(r.Image, x.classes); r.Part == "" && r.Truth == "" && class >= 0 {
		a.Truth = x.classes[class]
	}
	return a
}

// chosenFrom chooses the images from a run's whole test part, because the explained images were
// chosen from it.
func (x *explanations) chosenFrom(t *result.Training) {
	if x.classes == nil {
		return
	}
	x.unseen, x.chosenOfWhole = newTally(x.classes), true
	for _, a := range t.Evaluation.Classifications {
		a.Image = filepath.Join(t.Images(), filepath.FromSlash(a.Image))
		x.unseen.add(a)
	}
}

// chapter returns the chapter about the explanations.
func (x *explanations) chapter(g *gallery) (chapter, error) {
	command, err := again(x.dir)
	if err != nil {
		return chapter{}, err
	}
	c := chapter{dir: x.dir, subject: "The explanations", setup: append(x.setup(), command...), notes: x.unreadable}
	c.page = page.Page{
		Kind: "oscar, explanations", Title: "Where the model looks",
		Lead: fmt.Sprintf("%s explained by %s.", page.Count(x.images, "image"), x.by()),
	}
	c.page.Figures = page.Figures{{Name: "Images", Value: page.Thousands(x.images)}, {Name: "Maps per image", Value: fmt.Sprint(len(x.methods))}}
	if n := len(x.unreadable); n > 0 {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Not readable", Value: page.Thousands(n), Note: "see the notes"})
	}
	if x.classes == nil {
		c.page.Sections = []page.Section{{Title: "Maps", Blocks: []page.Block{page.Text("None of the images could be read.")}}}
		return c, nil
	}
	t, selected := x.shown(), x.settings.Selection != ""
	if t.labeled > 0 && !selected {
		c.page.Figures = append(c.page.Figures, x.accuracy(t))
	}
	c.page.Sections = append(c.page.Sections, g.wall())
	if t.labeled > 0 {
		c.page.Sections = append(c.page.Sections, g.confident()...)
		if !x.within && !selected {
			c.page.Sections = append(c.page.Sections, page.Section{Title: "Predictions of these images", Blocks: []page.Block{
				page.Text(x.about(t)), page.Beside{page.Matrix(t.confusion), page.PerClass(t.confusion.PerClass())}}})
		}
	}
	c.page.Sections = append(c.page.Sections, page.Section{Title: "The maps in numbers", Blocks: []page.Block{x.statusTable()}})
	return c, nil
}

// accuracy returns the share of correct predictions, with a note about the images.
func (x *explanations) accuracy(t *tally) page.Figure {
	low, high := metric.Wilson95(t.confusion.Correct(), t.labeled)
	f := page.Figure{Name: "Accuracy", Value: page.Percent(t.confusion.Accuracy()), Note: "95\u202f%: " + page.PercentRange(low, high)}
	switch {
	case t == x.unseen:
		f.Name = "Accuracy on unseen images"
		f.Note = fmt.Sprintf("%s; %s", page.Count(t.labeled, "image"), f.Note)
	case x.partsKnown > 0:
		f.Name, f.Note = "Accuracy on training images", "the model was trained on all of them: it says nothing about new images"
	default:
		f.Note += "; training images may be among them"
	}
	return f
}

// about returns which images the predictions are of.
func (x *explanations) about(t *tally) string {
	text := fmt.Sprintf("%s whose class is known.", page.Count(t.labeled, "image"))
	switch {
	case t == x.unseen && t.labeled < x.all.labeled:
		text = fmt.Sprintf("%s that were not used to train or select the model. The other %s, of the training and validation sets, are left out.",
			page.Count(t.labeled, "image"), page.Thousands(x.all.labeled-t.labeled))
	case t == x.unseen:
		text = fmt.Sprintf("%s, none of which was used to train or select the model.", page.Count(t.labeled, "image"))
	case x.partsKnown > 0:
		text += " The model was trained or selected with all of them, so the numbers say nothing about new images."
	default:
		text += " It is not known whether the model was trained with them. An image's class is the name of its folder."
	}
	return text
}

// by returns the names of the methods, if there are few.
func (x *explanations) by() string {
	if len(x.methods) > 4 {
		return fmt.Sprintf("%d methods and layers", len(x.methods))
	}
	names := make([]string, len(x.methods))
	for i, m := range x.methods {
		names[i] = x.name(m)
	}
	return strings.Join(names, ", ")
}

// name returns the method's name, with its layer if there are several layers.
func (x *explanations) name(m methodAt) string {
	for _, other := range x.methods {
		if other.method == m.method && other.layer != m.layer {
			return m.method + " " + m.layer
		}
	}
	return m.method
}

// statusTable returns the number of maps by method and status.
func (x *explanations) statusTable() page.Table {
	states := []string{string(explain.OK), string(explain.Empty), string(explain.Faint), string(explain.Constant), string(explain.NonFinite)}
	t := page.Table{
		Caption: "The maps of each method by status", Corner: "method",
		Columns: []page.Column{{Name: "ok"}, {Name: "empty"}, {Name: "faint"}, {Name: "constant"}, {Name: "not finite"}, {Name: "mean peak", Note: "raw"}},
		Legend: page.List{
			"Empty: no positive value. Faint: less than a hundredth of the score reaches the map. Constant: one value everywhere.",
			"Mean peak: the mean of the maps' largest values before scaling. The units differ between methods.",
		},
	}
	for _, m := range x.methods {
		row, total := page.Row{Name: m.method, Note: m.layer}, 0
		for _, state := range states {
			n := x.statuses[m][state]
			total += n
			cell := page.Cell{Text: page.Thousands(n)}
			if n == 0 {
				cell.Tone = page.Faint
			}
			row.Cells = append(row.Cells, cell)
		}
		mean := "–"
		if total > 0 {
			mean = page.Number(x.peaks[m] / float64(total))
		}
		row.Cells = append(row.Cells, page.Cell{Text: mean})
		t.Rows = append(t.Rows, row)
	}
	return t
}

// setup lists the settings.
func (x *explanations) setup() []page.Block {
	s := x.settings
	facts := page.Facts{
		{Name: "Methods", Value: strings.ReplaceAll(s.Method, ",", ", ")},
		{Name: "Layers", Value: strings.ReplaceAll(s.Layer, ",", ", ")},
		{Name: "Class", Value: s.Class},
		{Name: "Precision", Value: s.Precision.String()},
	}
	for _, f := range []page.Fact{
		{Name: "Score", Value: string(s.Score)}, {Name: "Samples", Value: nonzero(s.Samples)}, {Name: "LRP rules", Value: s.Rules},
		{Name: "Colors", Value: s.ColorMap}, {Name: "Colors of signed maps", Value: s.SignedColorMap}, {Name: "Scale", Value: s.Scale},
		{Name: "Percentile", Value: nonzero(s.Percentile)}, {Name: "Seed", Value: nonzero(s.Seed)},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return []page.Block{append(facts, page.Fact{Name: "Model", Value: "fingerprint " + s.Model})}
}

// nonzero returns a number as text, or "" for 0, the default.
func nonzero[T int | uint64 | float64](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// brief returns the last two elements of a path.
func brief(path string) string {
	return filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)))
}
