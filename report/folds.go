package report

import (
	"context"
	"fmt"

	"oscar/report/page"
	"oscar/result"
)

// foldsChapters reads the folder of a cross-validation.
func foldsChapters(_ context.Context, dir string) ([]chapter, error) {
	f, err := result.ReadFolds(dir)
	if err != nil {
		return nil, err
	}
	if f.Together == nil {
		return nil, fmt.Errorf("%s is not finished: continue with oscar train --resume %s", dir, dir)
	}
	command, err := again(dir)
	if err != nil {
		return nil, err
	}
	c := chapter{dir: dir, subject: "The cross-validation", setup: command, notes: f.Notes}
	n, t := len(f.Runs), f.Together
	c.page = page.Page{
		Kind: "oscar, cross-validation", Title: fmt.Sprintf("%d folds of %s", n, folderName(f.Data)),
		Lead: fmt.Sprintf("Each image was classified by a network that was not trained on it: %s of %s correctly.",
			page.Thousands(t.Confusion.Correct()), page.Count(t.Images, "image")),
		Figures: page.Figures{
			{Name: "Accuracy", Value: page.Percent(float64(f.Accuracy.Mean)), Note: foldRange(f.Accuracy, page.PercentRange)},
			{Name: "Macro F1", Value: page.Number(float64(f.MacroF1.Mean)), Note: foldRange(f.MacroF1, numberRange)},
			{Name: "Loss", Value: page.Number(float64(f.Loss.Mean)), Note: foldRange(f.Loss, numberRange)},
		},
	}
	c.page.Sections = []page.Section{foldsSection(f), {Title: "All images together", Blocks: []page.Block{
		page.Text(fmt.Sprintf("The out-of-fold predictions of %s. For independently drawn images the accuracy's 95 %% interval would be %s (Wilson). predictions.csv has all probabilities.",
			page.Count(t.Images, "image"), page.PercentRange(float64(t.Interval[0]), float64(t.Interval[1])))),
		page.Beside{page.Matrix(t.Confusion), page.PerClass(t.PerClass)},
	}}}
	return []chapter{c}, nil
}

// foldRange returns the note of a figure with its interval.
func foldRange(f result.Figure, format func(low, high float64) string) string {
	if f.Interval == result.None {
		return "no interval: equal in all folds"
	}
	return "95 %: " + format(float64(f.Low), float64(f.High))
}

func numberRange(low, high float64) string { return page.Number(low) + " to " + page.Number(high) }

// foldsSection returns the section with the table of folds.
func foldsSection(f *result.Folds) page.Section {
	t := page.Table{Caption: "Results on each fold, by the run that was trained on the others", Corner: "fold",
		Columns: []page.Column{{Name: "training images"}, {Name: "images"}, {Name: "epoch"}, {Name: "accuracy"}, {Name: "loss"}, {Name: "macro F1"}}}
	for _, r := range f.Runs {
		t.Rows = append(t.Rows, page.Row{Name: fmt.Sprint(r.Fold), Cells: []page.Cell{
			{Text: page.Thousands(r.Train)}, {Text: page.Thousands(r.Images)}, {Text: fmt.Sprint(r.Epoch)},
			{Text: digits(float64(r.Accuracy))}, {Text: digits(float64(r.Loss))}, {Text: digits(float64(r.MacroF1))},
		}})
	}
	return page.Section{Title: "The folds", Blocks: []page.Block{
		page.Text("The intervals above are Student's 95 % intervals of the mean over the folds. The folds share training images, so that the intervals are somewhat too narrow."), t,
	}}
}
