package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/heatmap"
	"oscar/instance"
	"oscar/internal/text"
	"oscar/methods"
	"oscar/pipeline"
	"oscar/result"
	"oscar/tfmodel"
)

func newExplain(*globalFlags) *cobra.Command {
	return inStore(explainCommand(func(cmd *cobra.Command, screen *screen, o pipeline.ExplainOptions) error {
		summary, err := pipeline.Explain(recordIn(cmd, o.Out), o)
		if err != nil {
			return err
		}
		screen.clear()
		printSummary(cmd.OutOrStdout(), summary)
		return noneRead(summary.Statuses[result.Unreadable], summary.Rows)
	}))
}

// noneRead returns an error if there are results, and all of them are of unreadable images.
func noneRead(unreadable, all int) error {
	if all > 0 && unreadable == all {
		return errors.New("none of the images could be read")
	}
	return nil
}

// explainCommand parses the command line of oscar explain and calls do.
func explainCommand(do func(*cobra.Command, *screen, pipeline.ExplainOptions) error) *cobra.Command {
	o := pipeline.ExplainOptions{Settings: pipeline.DefaultSettings()}
	s := &o.Settings
	s.Method = "" // the model's default
	list := false
	cmd := &cobra.Command{
		Use:   "explain MODEL PATH... --out DIR",
		Short: "Show where a model looks: overlays, raw maps and a manifest",
		Long: `Show which parts of images MODEL, a run or a SavedModel folder, uses. PATH is an
image file, a folder (with everything below it except oscar's results), or - for a
list of paths on standard input.

DIR gets, for each image, overlays/....overlay.jpg at the image's own size,
maps/....npy (float32, signed, unscaled) and a row in manifest.jsonl. A row has the
keys image sha256 status reason caution decoder truth part predicted probabilities
target score layer method precision signed raw_min raw_max scale base facts map
overlay sheet. The status is ok, empty, faint, constant, non_finite, unreadable,
unknown_class or not_drawn. montage.png shows an image of each class (of 24 of them
if there are more), a correctly classified one if possible. The same command again
makes missing files. If no image can be read, the exit status is 1, and all rows are
written.

The default method is gradcam; if no layer of an adopted model has a map and a
gradient, it is integrated-gradients, or occlusion if the image has no gradient.
--layer is for methods that explain a layer, or use one to explain the image. It may
name several layers, or all; of layers that share a map, all takes the first.
METHOD@LAYER names a layer for one method. lrp explains the image, or the layer of
lrp@LAYER. With several methods or layers each has its own folder below overlays and
maps, called METHOD, or METHOD@LAYER if a method has several layers; sheets/....jpg
shows an image with all of them side by side.

--class true explains each image's own class: in the run's data the class in
split.json, else the nearest folder above the image with the name of a class.
--class =NAME is the class NAME, even if it is called true, all or predicted.

The colors show low to high values, or evidence against the class (blue) to
evidence for it (red). For each map the manifest has two values: base (0 if missing)
is drawn without color, scale with the full color. scale is the map's largest
value. For methods that explain the image it is the 99th percentile, because a few
pixels may be far above the others. --scale shared gives all maps of a method and
layer one scale. "oscar draw" draws the overlays again in other colors. An option
without effect on any of the methods is an error. --list-methods shows which methods
have samples, a seed, rules and a score, and which use bfloat16 with --precision
bfloat16. The others stay in float32, because bfloat16 would change their maps too
much.

If MODEL is a detector, each object with a score of 0.5 or more has its own map:
why this class in this box? DIR gets maps/....npy, overlays/....png with the
object's outline, sheets/....png with all objects of an image, and manifest.jsonl
with the share of the heat on the object. The default method is hirescam at block3.
--method d-rise, for detectors only, uses all proposals of the detector instead of a
fixed box; --samples 1000 runs the detector 1000 times per picture.`,
		Example: `  oscar explain runs/first photos --out explained
  oscar explain runs/first a.jpg b.png --class glass --out glass
  oscar explain runs/first a.jpg --method gradcam,layercam,saliency,lime --out compared
  oscar explain runs/first a.jpg --method gradcam,lrp,lrp@conv5 --layer conv2,conv5 --out layers
  oscar explain runs/first photos --scale shared --out comparable
  find . -name '*.jpg' | oscar explain model - --out explained --layer conv2`,
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return arguments()(cmd, args)
			}
			return arguments("MODEL", "PATH...")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				printMethods(cmd.OutOrStdout())
				return nil
			}
			if o.Out == "" {
				return usageError{fmt.Errorf("--out DIR is missing: the folder for the results"), cmd.CommandPath()}
			}
			if instance.IsModel(args[0]) {
				if err := notPlanned(cmd); err != nil {
					return err
				}
				return explainInstances(cmd, args[0], args[1:], o)
			}
			err := o.Check()
			cmd.Flags().Visit(func(f *pflag.Flag) { err = cmp.Or(err, pipeline.CheckOption(*s, f.Name)) })
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			screen := newScreen()
			defer screen.clear()
			o.Model, o.Listener = args[0], screen.listener()
			o.Listener.OnCount, o.Progress = nil, screen.images
			if slices.Contains(args[1:], "-") {
				screen.line("reading a list of paths on standard input")
			}
			if o.Paths, o.List, err = expand(cmd.Context(), args[1:], cmd.InOrStdin()); err != nil {
				return err
			}
			return do(cmd, screen, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.StringVar(&s.Method, "method", s.Method, "all, or METHOD or METHOD@LAYER, separated by commas; see --list-methods (default gradcam)")
	f.BoolVar(&list, "list-methods", false, "print the methods, with their papers")
	f.StringVar(&s.Layer, "layer", "", "layers to explain, separated by commas, or all; default: the model's, conv5 for alexnet02")
	f.StringVar(&s.Class, "class", s.Class, "the class to explain: predicted, true (the image's own), all, or a class's name")
	f.StringVar((*string)(&s.Score), "score", "", "the score to explain: logit, probability; default: as in each method's paper")
	f.IntVar(&s.Batch, "batch", s.Batch, "images per run of the model")
	f.Float64Var(&s.Alpha, "alpha", s.Alpha, "opacity of the colors in an overlay, above 0 to 1")
	f.StringVar(&s.ColorMap, "colormap", s.ColorMap, "colors: "+strings.Join(heatmap.ColorMapNames(), ", "))
	f.StringVar(&s.SignedColorMap, "signed-colormap", s.SignedColorMap, "colors of methods with evidence against the class")
	f.Float64Var(&s.SignedAlpha, "signed-alpha", s.SignedAlpha, "opacity of --signed-colormap, over the image in gray")
	f.StringVar(&s.Scale, "scale", s.Scale, "own: a color scale for each map; shared: one for all maps of a method and layer")
	f.BoolVar(&s.Bare, "bare", false, "draw overlays without the strip with text and color bar")
	f.Float64Var(&s.Percentile, "percentile", 0, "percentile of a map's values that is drawn in full color; 0: 99 at the image, 100 at a layer")
	f.IntVar(&s.Samples, "samples", 0, "random samples, or steps of integrated-gradients; 0: each method's default")
	f.StringVar(&s.Rules, "rules", s.Rules, "the rules of lrp: "+strings.Join(tfmodel.LRPs(), ", "))
	f.Uint64Var(&s.Seed, "seed", s.Seed, "seed of the methods' random draws")
	precisionFlag(f, &s.Precision)
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

// printSummary prints the summary of explaining or drawing.
func printSummary(w io.Writer, s *pipeline.Summary) {
	if s.Only != nil && s.Only.Predicted != "" {
		printRanked(w, s.Only.Image, s.Only.Ranked(defaultTop))
	}
	say(w, "%s, %s: %s\n", text.Count(s.Images, "image"), text.Count(s.Rows, "row"), s)
	if s.Reason != "" {
		say(w, "not ok, the first: %s\n", s.Reason)
	}
	if s.Doubtful > 0 {
		say(w, "doubtful: %s, the first: %s\n", text.Count(s.Doubtful, "map"), s.Caution)
	}
	if s.Earlier > 0 {
		say(w, "%s done before\n", text.Count(s.Earlier, "image"))
	}
	say(w, "manifest  %s\n", s.Manifest)
	if s.Montage != "" {
		some := ""
		if s.Shown < s.Classes {
			some = fmt.Sprintf(", %d of %d classes", s.Shown, s.Classes)
		}
		say(w, "montage   %s%s\n", s.Montage, some)
	}
	if s.Sheets != "" {
		say(w, "sheets    %s\n", s.Sheets)
	}
}

// printMethods prints the table of methods.
func printMethods(w io.Writer) {
	t := newTable(w)
	t.AppendHeader(table.Row{"method", "explains", "score", "signed", "samples", "seed", "rules", "bfloat16", "signature", "paper"})
	mark := map[bool]string{true: "yes"}
	for _, m := range methods.Table {
		t.AppendRow(table.Row{
			m.Name, m.At, m.Score, mark[m.Signed], mark[m.Samples], mark[m.Stochastic], mark[m.HasRules()], mark[!m.Exact], mark[m.Signature != nil], m.Paper,
		})
	}
	t.Render()
}

// expand replaces the argument - by the lines of standard input. It returns the other arguments and
// these lines.
func expand(ctx context.Context, args []string, stdin io.Reader) (paths, listed []string, err error) {
	for _, a := range args {
		if a != "-" {
			paths = append(paths, a)
			continue
		}
		lines, err := readLines(ctx, stdin)
		if err != nil {
			return nil, nil, err
		}
		listed = append(listed, lines...)
	}
	if len(paths)+len(listed) == 0 {
		return nil, nil, fmt.Errorf("the list on standard input is empty")
	}
	return paths, listed, nil
}

// readLines reads lines that are not empty.
func readLines(ctx context.Context, r io.Reader) (out []string, err error) {
	for line, err := range eachLine(ctx, r) {
		if err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	return out, nil
}
