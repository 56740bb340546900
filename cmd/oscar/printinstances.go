package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"oscar/instance"
	"oscar/instance/coco"
	"oscar/internal/text"
)

// printHeat prints the regions of the heat for each method.
func printHeat(w io.Writer, s *instance.ExplainSummary) {
	statuses := text.Counts(s.Statuses)
	if s.Objects == 0 {
		statuses = fmt.Sprintf("no object has a score of %g or more", minExplained)
	}
	say(w, "%s of %s on %s: %s\n", text.Count(s.Maps, "map"), text.Count(s.Objects, "object"), text.Count(s.Images, "image"), statuses)
	t := newTable(w)
	t.AppendHeader(table.Row{"heat", "on mask", "in box", "on others", "peak on mask"})
	t.alignRight("on mask", "in box", "on others", "peak on mask")
	for _, m := range s.Methods {
		t.AppendRow(table.Row{m.Method.String(), share(m.Mask), share(m.Box), share(m.Others), share(m.Peaks)})
	}
	t.AppendRow(table.Row{"the box itself", share(s.Control.Mask), share(s.Control.Box), share(s.Control.Others), drawn.none})
	t.Render()
}

// printInstances prints COCO's metrics.
func printInstances(w io.Writer, e *instance.Evaluation) {
	say(w, "%s\n", headline(e))
	t := newTable(w)
	t.AppendHeader(table.Row{"", "AP", "AP50", "AP75", "small", "medium", "large", "AR1", "AR10", "AR100"})
	t.alignRight("AP", "AP50", "AP75", "small", "medium", "large", "AR1", "AR10", "AR100")
	for _, row := range []struct {
		name string
		s    coco.Scores
	}{{"boxes", e.Boxes}, {"masks", e.Masks}} {
		s := row.s
		t.AppendRow(table.Row{row.name, share(s.AP), share(s.AP50), share(s.AP75), share(s.APSmall), share(s.APMedium), share(s.APLarge), share(s.AR1), share(s.AR10), share(s.AR100)})
	}
	t.Render()
	t = newTable(w)
	t.AppendHeader(table.Row{"masks of", "AP", "AP50"})
	t.alignRight("AP", "AP50")
	for _, c := range e.Masks.ByClass {
		t.AppendRow(table.Row{c.Class, share(c.AP), share(c.AP50)})
	}
	t.Render()
	printWays(w, e.Ways)
	if s := e.Single; s != nil {
		say(w, "one object each: class of the best detection right %.3f, median IoU of its mask %.3f\n", s.Class, s.MedianIoU)
	}
}

// printWays prints the masks' AP, overall and by stratum, of the detector and of ways that need no
// object detector.
func printWays(w io.Writer, ways []instance.Way) {
	t := newTable(w)
	head := table.Row{"AP of masks", "all", "95 %"}
	for _, s := range ways[0].Strata {
		head = append(head, s.Name)
	}
	t.AppendHeader(head)
	objects := table.Row{"objects", "", ""}
	for _, s := range ways[0].Strata {
		objects = append(objects, s.Objects)
	}
	t.AppendRow(objects)
	for _, way := range ways {
		row := table.Row{way.Name, share(way.AP), shares(way.Interval)}
		for _, s := range way.Strata {
			row = append(row, share(s.AP))
		}
		t.AppendRow(row)
	}
	t.Render()
}

// shares formats an interval. It is a dash if an end has no value.
func shares(interval [2]float64) string {
	if min(interval[0], interval[1]) < 0 {
		return drawn.none
	}
	return share(interval[0]) + "-" + share(interval[1])
}

// share formats a COCO metric. It is a dash if nothing was measured.
func share(v float64) string {
	if v < 0 {
		return drawn.none
	}
	return fmt.Sprintf("%.3f", v)
}
