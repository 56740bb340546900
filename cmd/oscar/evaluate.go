package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/internal/text"
	"oscar/metric"
	"oscar/pipeline"
	"oscar/result"
)

func newEvaluate(*globalFlags) *cobra.Command {
	var (
		o      pipeline.EvaluateOptions
		asJSON bool
		matrix string
		curves string
	)
	cmd := &cobra.Command{
		Use:   "evaluate MODEL [DATA]",
		Short: "Evaluate a model on a part of its split or on other images",
		Long: `Evaluate MODEL, a run or a SavedModel folder, on DATA: a folder with one sub-folder
per class, or a table of images as in oscar train. With --split train, validation or
test it uses only the images of that part of the run's split. With --split all it
uses every image of DATA, which may be a folder that the run never saw. Without DATA
it uses the run's own folder.

The class of an image comes from the run's split if the split has the same content.
Otherwise it comes from the table, or it is the nearest folder above the image that
is named like a class. Images of unknown class are predicted and counted in a
separate row.

If MODEL has several labels per image, DATA is a table with --columns labels=NAMES.
The printed table has a row per label: its threshold, average precision, and
precision, recall and F1 at the threshold.

If MODEL is a detector, a run or an exported model, DATA is a folder of scenes, and
the numbers are COCO's average precision and recall of boxes and of masks.`,
		Example: `  oscar evaluate runs/first
  oscar evaluate runs/first photos --split validation
  oscar evaluate model new-photos --split all --json
  oscar evaluate runs/first --confusion confusion.png
  oscar evaluate runs/first --roc roc.png
  oscar evaluate model labels.csv --root photos --split all
  oscar evaluate runs/heaps --split validation`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return arguments("MODEL")(cmd, args)
			}
			return arguments("MODEL", "DATA")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			for _, file := range []string{matrix, curves} {
				if file == "" {
					continue
				}
				if err := pipeline.CheckFigureFile(file); err != nil {
					return usageError{err, cmd.CommandPath()}
				}
			}
			if curves != "" && curves == matrix {
				return usageError{fmt.Errorf("--roc and --confusion are both %s", curves), cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			o.Model, o.Listener, o.Probabilities = args[0], s.listener(), curves != ""
			if len(args) > 1 {
				o.Data = args[1]
			}
			if instance.IsModel(o.Model) {
				if curves != "" || matrix != "" {
					return fmt.Errorf("--roc and --confusion are for classes of images, and %s is a detector of objects", o.Model)
				}
				return evaluateInstances(cmd, s, o, asJSON)
			}
			e, err := pipeline.Evaluate(cmd.Context(), o)
			if err != nil {
				return err
			}
			if matrix != "" {
				if e.MultiLabel != nil {
					return fmt.Errorf("--confusion needs one class per image, and the images of %s may have several labels; see --roc", o.Model)
				}
				if err := pipeline.WriteConfusion(matrix, e.Confusion); err != nil {
					return err
				}
			}
			var roc *pipeline.ClassCurves
			if curves != "" {
				if roc, err = pipeline.NewClassCurves(e); err != nil {
					return err
				}
				if err := roc.Write(curves); err != nil {
					return err
				}
			}
			s.clear()
			if asJSON {
				e.Classifications = nil // thousands of lines; evaluation.json has them for the test part
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(e)
			}
			printEvaluation(cmd.OutOrStdout(), e)
			if roc != nil {
				say(cmd.OutOrStdout(), "macro AUC %.4f, each class against the rest\n", roc.Macro)
				if len(roc.Absent) > 0 {
					say(cmd.OutOrStdout(), "no ROC curve of %s: no image has the class, or all have it\n", strings.Join(roc.Absent, ", "))
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Part, "split", "test", "the part of the split: test, validation, train, all")
	f.StringVar(&matrix, "confusion", "", "new `FILE`.csv or FILE.png for the confusion matrix")
	f.StringVar(&curves, "roc", "", "new `FILE`.csv or FILE.png for the ROC curve of each class and its area")
	f.BoolVar(&asJSON, "json", false, "print JSON: images unreadable accuracy loss per_class confusion ...")
	precisionFlag(f, &o.Precision)
	tableFlags(f, &o.Table.Columns, &o.Table.Root, &o.Table.Classes)
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

func printEvaluation(w io.Writer, e *pipeline.Evaluation) {
	if e.MultiLabel != nil {
		printLabels(w, e)
		return
	}
	say(w, "accuracy %s (95 %% %s to %s)  loss %s  macro F1 %s  on %s\n", decimals(e.Accuracy), decimals(e.Interval[0]), decimals(e.Interval[1]),
		decimals(e.Loss), decimals(e.MacroF1), imagesRead(e.Images, e.Unreadable))
	if len(e.Confusion.Classes) > metric.MostClasses {
		printConfused(w, e)
		return
	}
	t := newTable(w)
	header := table.Row{"true \\ predicted"}
	for _, c := range e.Confusion.Classes {
		header = append(header, c)
	}
	t.AppendHeader(append(header, "precision", "recall", "F1"))
	t.alignRight("precision", "recall", "F1")
	var absent []string
	for i, c := range e.PerClass {
		if c.Support == 0 {
			absent = append(absent, c.Class)
		}
		row := table.Row{c.Class}
		for _, n := range e.Confusion.Counts[i] {
			row = append(row, n)
		}
		for _, score := range []float64{c.Precision, c.Recall, c.F1} {
			if c.Support == 0 {
				row = append(row, drawn.none)
				continue
			}
			row = append(row, fmt.Sprintf("%.3f", score))
		}
		t.AppendRow(row)
	}
	if e.UnknownClass != nil {
		row := table.Row{"(unknown class)"}
		for _, n := range e.UnknownClass {
			row = append(row, n)
		}
		t.AppendSeparator()
		t.AppendRow(append(row, drawn.none, drawn.none, drawn.none))
	}
	t.Render()
	if len(absent) > 0 {
		say(w, "no images of %s: a dash, and 0 in the macro F1\n", strings.Join(absent, ", "))
	}
}

// imagesRead returns the number of readable images, and of unreadable ones if there are any.
func imagesRead(images, unreadable int) string {
	if unreadable == 0 {
		return text.Count(images, "image")
	}
	return fmt.Sprintf("%s, %d could not be read", text.Count(images, "image"), unreadable)
}

// maxConfused is the number of class pairs, and of classes, that are printed in place of a large
// matrix.
const maxConfused = 20

// printConfused prints the most frequent confusions of many classes, and the classes with the
// lowest F1.
func printConfused(w io.Writer, e *pipeline.Evaluation) {
	confused := e.Confusion.Confused()
	if len(confused) > 0 {
		t := newTable(w)
		t.AppendHeader(table.Row{"true", "predicted", "images", "of the class"})
		t.alignRight("images", "of the class")
		for _, c := range confused[:min(len(confused), maxConfused)] {
			t.AppendRow(table.Row{c.Truth, c.Predicted, c.Images, fmt.Sprintf("%.0f %%", 100*c.Share)})
		}
		t.Render()
		say(w, "the most frequent confusions: %s\n\n", shown(len(confused)))
	}
	present := slices.DeleteFunc(slices.Clone(e.PerClass), func(c metric.ClassScores) bool { return c.Support == 0 })
	slices.SortStableFunc(present, func(a, b metric.ClassScores) int { return cmp.Compare(a.F1, b.F1) })
	t := newTable(w)
	t.AppendHeader(table.Row{"class", "images", "precision", "recall", "F1"})
	t.alignRight("images", "precision", "recall", "F1")
	for _, c := range present[:min(len(present), maxConfused)] {
		t.AppendRow(table.Row{c.Class, c.Support, fmt.Sprintf("%.3f", c.Precision), fmt.Sprintf("%.3f", c.Recall), fmt.Sprintf("%.3f", c.F1)})
	}
	t.Render()
	lowest := "the classes with the lowest F1: " + shown(len(present))
	if absent := len(e.PerClass) - len(present); absent > 0 {
		lowest += fmt.Sprintf("; without images, and so 0 in the macro F1: %d", absent)
	}
	if e.UnknownClass != nil {
		unknown := 0
		for _, n := range e.UnknownClass {
			unknown += n
		}
		lowest += fmt.Sprintf("; %s of an unknown class", text.Count(unknown, "image"))
	}
	say(w, "%s\n", lowest)
	say(w, "--confusion FILE.csv writes the whole matrix\n")
}

// shown returns how many of n rows a table has.
func shown(n int) string { return fmt.Sprintf("%d of %d", min(n, maxConfused), n) }

// printLabels prints the metrics of a model with several labels per image.
func printLabels(w io.Writer, e *pipeline.Evaluation) {
	say(w, "mAP %s  macro F1 %s  micro F1 %s  loss %s  on %s\n", decimals(e.MultiLabel.MeanAveragePrecision), decimals(e.MacroF1),
		decimals(e.MultiLabel.MicroF1), decimals(e.Loss), imagesRead(e.Images, e.Unreadable))
	say(w, "all labels right %s (95 %% %s to %s)\n", decimals(e.Accuracy), decimals(e.Interval[0]), decimals(e.Interval[1]))
	t := newTable(w)
	t.AppendHeader(table.Row{"label", "images", "threshold", "AP", "precision", "recall", "F1"})
	t.alignRight("images", "threshold", "AP", "precision", "recall", "F1")
	absent := false
	for _, l := range e.MultiLabel.Labels {
		row := table.Row{l.Label, l.Images, fmt.Sprintf("%.3f", l.Threshold)}
		for _, score := range []float64{float64(l.AveragePrecision), l.Precision, l.Recall, l.F1} {
			if l.Images == 0 {
				row = append(row, drawn.none)
				absent = true
				continue
			}
			row = append(row, fmt.Sprintf("%.3f", score))
		}
		t.AppendRow(row)
	}
	t.Render()
	if absent {
		say(w, "a dash: no image has the label, which counts as 0 in mAP and macro F1\n")
	}
}

// decimals formats a number with four decimals. It is a dash if the number is not finite.
func decimals(n result.Number) string {
	if math.IsNaN(float64(n)) {
		return drawn.none
	}
	return fmt.Sprintf("%.4f", float64(n))
}

// between formats an interval.
func between(interval [2]result.Number) string {
	if math.IsNaN(float64(interval[0])) {
		return drawn.none
	}
	return decimals(interval[0]) + " to " + decimals(interval[1])
}
