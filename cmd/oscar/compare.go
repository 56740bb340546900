package main

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/report"
	"oscar/result"
)

func newCompare(*globalFlags) *cobra.Command {
	var (
		o      = pipeline.CompareOptions{}
		asJSON bool
		limits = map[string]*float64{} // by flag
	)
	// Limits and their flags, in the order of result.LimitNames and result.DetectorLimitNames.
	flags, ofDetectors := []string{"max-accuracy-drop", "max-loss-rise", "max-changed", "max-drift"}, []string{"max-ap-drop", "max-changed"}
	limitsOf := func(cmd *cobra.Command, names, flags []string) map[string]float64 {
		out := map[string]float64{}
		for i, flag := range flags {
			if cmd.Flags().Changed(flag) {
				out[names[i]] = *limits[flag]
			}
		}
		return out
	}
	cmd := &cobra.Command{
		Use:   "compare A B [DATA]",
		Short: "Compare the metrics and explanations of two models",
		Long: `Compare two models, runs or SavedModel folders of the same classes, on the same
images: accuracy, loss and macro F1 with the 95 % interval of the difference,
McNemar's test, images with another predicted class, and how much the
explanations differ. Nothing is trained. B is the model that may replace A.

The images are those of a part of A's split (--split test) in A's own folder, or
in DATA; with --split all every image below DATA. Both models explain the true
class of each image. Drift is 1 - the mean rank correlation (Spearman) of the two
maps of an image: 0 if they order the pixels alike. The line "by chance"
correlates A's map with B's map of another image.

--out DIR, which must be new, empty or of the same command, gets comparison.json
with a line for each image, overlays by both models of the images that changed
most, and report.html.

The --max flags set limits. If one is exceeded, or cannot be measured, the exit
status is 4, after everything is printed and written. So a build server can refuse
a model whose explanations changed. A drop or rise below 0 is a gain: with
--max-accuracy-drop -0.01, B must be better by 0.01 or more.

If A and B are detectors, runs or exported models, DATA is a folder of scenes. The
figures are AP of masks and of boxes, with the 95 % interval of the difference by
the bootstrap over images; AP by overlap of the objects and by class; and the
objects that only one detector finds with the right class, at a score of 0.5 or
more. The page shows such objects. --max-changed is then the share of objects with a
changed answer, and --max-ap-drop limits the drop of the masks' AP.`,
		Example: `  oscar compare runs/first runs/second
  oscar compare model-1 model-2 new-photos --split all --out comparison
  oscar compare runs/first runs/second --max-accuracy-drop 0.01 --max-drift 0.3
  oscar compare runs/heaps runs/heaps-2 --out comparison --max-ap-drop 0.02`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 3 {
				return arguments("A", "B")(cmd, args)
			}
			return arguments("A", "B", "DATA")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Models = [2]string{args[0], args[1]}
			if len(args) > 2 {
				o.Data = args[2]
			}
			if instance.IsModel(args[0]) || instance.IsModel(args[1]) {
				return compareInstances(cmd, o, limitsOf(cmd, result.DetectorLimitNames, ofDetectors), asJSON)
			}
			if cmd.Flags().Changed("max-ap-drop") {
				return usageError{errors.New("--max-ap-drop is for detectors"), cmd.CommandPath()}
			}
			o.Limits = limitsOf(cmd, result.LimitNames, flags)
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			o.Listener = s.listener()
			c, err := pipeline.Compare(cmd.Context(), o)
			page := ""
			if err == nil && o.Out != "" {
				page, err = report.Write(cmd.Context(), report.Options{Dirs: []string{o.Out}, Version: version, Stage: s.listener().Stage})
			}
			if err != nil {
				return err
			}
			s.clear()
			w := cmd.OutOrStdout()
			if asJSON {
				err = writeComparison(w, *c)
			} else {
				printComparison(w, c)
				if page != "" {
					say(w, "results  %s\nreport   %s\n", filepath.Join(o.Out, result.ComparisonFile), page)
				}
			}
			if exceeded := result.Exceeded(c.Limits); err == nil && len(exceeded) > 0 {
				return limitError(exceeded)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.StringVar(&o.Part, "split", "test", "the part of A's split: test, validation, train, all")
	f.StringVar(&o.Method, "method", o.Method, "explanation method; METHOD@LAYER for a layer that both models have (default gradcam)")
	f.IntVar(&o.Images, "images", 0, "largest number of images to explain, spread evenly; 0: all")
	f.BoolVar(&asJSON, "json", false, "print JSON: models figures per_class mcnemar changed drift shown limits ...")
	for i, help := range []string{
		"the largest drop of accuracy, -1 to 1",
		"the largest rise of loss, in nats",
		"the largest share of images with another predicted class, of objects with another answer, 0 to 1", "the largest drift, 0 to 2",
		"the largest drop of AP of masks of a detector, -1 to 1",
	} {
		flag := append(flags, ofDetectors[0])[i]
		limits[flag] = f.Float64(flag, 0, help+"; without the flag there is no limit")
	}
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

// limitError is the error if limits are exceeded. Their values are in the results that are printed.
type limitError []result.Limit

func (e limitError) Error() string {
	var names []string
	for _, l := range e {
		names = append(names, l.Name)
	}
	return text.Count(len(e), "limit") + " exceeded: " + strings.Join(names, ", ")
}

// writeComparison prints a comparison without the lines of images.
func writeComparison(w io.Writer, c result.Comparison) error {
	c.ByImage = nil
	for i, m := range c.Models {
		e := *m.Evaluation
		e.Classifications = nil
		c.Models[i].Evaluation, c.Models[i].Epochs = &e, nil
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(c)
}

func printComparison(w io.Writer, c *result.Comparison) {
	say(w, "A %s\nB %s\non %s\n\n", c.Models[0].Path, c.Models[1].Path, imagesRead(c.Images, c.Unreadable))
	t := newTable(w)
	t.AppendHeader(table.Row{"", "A", "B", "B - A", "95 %"})
	for _, f := range c.Figures {
		t.AppendRow(append(table.Row{f.Title}, pairOf(f)...))
	}
	t.Render()
	say(w, "\ncorrect by A alone %d, by B alone %d, McNemar's p %.3g\n", c.McNemar.OnlyAgainst, c.McNemar.OnlyThis, c.McNemar.P)
	say(w, "another predicted class %s (95 %% %s to %s)\n", decimals(c.Changed), decimals(c.ChangedInterval[0]), decimals(c.ChangedInterval[1]))
	d := c.Drift
	say(w, "explanations by %s on %s:\n  rank correlation %s (95 %% %s to %s), by chance %s, SSIM %s\n  drift %s\n",
		d.Method, text.Count(d.Images, "image"), decimals(d.Rank), decimals(d.RankInterval[0]), decimals(d.RankInterval[1]), decimals(d.Chance), decimals(d.SSIM), decimals(d.Value))
	t = newTable(w)
	t.AppendHeader(table.Row{"class", "images", "recall A", "B", "F1 A", "B", "rank correlation"})
	for _, x := range c.PerClass {
		t.AppendRow(table.Row{x.Class, x.Images, decimals(x.Recall[0]), decimals(x.Recall[1]), decimals(x.F1[0]), decimals(x.F1[1]), decimals(x.Rank)})
	}
	render(w, t)
	for _, l := range c.Limits {
		say(w, "%s\n", l)
	}
}

// signed formats a number like [decimals], with a sign.
func signed(n result.Number) string {
	if n > 0 {
		return "+" + decimals(n)
	}
	return decimals(n)
}

// exceeds reports whether err means that a limit is exceeded.
func exceeds(err error) bool {
	_, ok := errors.AsType[limitError](err)
	return ok
}
