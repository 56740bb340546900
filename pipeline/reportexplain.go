package pipeline

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/internal/atomicfile"
	"oscar/metric"
	"oscar/report/page"
	"oscar/result"
)

func explanationChapters(ctx context.Context, dir string) ([]chapter, error) {
	return explanationOf(ctx, dir)
}

// explanationOf reads a folder of explanations. Images that are not where the
// manifest says are looked for below the roots too.
func explanationOf(ctx context.Context, dir string, roots ...string) ([]chapter, error) {
	x := &explanations{dir: dir, statuses: map[sight]map[string]int{}, peaks: map[sight]float64{}}
	if err := atomicfile.ReadJSON(filepath.Join(dir, settingsFile), &x.settings); err != nil {
		return nil, err
	}
	if err := eachImage(ctx, filepath.Join(dir, result.ManifestFile), x.add); err != nil {
		return nil, err
	}
	if x.images == 0 {
		return nil, fmt.Errorf("%s explains no image", filepath.Join(dir, result.ManifestFile))
	}
	return []chapter{x.chapter(newGallery(x, roots), len(roots) > 0)}, nil
}

// explanations is what a page needs of a manifest of any length.
type explanations struct {
	dir      string
	settings Settings
	sights   []sight
	classes  []string

	images, labelled int
	strange          int                      // readable, but not labelled
	confusion        *metric.Confusion        // of the labelled
	examples         [][]exhibit              // of each class, the best to show first
	wrong, right     []exhibit                // labelled, the surest first
	statuses         map[sight]map[string]int // rows by their status
	peaks            map[sight]float64        // sum of the maps' largest values
	unreadable       []string
}

// How many images stand on a page: of a class, with one method and with several;
// that the model is wrong about; that it is right about.
const (
	shownAlone, shownAmong = 3, 1
	shownWrong, shownRight = 12, 6
	mostShelves            = 24
)

func (x *explanations) shown() int {
	if len(x.sights) > 1 {
		return shownAmong
	}
	return shownAlone
}

// add counts an image and keeps it if it is one to show.
func (x *explanations) add(rows []Row) error {
	e := exhibit{rows: rows}
	x.images++
	for _, r := range rows {
		if r.Status == Unreadable {
			x.unreadable = append(x.unreadable, fmt.Sprintf("not explained: %s: %s", brief(r.Image), r.Reason))
			continue
		}
		s := sightOf(r)
		if x.statuses[s] == nil {
			x.statuses[s] = map[string]int{}
			x.sights = append(x.sights, s)
		}
		x.statuses[s][r.Status]++
		if r.RawMax != nil {
			x.peaks[s] += float64(*r.RawMax)
		}
	}
	if !e.readable() {
		return nil
	}
	if _, ok := e.first().Probabilities[e.first().Predicted]; !ok {
		x.unreadable = append(x.unreadable, fmt.Sprintf("not shown: %s: the model's answer is not finite", brief(e.first().Image)))
		return nil
	}
	if x.classes == nil {
		x.classes = slices.Sorted(maps.Keys(e.first().Probabilities))
		x.examples = make([][]exhibit, len(x.classes))
		x.confusion = metric.NewConfusion(x.classes)
	}
	said, known := slices.BinarySearch(x.classes, e.first().Predicted)
	if !known {
		return fmt.Errorf("%s is predicted as %q, which is none of its probabilities' classes", e.first().Image, e.first().Predicted)
	}
	class := said
	if truth, ok := slices.BinarySearch(x.classes, filepath.Base(filepath.Dir(e.first().Image))); ok {
		e.truth, class = x.classes[truth], truth
		x.labelled++
		if err := x.confusion.Add(truth, said); err != nil {
			return err
		}
		if e.right() {
			x.right = surest(x.right, e, shownRight)
		} else {
			x.wrong = surest(x.wrong, e, shownWrong)
		}
	} else {
		x.strange++
	}
	x.examples[class] = better(x.examples[class], e, x.shown())
	return nil
}

// chapter is what the explanations have for a page. ofRun says that they lie in the
// folder of a run, which tells how good the model is.
func (x *explanations) chapter(g *gallery, ofRun bool) chapter {
	c := chapter{dir: x.dir, subject: "The explanations", setup: x.setup(), notes: x.unreadable}
	c.page = page.Page{
		Kind: "oscar, explanations", Title: "Where the model looks",
		Lead: fmt.Sprintf("%s explained by %s.", page.Count(x.images, "image"), x.by()),
		Made: "oscar " + Version,
	}
	c.page.Figures = page.Figures{{Name: "Images", Value: page.Thousands(x.images)}, {Name: "Maps of an image", Value: fmt.Sprint(len(x.sights))}}
	if x.labelled > 0 {
		low, high := metric.Wilson95(x.confusion.Correct(), x.labelled)
		c.page.Figures = append(c.page.Figures, page.Figure{
			Name: "Predicted right", Value: page.Percent(x.confusion.Accuracy()), Note: "95 %: " + page.PercentRange(low, high)})
	}
	if n := len(x.unreadable); n > 0 {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Not readable", Value: page.Thousands(n), Note: "see the notes"})
	}
	if x.classes == nil {
		c.page.Sections = []page.Section{{Title: "Maps", Blocks: []page.Block{page.Text("None of the images could be read.")}}}
		return c
	}
	c.page.Sections = append(c.page.Sections, g.wall())
	if x.labelled > 0 {
		c.page.Sections = append(c.page.Sections, g.errors()...)
		if !ofRun {
			c.page.Sections = append(c.page.Sections, page.Section{Title: "Predictions of these images", Blocks: []page.Block{
				page.Text("An image's class is the folder that it lies in."), page.Beside{page.Matrix(x.confusion), page.PerClass(x.confusion.PerClass())}}})
		}
	}
	c.page.Sections = append(c.page.Sections, page.Section{Title: "The maps in numbers", Blocks: []page.Block{x.statusTable()}})
	return c
}

// by names what was looked at, if that is not too much.
func (x *explanations) by() string {
	if len(x.sights) > 4 {
		return fmt.Sprintf("%d methods and layers", len(x.sights))
	}
	names := make([]string, len(x.sights))
	for i, s := range x.sights {
		names[i] = x.name(s)
	}
	return strings.Join(names, ", ")
}

// name is the method's, and the layer's if it looks at several.
func (x *explanations) name(s sight) string {
	for _, other := range x.sights {
		if other.method == s.method && other.layer != s.layer {
			return s.method + " " + s.layer
		}
	}
	return s.method
}

// statusTable counts the maps of each method by their status.
func (x *explanations) statusTable() page.Table {
	states := []string{string(explain.OK), string(explain.Empty), string(explain.Faint), string(explain.Constant), string(explain.NonFinite)}
	t := page.Table{
		Caption: "What became of the maps", Corner: "method",
		Columns: []page.Column{{Name: "ok"}, {Name: "empty"}, {Name: "faint"}, {Name: "constant"}, {Name: "not finite"}, {Name: "mean peak", Note: "raw"}},
		Legend: page.List{
			"Empty: nothing in the map speaks for the class. Faint: less than a hundredth of the score reaches it. Constant: one value everywhere.",
			"Mean peak: the mean of the maps' largest values, before they are scaled; methods have units of their own.",
		},
	}
	for _, s := range x.sights {
		row, total := page.Row{Name: s.method, Note: s.layer}, 0
		for _, state := range states {
			n := x.statuses[s][state]
			total += n
			cell := page.Cell{Text: page.Thousands(n)}
			if n == 0 {
				cell.Tone = page.Faint
			}
			row.Cells = append(row.Cells, cell)
		}
		mean := "–"
		if total > 0 {
			mean = page.Number(x.peaks[s] / float64(total))
		}
		row.Cells = append(row.Cells, page.Cell{Text: mean})
		t.Rows = append(t.Rows, row)
	}
	return t
}

// setup is how it was explained, and how to do it again.
func (x *explanations) setup() []page.Block {
	s, d := x.settings, DefaultSettings()
	facts := page.Facts{
		{Name: "Methods", Value: strings.ReplaceAll(s.Method, ",", ", ")},
		{Name: "Layers", Value: strings.ReplaceAll(s.Layer, ",", ", ")},
		{Name: "Class", Value: s.Class},
		{Name: "Model", Value: "fingerprint " + s.Model},
	}
	command := "oscar explain MODEL IMAGES --out DIR"
	for _, f := range []struct{ name, flag, value, plain string }{
		{"", "method", s.Method, d.Method}, {"", "layer", s.Layer, ""}, {"", "class", s.Class, d.Class},
		{"Score", "score", string(s.Score), ""}, {"Samples", "samples", nonzero(s.Samples), ""}, {"LRP's rules", "rules", s.Rules, d.Rules},
		{"Colours", "colormap", s.ColorMap, d.ColorMap}, {"Signed colours", "signed-colormap", s.SignedColorMap, d.SignedColorMap},
		{"Scale", "scale", s.Scale, d.Scale}, {"Percentile", "percentile", nonzero(s.Percentile), ""},
		{"Seed", "seed", nonzero(s.Seed), nonzero(d.Seed)},
	} {
		if f.value == "" || f.value == f.plain {
			continue
		}
		command += " --" + f.flag + " " + f.value
		if f.name != "" {
			facts = append(facts, page.Fact{Name: f.name, Value: f.value})
		}
	}
	return []page.Block{facts, page.Text("To do it again:"), page.Code(command)}
}

// nonzero writes a number unless it is 0, which stands for what is usual.
func nonzero[T int | uint64 | float64](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
