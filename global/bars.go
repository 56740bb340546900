package global

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Bars is a panel of [ConceptBars]: one concept.
type Bars struct {
	Title   string // "striped, 40 images, told right 0.93"
	Classes []string
	Answers []Sensitivity // one a class
}

// Sizes of a panel of bars, in points.
const (
	barsRow    vg.Length = 24
	barsHead   vg.Length = 30
	barsFoot   vg.Length = 26
	barsScale  vg.Length = 240 // of a score from 0 to 1
	barsBeside vg.Length = 160 // for the verdict
	barsMargin vg.Length = 14
)

// What the bars show, below each panel, and their colours, below all.
const (
	barsWords   = "share of the class's images that the concept moves towards it"
	barsColours = "Blue: more than random; orange: fewer than random; grey: neither. Upright mark: random directions."
)

// ConceptBars draws TCAV's answers: a panel a concept, a bar a class from 0 to
// its score, with the deviation over the CAVs. The upright mark is the mean score
// of random CAVs, with theirs. A bar is blue where that is significantly less,
// orange where it is more, else grey. comparisons is how many were looked at
// together.
func ConceptBars(list []Bars, comparisons int) (image.Image, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("no concepts to draw")
	}
	var panels []image.Image
	size := image.Point{}
	for _, b := range list {
		p := b.panel()
		panels = append(panels, p)
		size = image.Pt(max(size.X, p.Bounds().Dx()), max(size.Y, p.Bounds().Dy()))
	}
	foot := barsLegend(comparisons)
	columns := min(2, len(panels))
	rows := (len(panels) + columns - 1) / columns
	picture := image.NewRGBA(image.Rect(0, 0, max(columns*size.X, foot.Bounds().Dx()), rows*size.Y+foot.Bounds().Dy()))
	draw.Draw(picture, picture.Rect, image.White, image.Point{}, draw.Src)
	for i, p := range panels {
		at := image.Pt(i%columns*size.X, i/columns*size.Y)
		draw.Draw(picture, image.Rectangle{at, at.Add(size)}, p, image.Point{}, draw.Src)
	}
	draw.Draw(picture, foot.Bounds().Add(image.Pt(0, rows*size.Y)), foot, image.Point{}, draw.Src)
	return picture, nil
}

// barsLegend says what the colours mean, and what is significant.
func barsLegend(comparisons int) image.Image {
	words := style(8.5, faint, vgdraw.XLeft, vgdraw.YBottom)
	const line = 13
	return paint(words.Width(barsColours)+2*barsMargin, 2*line+barsMargin, func(c vgdraw.Canvas) {
		c.FillText(words, vg.Point{X: barsMargin, Y: barsMargin/2 + line}, barsColours)
		c.FillText(words, vg.Point{X: barsMargin, Y: barsMargin / 2}, "More or fewer: "+Threshold(comparisons)+".")
	})
}

func (b Bars) panel() image.Image {
	names := style(10, ink, vgdraw.XRight, vgdraw.YCenter)
	left := vg.Length(40)
	for _, class := range b.Classes {
		left = max(left, names.Width(class))
	}
	left += barsMargin + 8
	title := style(12, ink, vgdraw.XLeft, vgdraw.YTop)
	width := max(left+barsScale+barsBeside, max(title.Width(b.Title), style(8.5, faint, 0, 0).Width(barsWords))+barsMargin) + barsMargin
	height := barsHead + vg.Length(len(b.Classes))*barsRow + barsFoot + barsMargin
	return paint(width, height, func(c vgdraw.Canvas) {
		c.FillText(title, vg.Point{X: barsMargin, Y: height - 8}, b.Title)
		bottom := barsFoot + barsMargin
		for _, tick := range []float64{0, 0.25, 0.5, 0.75, 1} {
			x := left + vg.Length(tick)*barsScale
			c.StrokeLine2(vgdraw.LineStyle{Color: grid, Width: 1}, x, bottom, x, height-barsHead)
			c.FillText(style(8.5, faint, vgdraw.XCenter, vgdraw.YTop), vg.Point{X: x, Y: bottom - 4}, digits(tick))
		}
		c.FillText(style(8.5, faint, vgdraw.XLeft, vgdraw.YBottom), vg.Point{X: barsMargin, Y: barsMargin - 6}, barsWords)
		for i, class := range b.Classes {
			y := height - barsHead - (vg.Length(i)+0.5)*barsRow
			c.FillText(names, vg.Point{X: left - 8, Y: y}, class)
			b.Answers[i].draw(c, left, y)
		}
	})
}

// draw draws one bar, (x,y) the middle of its left end.
func (s Sensitivity) draw(c vgdraw.Canvas, x, y vg.Length) {
	if s.Verdict == TooFewImages {
		c.FillText(style(8.5, faint, vgdraw.XLeft, vgdraw.YCenter), vg.Point{X: x + 4, Y: y}, s.Words())
		return
	}
	fill := color.Color(color.Gray{Y: 0xd0})
	switch {
	case s.Verdict == Significant && s.Score < s.RandomScore:
		fill = amber
	case s.Verdict == Significant:
		fill = blue
	}
	const half = 7
	c.FillPolygon(fill, box(x, y-half, vg.Length(s.Score)*barsScale, 2*half))
	whisker(c, x, y, s.Score, s.Deviation, ink)
	at := x + vg.Length(s.RandomScore)*barsScale
	c.StrokeLine2(vgdraw.LineStyle{Color: ink, Width: 2.5}, at, y-half-2, at, y+half+2)
	whisker(c, x, y-half+1, s.RandomScore, s.RandomDeviation, ink)
	c.FillText(style(8.5, faint, vgdraw.XLeft, vgdraw.YCenter), vg.Point{X: x + barsScale + 10, Y: y}, fmt.Sprintf("%.2f, p %s, %s", s.Score, probability(s.P), s.Words()))
}

// whisker draws a deviation to both sides of a score, within 0..1.
func whisker(c vgdraw.Canvas, x, y vg.Length, score, deviation float64, colour color.Color) {
	low, high := max(score-deviation, 0), min(score+deviation, 1)
	c.StrokeLine2(vgdraw.LineStyle{Color: colour, Width: 1.2}, x+vg.Length(low)*barsScale, y, x+vg.Length(high)*barsScale, y)
}

// probability writes a p: "0.03", "<0.001".
func probability(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.2g", p)
}
