package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/heatmap"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/tfmodel"
)

func newExplain(*globalFlags) *cobra.Command {
	o := pipeline.ExplainOptions{Settings: pipeline.DefaultSettings()}
	s := &o.Settings
	list := false
	cmd := &cobra.Command{
		Use:   "explain MODEL PATH... --out DIR",
		Short: "Show where a model looks: overlays, raw maps and a manifest",
		Long: `Explain what MODEL, a run or a SavedModel folder, sees in images: files, folders
(with all below them), or - for a list of paths on standard input.

DIR gets, for each image, overlays/....overlay.jpg at the image's own size (red
is where the model looks), maps/....npy (float32, signed, as computed) and a row
in manifest.jsonl with the keys image sha256 status reason caution predicted
probabilities target score layer method raw_min raw_max scale facts map overlay.
The status is ok, empty, faint, constant, non_finite or unreadable. montage.png
shows a picture a class, the first that the model gets right if there is one. The
same command started again goes on where it was stopped.

--layer is for methods that look at a layer, or at the image by one, and may be
several or all: those that have a map, a layer and the ReLU after it once.
METHOD@LAYER names one for a method: it is the way to see lrp, which looks at the
image, at a layer. With several methods or layers each has a folder of its own
below overlays and maps, called METHOD, or METHOD@LAYER where a method looks at
several; sheets/....jpg shows an image with all side by side.

The full colour is a map's largest value; of a method that looks at the image
the 99th percentile, since single pixels would take all colour from the others.
--scale shared gives all maps of a method and layer one scale. Raw maps stay raw.`,
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
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			screen := newScreen()
			defer screen.clear()
			o.Model, o.Listener = args[0], screen.listener()
			o.Listener.OnCount, o.Progress = nil, func(p pipeline.Progress) { screen.progress(p.Share, explaining(screen.stage, p), false) }
			var err error
			if slices.Contains(args[1:], "-") {
				screen.line("reading a list of paths on standard input")
			}
			if o.Paths, o.List, err = expand(cmd.Context(), args[1:], cmd.InOrStdin()); err != nil {
				return err
			}
			summary, err := pipeline.Explain(cmd.Context(), o)
			if err := record(cmd.Context(), o.Out, err); err != nil {
				return err
			}
			screen.clear()
			fmt.Fprintf(cmd.OutOrStdout(), "%s, %s: %s\n", text.Count(summary.Images, "image"), text.Count(summary.Rows, "row"), summary)
			if summary.Reason != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "unreadable, the first: %s\n", summary.Reason)
			}
			if summary.Doubtful > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "to be doubted: %s, the first: %s\n", text.Count(summary.Doubtful, "map"), summary.Caution)
			}
			if summary.Earlier > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%d of the images had been done before\n", summary.Earlier)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "manifest  %s\n", summary.Manifest)
			if summary.Montage != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "montage   %s\n", summary.Montage)
			}
			if summary.Sheets != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "sheets    %s\n", summary.Sheets)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.StringVar(&s.Method, "method", s.Method, "all, or METHOD or METHOD@LAYER, separated by commas; see --list-methods")
	f.BoolVar(&list, "list-methods", false, "print the methods, with their papers")
	f.StringVar(&s.Layer, "layer", "", "layers to look at, separated by commas, or all; default: the one the model names, conv5 for alexnet02")
	f.StringVar(&s.Class, "class", s.Class, "the class to explain: predicted, true (the image's folder), all, or a class's name")
	f.StringVar((*string)(&s.Score), "score", "", "what is explained: logit, probability; default: as each method's paper has it")
	f.IntVar(&s.Batch, "batch", s.Batch, "images a session run")
	f.Float64Var(&s.Alpha, "alpha", s.Alpha, "share of the colours in an overlay")
	f.StringVar(&s.ColorMap, "colormap", s.ColorMap, "colours: "+strings.Join(heatmap.ColorMapNames(), ", "))
	f.StringVar(&s.SignedColorMap, "signed-colormap", s.SignedColorMap, "colours of methods whose negative values speak against the class")
	f.Float64Var(&s.SignedAlpha, "signed-alpha", s.SignedAlpha, "share of these, over the image in gray")
	f.StringVar(&s.Scale, "scale", s.Scale, "own: each map has its own colour scale; shared: all of a method and layer have one")
	f.Float64Var(&s.Percentile, "percentile", 0, "of a map's values, stands for the full colour; 0: 99 at the image, 100 at a layer")
	f.IntVar(&s.Samples, "samples", 0, "samples of rise, lime and smoothgrad, steps of integrated-gradients; 0: each its own")
	f.StringVar(&s.Rules, "rules", s.Rules, "the rules of lrp: "+strings.Join(tfmodel.LRPs(), ", "))
	f.Uint64Var(&s.Seed, "seed", s.Seed, "decides what the methods draw")
	machineFlags(cmd, &o.Machine)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

// explaining says how far an explaining run is: "explaining 3/50  2m10s left".
func explaining(stage string, p pipeline.Progress) string {
	text := fmt.Sprintf("%s %d/%d", stage, p.Images, p.Total)
	if p.Left > 0 {
		text += fmt.Sprintf("  %s left", round(p.Left))
	}
	return text
}

// printMethods prints the table of methods.
func printMethods(w io.Writer) {
	t := newTable(w)
	t.AppendHeader(table.Row{"method", "looks at", "paper"})
	for _, m := range pipeline.Methods() {
		t.AppendRow(table.Row{m.Name, m.At, m.Paper})
	}
	t.Render()
}

// expand replaces - by the lines of standard input: the paths among args, and
// those listed.
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

// readLines reads lines that are not empty; the reader may wait for ever, and
// is left behind when ctx ends.
func readLines(ctx context.Context, r io.Reader) ([]string, error) {
	var out []string
	end := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if line := strings.TrimSuffix(lines.Text(), "\r"); line != "" {
				out = append(out, line)
			}
		}
		end <- lines.Err()
	}()
	select {
	case err := <-end:
		if err != nil {
			return nil, fmt.Errorf("list on standard input: %w", err)
		}
		return out, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
