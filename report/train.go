package report

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"oscar/report/page"
	"oscar/result"
)

// trainChapters reads a run and the results in its folder.
func trainChapters(ctx context.Context, dir string) ([]chapter, error) {
	if result.IsOfDetector(dir, result.ExperimentFile) {
		return detectorChapters(ctx, dir)
	}
	t, err := result.ReadTraining(dir)
	if err != nil {
		return nil, err
	}
	c, err := trainChapter(t)
	if err != nil {
		return nil, err
	}
	more, err := chaptersWithin(ctx, dir, t)
	return append([]chapter{c}, more...), err
}

// trainChapter is the chapter of the training itself.
func trainChapter(t *result.Training) (chapter, error) {
	epochs, tested := t.Epochs, t.Evaluation
	c := chapter{dir: t.Dir, subject: "The training", notes: trainNotes(t)}
	c.page = page.Page{
		Kind:  "oscar, training run",
		Title: t.Experiment.Architecture.Name + " on " + dataName(t),
		Lead:  trainLead(t),
		Made:  madeWith(t.Environment),
	}
	if tested != nil && tested.MultiLabel != nil {
		c.page.Figures = append(c.page.Figures,
			page.Figure{Name: "Test mAP", Value: page.Number(float64(tested.MultiLabel.MeanAveragePrecision)), Note: "mean average precision of the labels"},
			page.Figure{Name: "Macro F1", Value: page.Number(float64(tested.MacroF1)), Note: "mean of the labels"},
			page.Figure{Name: "Micro F1", Value: page.Number(float64(tested.MultiLabel.MicroF1)), Note: "of all labels together"},
			page.Figure{Name: "All labels right", Value: page.Percent(float64(tested.Accuracy)), Note: wilson(tested)})
	} else if tested != nil {
		c.page.Figures = append(c.page.Figures,
			page.Figure{Name: "Test accuracy", Value: page.Percent(float64(tested.Accuracy)), Note: wilson(tested)},
			page.Figure{Name: "Macro F1", Value: page.Number(float64(tested.MacroF1)), Note: "mean of the classes"},
			page.Figure{Name: "Test loss", Value: page.Number(float64(tested.Loss)), Note: "cross-entropy, nats"})
	}
	seconds := 0.0
	for _, e := range epochs {
		seconds += e.Seconds
	}
	if t.Kept > 0 {
		c.page.Figures = append(c.page.Figures, page.Figure{Name: "Epoch kept", Value: fmt.Sprint(t.Kept), Note: fmt.Sprintf("of %d", len(epochs))})
	}
	if n := t.Network; n != nil {
		c.page.Figures = append(c.page.Figures,
			page.Figure{Name: "Parameters", Value: page.Thousands(n.Parameters), Note: page.Thousands(n.Frozen) + " of them not trained"})
	}
	c.page.Figures = append(c.page.Figures, page.Figure{Name: "Training time", Value: page.Seconds(seconds), Note: speed(epochs)})
	c.page.Sections = append(c.page.Sections, curvesSection(t))
	if tested != nil {
		c.page.Sections = append(c.page.Sections, testSection(tested))
	}
	c.about = []page.Section{costsSection(t, seconds)}
	if t.Network != nil {
		c.about = append(c.about, networkSection(t.Network))
	}
	var err error
	c.setup, err = trainSetup(t)
	return c, err
}

// trainLead summarizes the training in a sentence or two.
func trainLead(t *result.Training) string {
	verb := "trained"
	if t.Experiment.FineTune != nil {
		verb = "fine-tuned"
	}
	text := fmt.Sprintf("%[1]s was %[5]s on %[3]s of %[2]d classes for %[4]s.", t.Experiment.Architecture.Name, len(t.Split.Classes),
		page.Count(len(t.Split.Train), "image"), page.Count(len(t.Epochs), "epoch"), verb)
	switch tested := t.Evaluation; {
	case tested != nil && tested.MultiLabel != nil:
		return text + fmt.Sprintf(" An image may have several of them. All labels are right in %s of the %s of the test set.",
			page.Percent(float64(tested.Accuracy)), page.Count(tested.Images, "image"))
	case tested != nil:
		return text + fmt.Sprintf(" It classifies %s of %s of the test set correctly.",
			page.Thousands(tested.Confusion.Correct()), page.Count(tested.Images, "image"))
	case len(t.Split.Test) == 0:
		return text + " The split has no test set, so the accuracy on new images is unknown."
	}
	return text + fmt.Sprintf(" The run is not finished: it should have %s.", page.Count(t.Experiment.Training.Epochs, "epoch"))
}

// dataName returns the name of the data's folder, without the author's path.
func dataName(t *result.Training) string {
	if !filepath.IsAbs(t.Experiment.Data.Root) {
		return "drawn objects"
	}
	return folderName(t.Experiment.Data.Root)
}

// folderName returns the name of a folder of images. If this name is generic, it is the parent's.
func folderName(root string) string {
	root = filepath.Clean(root)
	switch name := filepath.Base(root); {
	case slices.Contains([]string{"images", "train", "data"}, name) && filepath.Dir(root) != "/":
		return filepath.Base(filepath.Dir(root))
	default:
		return name
	}
}

// speed returns the mean speed of training.
func speed(epochs []result.EpochMetrics) string {
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

// curvesSection draws the learning curves. Their numbers are in a closed fold.
func curvesSection(t *result.Training) page.Section {
	epochs := t.Epochs
	s := page.Section{Title: "Learning curves"}
	if len(epochs) == 0 {
		s.Blocks = []page.Block{page.Text("No epoch is finished yet.")}
		return s
	}
	line := func(name string, color int, dashed bool, value func(result.EpochMetrics) float64) page.Series {
		out := page.Series{Name: name, Color: color, Dashed: dashed}
		for _, e := range epochs {
			out.Points = append(out.Points, page.Point{X: float64(e.Epoch), Y: value(e)})
		}
		return out
	}
	both := func(train, validation func(result.EpochMetrics) float64) []page.Series {
		lines := []page.Series{line("training", page.TrainColor, true, train)}
		if len(t.Split.Validation) > 0 {
			lines = append(lines, line("validation", page.ValidationColor, false, validation))
		}
		return lines
	}
	charts := page.Charts{
		{Title: "Loss", X: "epoch", Whole: true, Series: both(
			func(e result.EpochMetrics) float64 { return e.Loss }, func(e result.EpochMetrics) float64 { return float64(e.ValidationLoss) })},
		{Title: "Accuracy", X: "epoch", Whole: true, Range: [2]float64{0, 1}, Series: both(
			func(e result.EpochMetrics) float64 { return e.Accuracy }, func(e result.EpochMetrics) float64 { return float64(e.ValidationAccuracy) })},
	}
	if epochs[0].ValidationAveragePrecision != nil { // accuracy says little if most labels are absent
		charts[1] = page.Chart{Title: "Mean average precision", X: "epoch", Whole: true, Range: [2]float64{0, 1}, Series: []page.Series{
			line("validation", page.ValidationColor, false, func(e result.EpochMetrics) float64 {
				if e.ValidationAveragePrecision == nil {
					return math.NaN()
				}
				return float64(*e.ValidationAveragePrecision)
			})}}
	}
	if slices.ContainsFunc(epochs, func(e result.EpochMetrics) bool { return e.LearningRate != epochs[0].LearningRate }) {
		charts = append(charts, page.Chart{Title: "Learning rate at the end of an epoch", X: "epoch", Whole: true, Series: []page.Series{
			line("learning rate", page.TrainColor, false, func(e result.EpochMetrics) float64 { return e.LearningRate })}})
	}
	if t.Kept > 0 {
		for i := range charts[:2] {
			charts[i].Mark, charts[i].Marked = float64(t.Kept), fmt.Sprintf("kept: epoch %d", t.Kept)
		}
	}
	s.Blocks = []page.Block{charts,
		page.Text("Training values are means over the batches of an epoch, while the weights change. Validation values are measured at the end of the epoch."),
		page.Fold{Title: "The numbers of every epoch", Blocks: []page.Block{epochTable(epochs)}}}
	return s
}

// maxEpochs is the maximum number of rows in the table of epochs.
const maxEpochs = 200

func epochTable(epochs []result.EpochMetrics) page.Table {
	t := page.Table{Caption: "Loss and accuracy, epoch by epoch", Corner: "epoch", Columns: []page.Column{
		{Name: "loss"}, {Name: "accuracy"}, {Name: "validation loss"}, {Name: "validation accuracy"}, {Name: "learning rate"}, {Name: "seconds"},
	}}
	every := (len(epochs) + maxEpochs - 1) / maxEpochs
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

// digits returns a value with four decimals, or a dash for NaN.
func digits(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.4f", v)
}

// wilson returns the note below an accuracy: its interval, or "" without one.
func wilson(e *result.Evaluation) string {
	low, high := float64(e.Interval[0]), float64(e.Interval[1])
	if math.IsNaN(low) || math.IsNaN(high) {
		return ""
	}
	return "95 %: " + page.PercentRange(low, high)
}

// testSection shows the results on the test part.
func testSection(e *result.Evaluation) page.Section {
	text := fmt.Sprintf("Results of epoch %d on %s of the test set, which was evaluated once.",
		e.Epoch, page.Count(e.Images, "image"))
	if wilson(e) != "" {
		of := "The accuracy's interval"
		if e.MultiLabel != nil {
			of = "The interval of all labels right"
		}
		text += " " + of + " is Wilson's 95 % interval: it covers the sampling of the test images, not the randomness of training."
	}
	if e.Unreadable > 0 {
		text += fmt.Sprintf(" %s could not be read.", page.Count(e.Unreadable, "further image"))
	}
	for _, note := range e.Notes {
		text += " Note: " + note + "."
	}
	if e.MultiLabel != nil {
		text += " A label is predicted if its probability reaches the threshold, which has the best F1 on the validation part."
		return page.Section{Title: "Test set", Blocks: []page.Block{page.Text(text), labelTable(e.MultiLabel)}}
	}
	return page.Section{Title: "Test set", Blocks: []page.Block{
		page.Text(text), page.Beside{page.Matrix(e.Confusion), page.PerClass(e.PerClass)},
	}}
}

// labelTable shows the metrics of each label.
func labelTable(m *result.MultiLabel) page.Table {
	t := page.Table{Caption: "The figures of each label", Corner: "label", Columns: []page.Column{
		{Name: "images"}, {Name: "threshold"}, {Name: "average precision"}, {Name: "precision"}, {Name: "recall"}, {Name: "F1"},
	}}
	for _, l := range m.Labels {
		cells := []page.Cell{{Text: page.Thousands(l.Images)}, {Text: page.Number(l.Threshold)}}
		for _, v := range []float64{float64(l.AveragePrecision), l.Precision, l.Recall, l.F1} {
			cells = append(cells, page.Cell{Text: page.Number(v)})
		}
		t.Rows = append(t.Rows, page.Row{Name: l.Label, Cells: cells})
	}
	return t
}

// madeWith returns the page's last line.
func madeWith(e result.Environment) string {
	made := []string{"oscar " + e.Oscar, "TensorFlow " + e.TensorFlow}
	if !e.Started.IsZero() {
		made = append(made, "started "+e.Started.UTC().Format("2 January 2006, 15:04")+" UTC")
	}
	return strings.Join(made, " · ")
}
