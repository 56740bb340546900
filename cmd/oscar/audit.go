package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/metric"
	"oscar/pipeline"
	"oscar/report"
	"oscar/result"
)

func newAudit(*globalFlags) *cobra.Command {
	o := pipeline.AuditOptions{}
	cmd := &cobra.Command{
		Use:   "audit MODEL [DATA] --out DIR",
		Short: "Find label errors, duplicates and odd images in a data set",
		Long: `List likely problems in a data set, with MODEL, a run or a SavedModel folder. The
images are a part of the run's split (--split test), or with --split all every
image below DATA.

  labels        labels that are probably wrong, by confident learning
  duplicates    near duplicates in several parts of the split or with several labels
  alike         images closer to a training image, in the features of the model's
                explained layer, than 99 % of the training images are to another:
                possibly the same object
  unlike        images farther from the training images, in the same features,
                than 99 % of the training images are from each other
  background    the share of each class's heat outside of the objects, if there are
                masks (--masks), and that of a random map; else the share in the
                border strip of the image, where a random map has 0.4375
  calibration   whether the probabilities equal the shares of correct predictions,
                and the temperature that corrects them

A model repeats the labels of its training images, so their errors are found less
often. Audit the test part, or train on half of the data and audit the
other half.

DIR, which must be new, empty or of the same command, gets images.csv with a row
for each image, audit.json, pictures and report.html. Nothing in DATA is changed.`,
		Example: `  oscar audit runs/first --out audit
  oscar audit model new-photos --split all --out audit`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return arguments("MODEL")(cmd, args)
			}
			return arguments("MODEL", "DATA")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Out == "" {
				return usageError{fmt.Errorf("--out DIR is missing: the folder for the results"), cmd.CommandPath()}
			}
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			o.Model, o.Listener = args[0], s.listener()
			if len(args) > 1 {
				o.Data = args[1]
			}
			a, err := pipeline.Audit(cmd.Context(), o)
			if err != nil {
				return err
			}
			page, err := report.Write(cmd.Context(), report.Options{Dirs: []string{o.Out}, Version: version, Stage: s.listener().Stage})
			if err != nil {
				return err
			}
			s.clear()
			printAudit(cmd.OutOrStdout(), a)
			if a.Temperature != nil {
				say(cmd.OutOrStdout(), "calibrate it with  oscar export %s --out calibrated --temperature %s\n", o.Model, o.Out)
			}
			say(cmd.OutOrStdout(), "images   %s\nreport   %s\n", filepath.Join(o.Out, result.AuditTable), page)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.StringVar(&o.Part, "split", "test", "the part of the split: test, validation, train, all")
	f.StringVar(&o.Method, "method", o.Method, "the method of the maps (default gradcam)")
	f.StringVar(&o.Masks, "masks", "", "folder of masks, as of oscar score; default: the one next to the images of a synthetic set")
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

func printAudit(w io.Writer, a *result.Audit) {
	say(w, "%s\n", imagesRead(a.Images, a.Unreadable))
	say(w, "classified as their labels say   %d of %d\nlabels that are probably wrong   %d of %d\n", a.Labels.Correct, a.Labels.Images, len(a.Labels.Issues), a.Labels.Images)
	for _, x := range a.Labels.Issues[:min(len(a.Labels.Issues), 5)] {
		say(w, "  %s: label %s %.4f, most probable %s %.4f\n", x.Image, x.Label, x.Confidence, x.Suggested, x.SuggestedConfidence)
	}
	parts, labels := 0, 0
	for _, d := range a.Duplicates {
		if d.Parts {
			parts++
		}
		if d.Labels {
			labels++
		}
	}
	say(w, "groups of near duplicates        %d in several parts, %d with several labels\n", parts, labels)
	if a.Unlike.Training > 0 {
		say(w, "very like a training image       %d, by chance about %.1f\n", len(a.Alike.Pairs), float64(a.Alike.Expected))
		say(w, "unlike the training images       %d, by chance about %.1f\n", len(a.Unlike.Images), float64(a.Unlike.Expected))
	}
	if c := a.Calibration; c != nil {
		word := "not shown to be miscalibrated"
		if c.ECE > c.Calibrated {
			word = "miscalibrated"
		}
		say(w, "calibration error                %.4f (95 %% %.4f to %.4f), %s: at most %.4f if calibrated\n", c.ECE, c.Interval[0], c.Interval[1], word, c.Calibrated)
		say(w, "temperature                      %.3f, loss %.4f to %.4f\n", a.Temperature.Value, a.Temperature.Before, a.Temperature.After)
	}
	t := newTable(w)
	if len(a.Outside) > 0 {
		t.AppendHeader(table.Row{"class", "maps", "heat outside the object", "95 %", "by chance"})
		for _, o := range topByShare(a.Outside, func(o result.Outside) result.Number { return o.Share }) {
			t.AppendRow(table.Row{o.Class, o.Images, decimals(o.Share), between(o.Interval), decimals(o.Chance)})
		}
	} else {
		t.AppendHeader(table.Row{"class", "maps", "heat at the border", "95 %"})
		for _, b := range topByShare(a.Background, func(b result.Border) result.Number { return b.Share }) {
			t.AppendRow(table.Row{b.Class, b.Images, decimals(b.Share), between(b.Interval)})
		}
	}
	render(w, t)
	if n := max(len(a.Outside), len(a.Background)); n > metric.MostClasses {
		say(w, "the classes with the largest share: %s; the report has all\n", shown(n))
	}
}

// topByShare returns all rows, or of many classes those with the largest share.
func topByShare[R any](rows []R, share func(R) result.Number) []R {
	if len(rows) <= metric.MostClasses {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b R) int { return cmp.Compare(share(b), share(a)) }) // NaN last
	return rows[:maxConfused]
}
