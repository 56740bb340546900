package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/report"
	"oscar/result"
)

func newCompare(*globalFlags) *cobra.Command {
	var (
		o      = pipeline.CompareOptions{Method: pipeline.DefaultSettings().Method}
		asJSON bool
		limits [4]float64
	)
	flags := [4]string{"max-accuracy-drop", "max-loss-rise", "max-changed", "max-drift"}
	cmd := &cobra.Command{
		Use:   "compare A B [DATA]",
		Short: "Compare the figures and explanations of two models",
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
a model whose explanations changed.`,
		Example: `  oscar compare runs/first runs/second
  oscar compare model-1 model-2 new-photos --split all --out comparison
  oscar compare runs/first runs/second --max-accuracy-drop 0.01 --max-drift 0.3`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 3 {
				return arguments("A", "B")(cmd, args)
			}
			return arguments("A", "B", "DATA")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Limits = map[string]float64{}
			for i, flag := range flags {
				if cmd.Flags().Changed(flag) {
					o.Limits[result.LimitNames[i]] = limits[i]
				}
			}
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			o.Models, o.Listener = [2]string{args[0], args[1]}, s.listener()
			if len(args) > 2 {
				o.Data = args[2]
			}
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
					fmt.Fprintf(w, "results  %s\nreport   %s\n", filepath.Join(o.Out, result.ComparisonFile), page)
				}
			}
			if exceeded := c.Exceeded(); err == nil && len(exceeded) > 0 {
				return limitError(exceeded)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.StringVar(&o.Part, "split", "test", "the part of A's split: test, validation, train, all")
	f.StringVar(&o.Method, "method", o.Method, "explanation method; METHOD@LAYER for a layer that both models have")
	f.IntVar(&o.Images, "images", 0, "largest number of images to explain, spread evenly; 0: all")
	f.BoolVar(&asJSON, "json", false, "print JSON: models figures per_class mcnemar changed drift shown limits ...")
	for i, help := range []string{
		"the largest drop of accuracy, 0 to 1", "the largest rise of loss, in nats",
		"the largest share of images with another predicted class, 0 to 1", "the largest drift, 0 to 2",
	} {
		f.Float64Var(&limits[i], flags[i], 0, help+"; without the flag there is no limit")
	}
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

// limitError is the error for exceeded limits.
type limitError []result.Limit

func (e limitError) Error() string {
	var lines []string
	for _, l := range e {
		lines = append(lines, l.String())
	}
	return strings.Join(lines, "; ")
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
	fmt.Fprintf(w, "A %s\nB %s\non %s", c.Models[0].Path, c.Models[1].Path, text.Count(c.Images, "image"))
	if c.Unreadable > 0 {
		fmt.Fprintf(w, ", %d could not be read", c.Unreadable)
	}
	fmt.Fprint(w, "\n\n")
	t := newTable(w)
	t.AppendHeader(table.Row{"", "A", "B", "B - A", "95 %"})
	for _, f := range c.Figures {
		interval := ""
		if !math.IsNaN(float64(f.Low)) {
			interval = signed(f.Low) + " to " + signed(f.High)
		}
		t.AppendRow(table.Row{f.Title, decimals(f.Values[0]), decimals(f.Values[1]), signed(f.Difference), interval})
	}
	t.Render()
	fmt.Fprintf(w, "\ncorrect by A alone %d, by B alone %d, McNemar's p %.3g\n", c.McNemar.OnlyAgainst, c.McNemar.OnlyThis, c.McNemar.P)
	fmt.Fprintf(w, "another predicted class %s (95 %% %s to %s)\n", decimals(c.Changed), decimals(c.ChangedInterval[0]), decimals(c.ChangedInterval[1]))
	d := c.Drift
	fmt.Fprintf(w, "explanations by %s on %s:\n  rank correlation %s (95 %% %s to %s), by chance %s, SSIM %s\n  drift %s\n",
		d.Method, text.Count(d.Images, "image"), decimals(d.Rank), decimals(d.RankInterval[0]), decimals(d.RankInterval[1]), decimals(d.Chance), decimals(d.SSIM), decimals(d.Value))
	t = newTable(w)
	t.AppendHeader(table.Row{"class", "images", "recall A", "B", "F1 A", "B", "rank correlation"})
	for _, x := range c.PerClass {
		t.AppendRow(table.Row{x.Class, x.Images, decimals(x.Recall[0]), decimals(x.Recall[1]), decimals(x.F1[0]), decimals(x.F1[1]), decimals(x.Rank)})
	}
	render(w, t)
	for _, l := range c.Limits {
		fmt.Fprintln(w, l)
	}
}

// signed formats like [decimals], with a sign.
func signed(n result.Number) string {
	if n > 0 {
		return "+" + decimals(n)
	}
	return decimals(n)
}

// exceeds reports whether err says that a limit is exceeded.
func exceeds(err error) bool {
	_, ok := errors.AsType[limitError](err)
	return ok
}
