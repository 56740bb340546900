package page

import (
	"fmt"
	"math"
	"strings"

	"oscar/score"
)

// ScoreLayers shows the sanity check layer by layer, with a chart per method. It returns nil if
// there was no sanity check.
func ScoreLayers(t score.Table) []Block {
	layers := forgotten(t)
	if len(layers) == 0 {
		return nil
	}
	var charts Charts
	for _, row := range t.Rows {
		if row.Control {
			continue // controls do not use the model, so they are 1 everywhere
		}
		c := Chart{Title: row.Method, X: "layers forgotten", Range: [2]float64{0, 1}, Whole: true}
		for i, cell := range row.Cells {
			if len(cell.Layers) == 0 {
				continue
			}
			s := Series{Name: strings.ReplaceAll(strings.TrimPrefix(t.Metrics[i].Name, "sanity_"), "_", " "), Color: len(c.Series), Band: true}
			for k, l := range cell.Layers {
				p := Point{X: float64(k + 1), Y: float64(l.Mean), Low: float64(l.Low), High: float64(l.High)}
				s.Points = append(s.Points, p)
				for _, v := range []float64{p.Y, p.Low} {
					if finite(v) {
						c.Range[0] = min(c.Range[0], math.Floor(5*v)/5)
					}
				}
			}
			c.Series = append(c.Series, s)
		}
		if len(c.Series) > 0 {
			charts = append(charts, c)
		}
	}
	words := make([]string, len(layers))
	for i, l := range layers {
		words[i] = fmt.Sprintf("%d %s", i+1, l)
	}
	return []Block{Sub{Title: "Sanity check, layer by layer", Blocks: []Block{
		Text("The similarity of the maps to those of the trained model as its layers are randomized, from the logits down, one more each time, with 95 % intervals. For a method that shows what the model learnt it falls soon; for the controls it stays at 1."),
		charts,
		Text("Forgotten: " + strings.Join(words, ", ") + "."),
	}}}
}
