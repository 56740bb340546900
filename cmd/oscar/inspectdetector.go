package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance"
)

// inspectInstances describes a detector.
func inspectInstances(cmd *cobra.Command, dir string, batch int, asJSON bool) error {
	if err := only(cmd, "a detector", "batch", "json", "verbose"); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	if !cmd.Flags().Changed("batch") {
		batch = 0 // the run's
	}
	i, err := instance.Inspect(dir, batch)
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(i)
	}
	printDetector(cmd.OutOrStdout(), i)
	return nil
}

func printDetector(w io.Writer, i *instance.Inspection) {
	t := newTable(w)
	t.AppendHeader(table.Row{"backbone", "kind", "output", "parameters", "explain"})
	t.alignRight("parameters")
	for _, l := range i.Layers {
		explain := ""
		if l.Explainable {
			explain = "yes"
		}
		t.AppendRow(table.Row{l.Name, l.Kind, shapeOf(l.Output), thousands(l.Parameters), explain})
	}
	t.Render()
	t = newTable(w)
	t.AppendHeader(table.Row{"part", "parameters"})
	t.alignRight("parameters")
	for _, p := range i.Parts {
		t.AppendRow(table.Row{p.Name, thousands(p.Parameters)})
	}
	render(w, t)
	t = newTable(w)
	t.AppendHeader(table.Row{"pyramid, of", "output", "stride", "anchors", "square of"})
	t.alignRight("stride", "anchors", "square of")
	anchors := 0
	for _, l := range i.Levels {
		anchors += l.Number
		t.AppendRow(table.Row{l.Tap, shapeOf(l.Output), l.Stride, thousands(l.Number), fmt.Sprintf("%g px", l.Anchor)})
	}
	render(w, t)
	epoch := ""
	if i.Epoch > 0 {
		epoch = fmt.Sprintf(", epoch %d", i.Epoch)
	}
	say(w, "\nmodel       %s%s, %d classes: %s\n", i.Model, epoch, len(i.Classes), strings.Join(i.Classes, ", "))
	say(w, "parameters  %s\n", thousands(i.Parameters))
	say(w, "image       %d x %d RGB 0..255, proportions kept, padded with gray\n", i.Input[0], i.Input[1])
	say(w, "anchors     %s, height by width %s\n", thousands(anchors), strings.Trim(fmt.Sprint(i.Ratios), "[]"))
	say(w, "detections  at most %d in an image, with a score of %g or more\n", i.Regions.Detections, i.Regions.DetectionScore)
	say(w, "memory      batch of %d: training %s\n", i.Batch, bytes(i.Memory))
	say(w, "explains    %s, unless --layer names another of the backbone\n", i.Explain)
	for k, s := range i.Signatures {
		head := "            "
		if k == 0 {
			head = "signatures  "
		}
		say(w, "%s%s\n", head, s.Name)
		for _, list := range []struct {
			word string
			of   []string
		}{{"takes", offeredOf(s.Inputs)}, {"returns", offeredOf(s.Outputs)}} {
			for n, text := range list.of {
				if n > 0 {
					list.word = ""
				}
				say(w, "              %-7s %s\n", list.word, text)
			}
		}
	}
}

// shapeOf formats a shape.
func shapeOf[T any](shape []T) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", " x "), "[]")
}

// offeredOf returns the names of tensors with their shapes; N is the number of images.
func offeredOf(tensors []instance.Tensor) (out []string) {
	for _, t := range tensors {
		shape := strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(t.Shape), " ", ","), "-1", "N")
		out = append(out, t.Name+" "+shape)
	}
	return out
}
