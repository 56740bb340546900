package report

import (
	"context"
	"fmt"
	"image"
	"path/filepath"
	"strings"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/instance/coco"
	"oscar/report/page"
	"oscar/result"
)

// detectorChapters reads a detector's run and the results in its folder.
func detectorChapters(ctx context.Context, dir string) ([]chapter, error) {
	t, err := result.ReadDetectorTraining(dir)
	if err != nil {
		return nil, err
	}
	d := &detectorChapter{DetectorTraining: t, readable: func(path string) bool { return readable(ctx, path) }}
	c, err := d.chapter()
	if err != nil {
		return nil, err
	}
	more, err := chaptersWithin(ctx, dir, nil)
	return append([]chapter{c}, more...), err
}

// detectorChapter makes the chapter about a detector's training.
type detectorChapter struct {
	*result.DetectorTraining
	readable func(path string) bool // see [Within]
}

func (d *detectorChapter) chapter() (chapter, error) {
	x, e := d.Experiment, d.Evaluation
	c := chapter{dir: d.Dir, subject: "The training"}
	c.page = page.Page{
		Kind: "oscar, training run", Title: x.Detector.Name + " on " + folderName(x.Data.Root), Lead: d.lead(), Made: madeWith(d.Environment),
	}
	if e != nil {
		c.page.Figures = append(c.page.Figures,
			page.Figure{Name: "AP of masks", Value: apText(e.Masks.AP), Note: "test part; mean over IoU 0.50 to 0.95"},
			page.Figure{Name: "AP50 of masks", Value: apText(e.Masks.AP50), Note: "IoU of 0.50 or more"},
			page.Figure{Name: "AP of boxes", Value: apText(e.Boxes.AP)})
	}
	seconds, images := 0.0, 0.0
	for _, m := range d.Epochs {
		seconds, images = seconds+m.Seconds, images+m.ImagesPerSecond*m.Seconds
	}
	if d.Kept > 0 {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Epoch kept", Value: fmt.Sprint(d.Kept), Note: fmt.Sprintf("of %d", len(d.Epochs))})
	}
	if seconds > 0 {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Training time", Value: page.Seconds(seconds), Note: fmt.Sprintf("%.1f images/s", images/seconds)})
	}
	c.page.Sections = append(c.page.Sections, d.curves())
	if e != nil {
		c.page.Sections = append(c.page.Sections, d.tested())
		if e.Outcomes != nil {
			c.page.Sections = append(c.page.Sections, d.outcomes())
		}
	}
	var err error
	c.setup, err = d.setup(seconds)
	return c, err
}

// lead summarizes the training.
func (d *detectorChapter) lead() string {
	x := d.Experiment
	text := fmt.Sprintf("%s, a Mask R-CNN, was trained to find, name and cut out objects of %s, for %s.",
		x.Detector.Name, classCount(len(x.Data.Classes)), page.Count(len(d.Epochs), "epoch"))
	switch {
	case d.Evaluation != nil && d.Evaluation.Outcomes != nil:
		o := d.Evaluation.Outcomes
		return text + fmt.Sprintf(" At a score of %s it finds %s of %s of the test part with the right class.", page.Short(o.Least),
			page.Thousands(o.Right), page.Count(o.Right+o.WrongClass+o.Missed, "object"))
	case d.Evaluation == nil && len(d.Epochs) < x.Training.Epochs:
		return text + fmt.Sprintf(" The run is not finished: it should have %s.", page.Count(x.Training.Epochs, "epoch"))
	case d.Evaluation == nil:
		return text + " There is no evaluation of a test part."
	}
	return text
}

func classCount(n int) string {
	if n == 1 {
		return "1 class"
	}
	return fmt.Sprintf("%d classes", n)
}

// curves draws the learning curves.
func (d *detectorChapter) curves() page.Section {
	s := page.Section{Title: "Learning curves"}
	if len(d.Epochs) == 0 {
		s.Blocks = []page.Block{page.Text("No epoch is finished yet.")}
		return s
	}
	line := func(name string, color int, dashed bool, value func(result.DetectorEpoch) float64) page.Series {
		out := page.Series{Name: name, Color: color, Dashed: dashed}
		for _, e := range d.Epochs {
			out.Points = append(out.Points, page.Point{X: float64(e.Epoch), Y: value(e)})
		}
		return out
	}
	charts := page.Charts{{Title: "Loss", X: "epoch", Whole: true, Series: []page.Series{
		line("all five", page.TrainColor, false, func(e result.DetectorEpoch) float64 { return e.Loss }),
		line("class", page.ValidationColor, true, func(e result.DetectorEpoch) float64 { return e.ClassLoss }),
		line("mask", 5, true, func(e result.DetectorEpoch) float64 { return e.MaskLoss }),
	}}}
	if d.Epochs[0].Masks != nil {
		of := func(scores func(result.DetectorEpoch) *coco.Scores, value func(*coco.Scores) float64) func(result.DetectorEpoch) float64 {
			return func(e result.DetectorEpoch) float64 {
				if s := scores(e); s != nil {
					return max(0, value(s))
				}
				return 0
			}
		}
		masks, boxes := func(e result.DetectorEpoch) *coco.Scores { return e.Masks }, func(e result.DetectorEpoch) *coco.Scores { return e.Boxes }
		charts = append(charts, page.Chart{Title: "Average precision, validation part", X: "epoch", Whole: true, Range: [2]float64{0, 1}, Series: []page.Series{
			line("AP of masks", page.ValidationColor, false, of(masks, func(s *coco.Scores) float64 { return s.AP })),
			line("AP50 of masks", page.ValidationColor, true, of(masks, func(s *coco.Scores) float64 { return s.AP50 })),
			line("AP of boxes", page.TrainColor, true, of(boxes, func(s *coco.Scores) float64 { return s.AP })),
		}})
	}
	if d.Kept > 0 {
		for i := range charts {
			charts[i].Mark, charts[i].Marked = float64(d.Kept), fmt.Sprintf("kept: epoch %d", d.Kept)
		}
	}
	t := page.Table{Caption: "Losses and average precision, epoch by epoch", Corner: "epoch", Columns: []page.Column{
		{Name: "loss"}, {Name: "object"}, {Name: "shift"}, {Name: "class"}, {Name: "correction"}, {Name: "mask"}, {Name: "AP", Note: "masks"}, {Name: "AP50", Note: "masks"}, {Name: "seconds"},
	}}
	for _, e := range d.Epochs {
		row := page.Row{Name: fmt.Sprint(e.Epoch)}
		for _, v := range []float64{e.Loss, e.ObjectLoss, e.ShiftLoss, e.ClassLoss, e.CorrectionLoss, e.MaskLoss} {
			row.Cells = append(row.Cells, page.Cell{Text: digits(v)})
		}
		precision := [2]string{"–", "–"}
		if e.Masks != nil {
			precision = [2]string{apText(e.Masks.AP), apText(e.Masks.AP50)}
		}
		row.Cells = append(row.Cells, page.Cell{Text: precision[0]}, page.Cell{Text: precision[1]}, page.Cell{Text: fmt.Sprintf("%.1f", e.Seconds)})
		t.Rows = append(t.Rows, row)
	}
	s.Blocks = []page.Block{charts,
		page.Text("Object and shift are losses of the region proposals, class, correction and mask of the heads. They are means over the batches of an epoch, while the weights change."),
		page.Fold{Title: "The numbers of every epoch", Blocks: []page.Block{t}}}
	return s
}

// apText formats a share or a COCO metric. It is a dash if nothing was measured.
func apText(v float64) string {
	if v < 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", v)
}

// tested shows COCO's metrics.
func (d *detectorChapter) tested() page.Section {
	e := d.Evaluation
	t := page.Table{Caption: "Average precision and recall, as pycocotools computes them", Corner: "of", Columns: []page.Column{
		{Name: "AP"}, {Name: "AP50"}, {Name: "AP75"}, {Name: "small"}, {Name: "medium"}, {Name: "large"}, {Name: "AR1"}, {Name: "AR10"}, {Name: "AR100"},
	}, Legend: page.List{"AP: the mean over an IoU of 0.50, 0.55, … 0.95. Small: the AP of objects of less than 32 × 32 pixels; medium: to 96 × 96.", "AR1: the recall with at most one detection per image."}}
	for _, row := range []struct {
		name string
		s    coco.Scores
	}{{"masks", e.Masks}, {"boxes", e.Boxes}} {
		s, r := row.s, page.Row{Name: row.name}
		for _, v := range []float64{s.AP, s.AP50, s.AP75, s.APSmall, s.APMedium, s.APLarge, s.AR1, s.AR10, s.AR100} {
			r.Cells = append(r.Cells, page.Cell{Text: apText(v)})
		}
		t.Rows = append(t.Rows, r)
	}
	strata := page.Table{Caption: "Masks by how an object lies among the others", Corner: "objects", Columns: []page.Column{{Name: "number"}, {Name: "AP"}, {Name: "AP50"}},
		Legend: page.List{"Objects overlap if the boxes of their visible pixels do. Only a detector can separate those that overlap their own class."}}
	for _, s := range e.Strata {
		strata.Rows = append(strata.Rows, page.Row{Name: s.Name, Cells: []page.Cell{{Text: page.Thousands(s.Objects)}, {Text: apText(s.AP)}, {Text: apText(s.AP50)}}})
	}
	classes := page.Table{Caption: "Masks of each class", Corner: "class", Columns: []page.Column{{Name: "AP"}, {Name: "AP50"}}}
	for _, s := range e.Masks.ByClass {
		classes.Rows = append(classes.Rows, page.Row{Name: s.Class, Cells: []page.Cell{{Text: apText(s.AP)}, {Text: apText(s.AP50)}}})
	}
	section := page.Section{Title: "Test part", Blocks: []page.Block{
		page.Text(fmt.Sprintf("Results of epoch %d on %s with %s.", e.Epoch, page.Count(e.Images, "image"), page.Count(e.Objects, "object"))),
		t, page.Beside{strata, classes},
	}}
	if len(e.Ways) > 0 {
		section.Blocks = append(section.Blocks, d.ways())
	}
	if e.Single != nil {
		section.Blocks = append(section.Blocks, single(e.Single))
	}
	return section
}

// outcomes shows the outcome of the objects, and the worst failures.
func (d *detectorChapter) outcomes() page.Section {
	o := d.Evaluation.Outcomes
	objects := o.Right + o.WrongClass + o.Missed
	share := func(n, of int) page.Cell {
		if of == 0 {
			return page.Cell{Text: page.Thousands(n)}
		}
		return page.Cell{Text: page.Thousands(n), Note: page.Percent(float64(n) / float64(of))}
	}
	found := o.Right + o.WrongClass + o.NoObject
	s := page.Section{Title: "What goes wrong", Blocks: []page.Block{
		page.Text(fmt.Sprintf("Detections with a score of %s or more, matched with the objects at an IoU of masks of 0.5 or more, whatever their class.", page.Short(o.Least))),
		page.Table{Caption: "Objects and detections", Corner: "", Columns: []page.Column{{Name: "right"}, {Name: "wrong class"}, {Name: "missed"}, {Name: "no object"}, {Name: "all"}}, Rows: []page.Row{
			{Name: "objects", Cells: []page.Cell{share(o.Right, objects), share(o.WrongClass, objects), share(o.Missed, objects), {Text: "–"}, {Text: page.Thousands(objects)}}},
			{Name: "detections", Cells: []page.Cell{share(o.Right, found), share(o.WrongClass, found), {Text: "–"}, share(o.NoObject, found), {Text: page.Thousands(found)}}},
		}},
	}}
	var wall page.Wall
	for _, kind := range []struct{ name, title, note string }{
		{result.WrongClass, "Wrong class", "The detections with the highest scores."},
		{result.NoObject, "No object", "Detections without an object of which half is shared, with the highest scores. A second detection of an object is one, too."},
		{result.Missed, "Missed", "The largest objects without a detection."},
	} {
		shelf := page.Shelf{Title: kind.title, Note: kind.note}
		for _, f := range o.Failures {
			if f.Kind == kind.name {
				shelf.Plates = append(shelf.Plates, d.failure(f))
			}
		}
		if len(shelf.Plates) > 0 {
			wall = append(wall, shelf)
		}
	}
	if len(wall) > 0 {
		s.Blocks = append(s.Blocks, page.Text("The object has a yellow outline, the detection a cyan one."), wall)
	}
	return s
}

func (d *detectorChapter) failure(f result.Failure) page.Plate {
	what := ""
	switch f.Kind {
	case result.WrongClass:
		what = fmt.Sprintf("%s taken for %s %.2f", f.Truth, f.Class, f.Score)
	case result.NoObject:
		what = fmt.Sprintf("%s %.2f", f.Class, f.Score)
	default:
		what = f.Truth
	}
	return page.Plate{Title: what, Note: fmt.Sprintf("IoU %.2f, %s", f.IoU, f.Image), Pictures: []page.Picture{{
		Alt:  fmt.Sprintf("Picture %s with outlines, %s: %s", f.Image, f.Kind, what),
		Load: func() (image.Image, error) { return d.outlined(f) },
	}}}
}

// outlined returns the picture of a failure with its outlines, reduced.
func (d *detectorChapter) outlined(f result.Failure) (image.Image, error) {
	path := filepath.Join(d.Experiment.Data.Root, "images", d.Evaluation.Part, filepath.FromSlash(f.Image))
	if !filepath.IsLocal(filepath.FromSlash(f.Image)) || !d.readable(path) {
		return nil, fmt.Errorf("the picture was moved or removed")
	}
	img, err := dataset.DecodeFile(path, dataset.Limits{})
	if err != nil {
		return nil, fmt.Errorf("the picture was moved or removed")
	}
	for _, one := range []struct {
		mask  *coco.Segmentation
		color int
	}{{f.Object, heatmap.ObjectColor}, {f.Found, heatmap.FoundColor}} {
		if one.mask == nil {
			continue
		}
		m, err := one.mask.Mask(img.Rect.Dy(), img.Rect.Dx())
		if err != nil {
			return nil, fmt.Errorf("the picture has another size now")
		}
		heatmap.Outline(img, m.Pixels(), heatmap.OutlineColor(one.color))
	}
	return dataset.Fit(img, gallerySide), nil
}

// setup shows the settings and commands.
func (d *detectorChapter) setup(seconds float64) ([]page.Block, error) {
	x, env := d.Experiment, d.Environment
	facts := page.Facts{
		{Name: "Data", Value: folderName(x.Data.Root) + ": " + strings.Join(x.Data.Classes, ", ")},
		{Name: "Detector", Value: fmt.Sprintf("%s, input %s, a pyramid over %s", x.Detector.Name, by(x.Detector.Input), strings.Join(x.Detector.Taps, ", "))},
		{Name: "Explained layer", Value: x.Explain + ", by default"},
		{Name: "Training", Value: fmt.Sprintf("%d epochs in batches of %d, AdamW with learning rate %s", x.Training.Epochs, x.Training.Batch, page.Short(x.Training.LearningRate))},
		{Name: "Seed", Value: fmt.Sprint(x.Seed)},
		{Name: "Machine", Value: fmt.Sprintf("%s, %s; TensorFlow with %d + %d threads", env.Processor, page.Count(env.Processors, "processor"), env.Threads.Intra, env.Threads.Inter)},
		{Name: "Versions", Value: fmt.Sprintf("oscar %s, TensorFlow %s, graft %s, Go %s", env.Oscar, env.TensorFlow, env.Graft, strings.TrimPrefix(env.Go, "go"))},
	}
	var peak int64
	for _, e := range d.Epochs {
		peak = max(peak, e.PeakMemory)
	}
	if peak > 0 {
		facts = append(facts, page.Fact{Name: "Memory, measured", Value: page.Bytes(peak) + " at the peak, by the whole process"})
	}
	if len(d.Epochs) > 0 {
		facts = append(facts, page.Fact{Name: "Each epoch", Value: page.Seconds(seconds / float64(len(d.Epochs)))})
	}
	recipe, err := recipeOf(d.Text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Dir, err)
	}
	command, err := again(d.Dir)
	return append(append([]page.Block{facts}, command...), page.Fold{Title: "experiment.yaml", Blocks: []page.Block{page.Code(recipe)}}), err
}
