package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/report"
	"oscar/result"
)

// compareInstances compares two detectors.
func compareInstances(cmd *cobra.Command, o pipeline.CompareOptions, most map[string]float64, asJSON bool) error {
	err := only(cmd, "detectors", "out", "split", "max-ap-drop", "max-changed", "json", "threads", "inter-threads", "workers", "max-pixels", "max-bytes", "verbose")
	err = cmp.Or(err, result.CheckLimits(result.DetectorLimitNames, most))
	for _, dir := range o.Models {
		if err == nil && !instance.IsModel(dir) {
			err = fmt.Errorf("%s is not a detector, and the other model is", dir)
		}
	}
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	s := newScreen()
	defer s.clear()
	c, err := instance.Compare(cmd.Context(), instance.CompareOptions{
		Models: o.Models, Data: o.Data, Part: scenePart(o.Part), Limits: most, Out: o.Out, Machine: o.Machine, Listener: s.listener(),
	})
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
		short := *c
		short.ByObject = nil
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(short)
	} else {
		printDetectors(w, c)
		if page != "" {
			_, err = fmt.Fprintf(w, "results  %s\nreport   %s\n", filepath.Join(o.Out, result.ComparisonFile), page)
		}
	}
	if exceeded := result.Exceeded(c.Limits); err == nil && len(exceeded) > 0 {
		return limitError(exceeded)
	}
	return err
}

// printDetectors prints the comparison of two detectors.
func printDetectors(w io.Writer, c *instance.Comparison) {
	say(w, "A %s\nB %s\non %s with %s, part %s\n", c.Models[0].Path, c.Models[1].Path, text.Count(c.Images, "image"), text.Count(c.Objects, "object"), c.Part)
	t := newTable(w)
	t.AppendHeader(table.Row{"", "A", "B", "B - A", "95 %"})
	t.alignRight("A", "B", "B - A")
	for _, f := range c.Figures {
		t.AppendRow(append(table.Row{f.Title}, pairOf(f)...))
	}
	render(w, t)
	for _, list := range []struct {
		corner string
		rows   []result.ComparedSubset
	}{{"AP of masks", c.Strata}, {"AP of masks of", c.PerClass}} {
		t = newTable(w)
		t.AppendHeader(table.Row{list.corner, "objects", "A", "B", "B - A", "95 %"})
		t.alignRight("objects", "A", "B", "B - A")
		for _, row := range list.rows {
			t.AppendRow(append(table.Row{row.Title, row.Objects}, pairOf(row.ComparedFigure)...))
		}
		render(w, t)
	}
	found := c.Only()
	say(w, "\nfound by A alone %d, by B alone %d, by both %d\n", found[0], found[1], c.Answers[0][0])
	say(w, "another answer for %s of the objects (95 %% %s to %s)\n", decimals(c.Changed), decimals(c.ChangedInterval[0]), decimals(c.ChangedInterval[1]))
	for _, l := range c.Limits {
		say(w, "%s\n", l)
	}
}

// pairOf returns a row with both values of a figure, and the difference with its interval.
func pairOf(f result.ComparedFigure) table.Row {
	interval := ""
	if !math.IsNaN(float64(f.Low)) {
		interval = signed(f.Low) + " to " + signed(f.High)
	}
	return table.Row{decimals(f.Values[0]), decimals(f.Values[1]), signed(f.Difference), interval}
}
