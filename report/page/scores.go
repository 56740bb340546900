package page

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strings"

	"oscar/heatmap"
	"oscar/score"
)

// Sizes of the picture of scores, in pixels.
const (
	scoreRow, scoreHead   = 44, 96
	scoreName, scoreCell  = 190, 104
	scoreBars             = 64 // beside a cell: the sanity check layer by layer
	scoreText, scoreSmall = 15, 11
	scoreGap              = 12 // between kinds of metric, and above the controls
)

// The colours of a score: the better, the deeper; grey where a method does not
// beat the controls.
var (
	scoreInk     = color.RGBA{0x1a, 0x1a, 0x1a, 0xff}
	scoreFaint   = color.RGBA{0x6b, 0x6b, 0x6b, 0xff}
	scoreWorst   = color.RGBA{0xf3, 0xf8, 0xf4, 0xff}
	scoreBest    = color.RGBA{0x8c, 0xc9, 0xa1, 0xff}
	scoreDoubt   = color.RGBA{0xee, 0xee, 0xee, 0xff}
	scoreControl = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// Scores draws a table of scores: the mean of each cell over its 95 % interval,
// grey and with a mark where the method does not beat the controls, the controls
// below.
func Scores(t score.Table) (image.Image, error) {
	if len(t.Rows) == 0 || len(t.Metrics) == 0 {
		return nil, fmt.Errorf("no scores to draw")
	}
	columns, width := scoreColumns(t)
	rows, height := scoreRows(t.Rows)
	picture := image.NewRGBA(image.Rect(0, 0, width, height+3*scoreText))
	draw.Draw(picture, picture.Rect, image.White, image.Point{}, draw.Src)
	for i, m := range t.Metrics {
		drawScoreHead(picture, columns[i], m, i == 0 || t.Metrics[i-1].Kind != m.Kind)
	}
	for j, row := range t.Rows {
		heatmap.DrawText(picture, row.Method, 8, rows[j]+13, scoreText, scoreInk)
		for i, cell := range row.Cells {
			drawScore(picture, image.Pt(columns[i], rows[j]), t, row, i, cell)
		}
	}
	note := fmt.Sprintf("mean over %d images, %d mosaics, and 95 %% bootstrap interval; n/m: so many could be judged; grey, *: does not clearly beat every control (%s)", t.Images, t.Mosaics, strings.Join(controls(t), ", "))
	if len(forgotten(t)) > 0 {
		note += "; bars: layer by layer, from the logits down, 0 to 1"
	}
	heatmap.DrawText(picture, note, 8, height+scoreText, scoreSmall+2, scoreFaint)
	return picture, nil
}

func controls(t score.Table) (names []string) {
	for _, r := range t.Rows {
		if r.Control {
			names = append(names, r.Method)
		}
	}
	return names
}

func scoreColumns(t score.Table) (left []int, width int) {
	x := scoreName
	for i, m := range t.Metrics {
		if i > 0 && t.Metrics[i-1].Kind != m.Kind {
			x += scoreGap
		}
		left = append(left, x)
		x += scoreCell
		if layered(t, i) {
			x += scoreBars
		}
	}
	return left, x + 8
}

// forgotten are the layers of the sanity check, from the logits down; none if it
// was not asked.
func forgotten(t score.Table) (names []string) {
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			if len(c.Layers) > 0 {
				for _, l := range c.Layers {
					names = append(names, l.Layer)
				}
				return names
			}
		}
	}
	return nil
}

// layered says whether a column has values of single layers.
func layered(t score.Table, column int) bool {
	return slices.ContainsFunc(t.Rows, func(r score.Row) bool { return len(r.Cells[column].Layers) > 0 })
}

func scoreRows(rows []score.Row) (top []int, height int) {
	y := scoreHead
	for i, r := range rows {
		if r.Control && (i == 0 || !rows[i-1].Control) {
			y += scoreGap
		}
		top = append(top, y)
		y += scoreRow
	}
	return top, y + 4
}

// drawScoreHead writes a metric's name, a word a line, and which way is better.
func drawScoreHead(picture *image.RGBA, x int, m score.Metric, first bool) {
	if first {
		heatmap.DrawText(picture, string(m.Kind), x, 6, scoreText, scoreInk)
	}
	words := strings.Split(m.Name, "_")
	if len(words) > 2 {
		words = []string{words[0], strings.Join(words[1:], " ")}
	}
	for i, w := range words {
		heatmap.DrawText(picture, w, x+4, scoreHead-50+(2-len(words))*16+16*i, scoreSmall+3, scoreInk)
	}
	heatmap.DrawText(picture, string(m.Better)+" is better", x+4, scoreHead-17, scoreSmall, scoreFaint)
}

func drawScore(picture *image.RGBA, at image.Point, t score.Table, row score.Row, column int, cell score.Cell) {
	box := image.Rect(at.X, at.Y, at.X+scoreCell-2, at.Y+scoreRow-2)
	if len(cell.Values) == 0 {
		heatmap.DrawText(picture, "not asked", at.X+4, at.Y+14, scoreSmall, scoreFaint)
		return
	}
	m := t.Metrics[column]
	fill, mark := scoreControl, ""
	switch {
	case row.Control:
	case !cell.Beats(m.Better):
		fill, mark = scoreDoubt, " *"
	default:
		fill = between(scoreWorst, scoreBest, standing(t, column, float64(cell.Mean)))
	}
	draw.Draw(picture, box, image.NewUniform(fill), image.Point{}, draw.Src)
	heatmap.DrawText(picture, Number(float64(cell.Mean))+mark, at.X+4, at.Y+4, scoreText, scoreInk)
	if cell.N > 1 {
		heatmap.DrawText(picture, Number(float64(cell.Low))+" to "+Number(float64(cell.High)), at.X+4, at.Y+24, scoreSmall, scoreFaint)
	}
	if cell.Unjudged > 0 {
		heatmap.DrawText(picture, fmt.Sprintf("%d/%d", cell.N, cell.N+cell.Unjudged), at.X+62, at.Y+7, scoreSmall, scoreFaint)
	}
	drawLayers(picture, image.Rect(box.Max.X+4, box.Min.Y+3, box.Max.X+scoreBars-6, box.Max.Y-3), cell.Layers)
}

// drawLayers draws a bar a layer, from the logits down: from 0, the line, up to
// 1, and down as far as there is room.
func drawLayers(picture *image.RGBA, in image.Rectangle, layers []score.AtLayer) {
	if len(layers) == 0 {
		return
	}
	zero := in.Min.Y + in.Dy()*3/4
	at := func(i int) int { return in.Min.X + i*in.Dx()/len(layers) }
	for i, l := range layers {
		if !finite(float64(l.Mean)) {
			continue
		}
		top := zero - int(math.Round(float64(l.Mean)*float64(zero-in.Min.Y)))
		bar := image.Rect(at(i), top, max(at(i+1)-1, at(i)+1), zero).Intersect(in)
		draw.Draw(picture, bar, image.NewUniform(scoreFaint), image.Point{}, draw.Src)
	}
	line := image.Rect(in.Min.X, zero, in.Max.X, zero+1)
	draw.Draw(picture, line, image.NewUniform(scoreInk), image.Point{}, draw.Src)
}

// standing is where a mean lies between the worst and the best of the methods
// in its column, 0..1.
func standing(t score.Table, column int, mean float64) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, row := range t.Rows {
		if v := float64(row.Cells[column].Mean); !row.Control && !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	if !(high > low) {
		return 1
	}
	share := (mean - low) / (high - low)
	if t.Metrics[column].Better == score.Lower {
		share = 1 - share
	}
	return min(max(share, 0), 1)
}

func between(a, b color.RGBA, share float64) color.RGBA {
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + share*(float64(y)-float64(x)))) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}
