package report

import (
	"fmt"

	"oscar/report/page"
	"oscar/result"
)

// ways compares the detector with ways that need no object detector.
func (d *detectorChapter) ways() page.Table {
	ways := d.Evaluation.Ways
	t := page.Table{Caption: "Masks, of the detector and of ways that find no objects", Corner: "way", Columns: []page.Column{
		{Name: "AP", Note: "95 % interval"}, {Name: "AP50"},
	}, Legend: page.List{
		"Intervals: the bootstrap over images.",
		"Pieces: masks of one class are merged, as by semantic segmentation, and each connected piece counts as an object. \"True masks\" is semantic segmentation without an error.",
	}}
	for _, s := range ways[0].Strata {
		t.Columns = append(t.Columns, page.Column{Name: s.Name, Note: "AP"})
	}
	for i, way := range ways {
		row := page.Row{Name: way.Name, Apart: i == 1, Cells: []page.Cell{
			{Text: apText(way.AP), Note: apRange(way.Interval)}, {Text: apText(way.AP50)},
		}}
		for _, s := range way.Strata {
			row.Cells = append(row.Cells, page.Cell{Text: apText(s.AP)})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// apRange formats an interval. It is a dash if an end has no value.
func apRange(interval [2]float64) string {
	if min(interval[0], interval[1]) < 0 {
		return "–"
	}
	return apText(interval[0]) + " to " + apText(interval[1])
}

// single shows the results on pictures with one object each.
func single(s *result.Single) page.Block {
	return page.Text(fmt.Sprintf("Each image has one object. The detection with the highest score has the right class on %s of %s, and the median IoU of its mask is %s; %s no detection.",
		page.Percent(s.Class), page.Count(s.Images, "image"), apText(s.MedianIoU), haveNone(s.Images-s.Found)))
}

func haveNone(images int) string {
	if images == 1 {
		return "1 image has"
	}
	return page.Thousands(images) + " images have"
}
