package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/pipeline"
)

// aspectOf returns a text about how images of other proportions are fitted, or "" if they are
// stretched.
func aspectOf(aspect string) string {
	if aspect == "" {
		return ""
	}
	return ", " + aspect
}

func newInspect(*globalFlags) *cobra.Command {
	var (
		batch  int
		asJSON bool
		trust  bool
	)
	cmd := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "Print a model's layers, parameters, memory and signatures",
		Long: `Print the layers, shapes, parameters and signatures of MODEL, a run or a SavedModel,
with a forecast of the memory of a batch.

For a detector (a run or an exported model) it prints the layers of the backbone,
the parameters of each part, the levels of the pyramid with their anchors, the
memory forecast for training with the run's batch size or --batch, and the inputs
and outputs of an exported model's signatures.`,
		Example: `  oscar inspect runs/first
  oscar inspect model --json
  oscar inspect runs/heaps`,
		Args: arguments("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if batch < 1 {
				return usageError{fmt.Errorf("batch is %d, want at least 1", batch), cmd.CommandPath()}
			}
			if instance.IsModel(args[0]) {
				return inspectInstances(cmd, args[0], batch, asJSON)
			}
			i, err := pipeline.Inspect(args[0], batch, trust)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				encoder := json.NewEncoder(w)
				encoder.SetIndent("", "  ")
				return encoder.Encode(i)
			}
			t := newTable(w)
			t.AppendHeader(table.Row{"layer", "kind", "output", "parameters"})
			t.alignRight("parameters")
			for _, l := range i.Layers {
				t.AppendRow(table.Row{l.Name, l.Kind, shapeOf(l.Output), thousands(l.Parameters)})
			}
			t.Render()
			say(w, "\nmodel       %s, %d classes: %s\n", i.Model, len(i.Classes), shortList(i.Classes))
			say(w, "parameters  %s, of them not trained %s\n", thousands(i.Parameters), thousands(i.Frozen))
			say(w, "image       %d x %d %s %s, resized %s%s\n", i.Image.Height, i.Image.Width, i.Image.Channels, i.Image.Range, i.Image.Interpolation, aspectOf(i.Image.Aspect))
			if i.Memory.Batch > 0 {
				say(w, "memory      batch of %d: training %s, inference %s\n", i.Memory.Batch, bytes(i.Memory.Training), bytes(i.Memory.Inference))
			}
			if i.Temperature != 0 {
				say(w, "calibrated  the logits are divided by %.4g\n", i.Temperature)
			}
			printThresholds(w, i.MultiLabel)
			printOrigin(w, i.Origin)
			if len(i.Reaching) > 0 {
				say(w, "reaches     files, network or other programs by %s: other verbs want --trust\n", strings.Join(i.Reaching, ", "))
			}
			explained := "no layer has a map and a gradient"
			if i.Explain != "" {
				explained = "gradcam explains " + i.Explain
			}
			say(w, "signatures  %s; %s\n", strings.Join(i.Signatures, ", "), explained)
			return nil
		},
	}
	trustFlag(cmd, &trust)
	cmd.Flags().IntVar(&batch, "batch", 32, "images per batch, for the memory forecast")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printThresholds prints that images can have several classes, and their thresholds.
func printThresholds(w io.Writer, m *pipeline.MultiLabel) {
	if m == nil {
		return
	}
	from := fmt.Sprintf("%.3g", m.Thresholds[0])
	if low, high := slices.Min(m.Thresholds), slices.Max(m.Thresholds); low != high {
		from = fmt.Sprintf("%.3g to %.3g, by class", low, high)
	}
	say(w, "labels      several per image: a sigmoid for each class, which an image has from a probability of %s\n", from)
}

// printOrigin prints the origin of an adopted model.
func printOrigin(w io.Writer, o *pipeline.Origin) {
	if o == nil {
		return
	}
	say(w, "origin      %s, signature %s; scaled to %s: %s\n", o.Kind, o.Signature, o.Scale, o.Scaled)
	say(w, "logits      %s\n", o.Logits)
	if o.TrainingGraph {
		say(w, "warning     the graph was exported in training mode: an image's answer depends on chance or on the other images\n")
	}
	for _, layer := range slices.Sorted(maps.Keys(o.NoGradient)) {
		say(w, "no gradient at %s: %s\n", layer, o.NoGradient[layer])
	}
}

// thousands formats a count with separators.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytes formats a size.
func bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
}
