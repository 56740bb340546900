package pipeline

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"oscar/report/page"
)

// runChapters reads a run and what lies below it.
func runChapters(ctx context.Context, dir string) ([]chapter, error) {
	r, err := OpenRun(dir)
	if err != nil {
		return nil, err
	}
	c, err := r.chapter()
	if err != nil {
		return nil, err
	}
	more, err := below(ctx, dir, r.Images())
	return append([]chapter{c}, more...), err
}

// chapter is what the run itself has.
func (r *Run) chapter() (chapter, error) {
	epochs, err := r.readJournal()
	if err != nil {
		return chapter{}, err
	}
	tested, err := r.Evaluation()
	if err != nil {
		return chapter{}, err
	}
	total, frozen, err := r.Experiment.Architecture.Parameters()
	if err != nil {
		return chapter{}, err
	}
	c := chapter{dir: r.Dir, subject: "The training", notes: r.reportNotes(epochs)}
	c.page = page.Page{
		Kind:  "oscar, training run",
		Title: r.Experiment.Architecture.Name + " on " + r.dataName(),
		Lead:  r.lead(epochs, tested),
		Made:  r.made(),
	}
	if tested != nil {
		c.page.Figures = append(c.page.Figures,
			page.Figure{Name: "Test accuracy", Value: page.Percent(tested.Accuracy), Note: "95 %: " + page.PercentRange(tested.Interval[0], tested.Interval[1])},
			page.Figure{Name: "Macro F1", Value: page.Number(tested.MacroF1), Note: "mean of the classes"},
			page.Figure{Name: "Test loss", Value: page.Number(tested.Loss), Note: "cross-entropy, nats"})
	}
	seconds := 0.0
	for _, e := range epochs {
		seconds += e.Seconds
	}
	if kept := r.kept(epochs, tested); kept > 0 {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Epoch kept", Value: fmt.Sprint(kept), Note: fmt.Sprintf("of %d", len(epochs))})
	}
	c.page.Figures = append(c.page.Figures,
		page.Figure{Name: "Parameters", Value: page.Thousands(total), Note: page.Thousands(frozen) + " of them not trained"},
		page.Figure{Name: "Training time", Value: page.Seconds(seconds), Note: speed(epochs)})
	c.page.Sections = append(c.page.Sections, r.curvesSection(epochs, r.kept(epochs, tested)))
	if tested != nil {
		c.page.Sections = append(c.page.Sections, testSection(tested))
	}
	costs, err := r.costs(epochs, seconds)
	if err != nil {
		return chapter{}, err
	}
	network, err := r.network(total, frozen)
	if err != nil {
		return chapter{}, err
	}
	c.about = []page.Section{costs, network}
	c.setup, err = r.setup()
	return c, err
}

// lead says in a sentence or two what became of the run.
func (r *Run) lead(epochs []EpochMetrics, tested *Evaluation) string {
	text := fmt.Sprintf("%s learnt %d classes from %s in %s.", r.Experiment.Architecture.Name, len(r.Split.Classes),
		page.Count(len(r.Split.Train), "image"), page.Count(len(epochs), "epoch"))
	switch {
	case tested != nil:
		return text + fmt.Sprintf(" It is right about %s of %s that it had not seen.",
			page.Thousands(tested.Confusion.Correct()), page.Count(tested.Images, "image"))
	case len(r.Split.Test) == 0:
		return text + " The split has no test part, so that nothing is known of images it has not seen."
	}
	return text + fmt.Sprintf(" The run is not finished: %s were asked for.", page.Count(r.Experiment.Training.Epochs, "epoch"))
}

// dataName is the data's folder, by its name alone: whose machine it lies on is
// nobody's business.
func (r *Run) dataName() string {
	if !filepath.IsAbs(r.Experiment.Data.Root) {
		return "drawn objects"
	}
	return folderName(r.Experiment.Data.Root)
}

// folderName is the name of a folder of images; where that tells nothing, of the one
// that it lies in.
func folderName(root string) string {
	root = filepath.Clean(root)
	switch name := filepath.Base(root); {
	case slices.Contains([]string{"images", "train", "data"}, name) && filepath.Dir(root) != "/":
		return filepath.Base(filepath.Dir(root))
	default:
		return name
	}
}

// kept is the epoch whose weights were kept: the tested one, or the best so far.
func (r *Run) kept(epochs []EpochMetrics, tested *Evaluation) int {
	if tested != nil && tested.Epoch > 0 {
		return tested.Epoch
	}
	if len(r.Split.Validation) == 0 {
		return len(epochs)
	}
	names, err := checkpoints{r.path(checkpointsDir)}.list("best-")
	kept := 0
	if err == nil && len(names) > 0 {
		fmt.Sscanf(names[len(names)-1], "best-%d", &kept)
	}
	return kept
}

// speed is the mean speed of training.
func speed(epochs []EpochMetrics) string {
	images, seconds := 0.0, 0.0
	for _, e := range epochs {
		images += e.ImagesPerSecond * e.Seconds
		seconds += e.Seconds
	}
	if seconds == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f images/s", images/seconds)
}

// curvesSection draws the learning curves, with their numbers folded away.
func (r *Run) curvesSection(epochs []EpochMetrics, kept int) page.Section {
	s := page.Section{Title: "Learning curves"}
	if len(epochs) == 0 {
		s.Blocks = []page.Block{page.Text("No epoch is done yet.")}
		return s
	}
	line := func(name string, color int, dashed bool, value func(EpochMetrics) float64) page.Series {
		out := page.Series{Name: name, Color: color, Dashed: dashed}
		for _, e := range epochs {
			out.Points = append(out.Points, page.Point{X: float64(e.Epoch), Y: value(e)})
		}
		return out
	}
	both := func(train, validation func(EpochMetrics) float64) []page.Series {
		lines := []page.Series{line("training", page.TrainColor, true, train)}
		if len(r.Split.Validation) > 0 {
			lines = append(lines, line("validation", page.ValidationColor, false, validation))
		}
		return lines
	}
	charts := page.Charts{
		{Title: "Loss", X: "epoch", Whole: true, Series: both(
			func(e EpochMetrics) float64 { return e.Loss }, func(e EpochMetrics) float64 { return float64(e.ValidationLoss) })},
		{Title: "Accuracy", X: "epoch", Whole: true, Range: [2]float64{0, 1}, Series: both(
			func(e EpochMetrics) float64 { return e.Accuracy }, func(e EpochMetrics) float64 { return float64(e.ValidationAccuracy) })},
	}
	if slices.ContainsFunc(epochs, func(e EpochMetrics) bool { return e.LearningRate != epochs[0].LearningRate }) {
		charts = append(charts, page.Chart{Title: "Learning rate at the end of an epoch", X: "epoch", Whole: true, Series: []page.Series{
			line("learning rate", page.TrainColor, false, func(e EpochMetrics) float64 { return e.LearningRate })}})
	}
	if kept > 0 {
		for i := range charts[:2] {
			charts[i].Mark, charts[i].Marked = float64(kept), fmt.Sprintf("kept: epoch %d", kept)
		}
	}
	s.Blocks = []page.Block{charts,
		page.Text("Training figures are means over an epoch, while the weights move; validation figures are taken after it."),
		page.Fold{Title: "The numbers of every epoch", Blocks: []page.Block{epochTable(epochs)}}}
	return s
}

// mostEpochs is how many rows the table of epochs has at the most.
const mostEpochs = 200

func epochTable(epochs []EpochMetrics) page.Table {
	t := page.Table{Caption: "Loss and accuracy, epoch by epoch", Corner: "epoch", Columns: []page.Column{
		{Name: "loss"}, {Name: "accuracy"}, {Name: "validation loss"}, {Name: "validation accuracy"}, {Name: "learning rate"}, {Name: "seconds"},
	}}
	every := (len(epochs) + mostEpochs - 1) / mostEpochs
	if every > 1 {
		t.Caption += fmt.Sprintf(", each %dth of %s", every, page.Thousands(len(epochs)))
	}
	for _, e := range epochs {
		if e.Epoch%every != 0 && e.Epoch != len(epochs) {
			continue
		}
		t.Rows = append(t.Rows, page.Row{Name: fmt.Sprint(e.Epoch), Cells: []page.Cell{
			{Text: digits(e.Loss)}, {Text: digits(e.Accuracy)}, {Text: digits(float64(e.ValidationLoss))}, {Text: digits(float64(e.ValidationAccuracy))},
			{Text: page.Short(e.LearningRate)}, {Text: fmt.Sprintf("%.1f", e.Seconds)},
		}})
	}
	return t
}

// digits writes a figure as the screen has it, or a dash.
func digits(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.4f", v)
}

// testSection is what the test part says.
func testSection(e *Evaluation) page.Section {
	text := fmt.Sprintf("%s of the test part, looked at once, with epoch %d. The interval of the accuracy is Wilson's, of 95 %%: with as many other images it would mostly fall within it.",
		page.Count(e.Images, "image"), e.Epoch)
	if e.Unreadable > 0 {
		text += fmt.Sprintf(" %s could not be read.", page.Count(e.Unreadable, "more"))
	}
	return page.Section{Title: "On images it had not seen", Blocks: []page.Block{
		page.Text(text), page.Beside{page.Matrix(e.Confusion), page.PerClass(e.PerClass)},
	}}
}

// made is the page's last line.
func (r *Run) made() string {
	e := r.Environment
	made := []string{"oscar " + e.Oscar, "TensorFlow " + e.TensorFlow}
	if !e.Started.IsZero() {
		made = append(made, "begun "+e.Started.UTC().Format("2 January 2006, 15:04")+" UTC")
	}
	return strings.Join(made, " · ")
}
