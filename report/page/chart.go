package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Charts are shown side by side if they fit.
type Charts []Chart

// Chart is lines over a common horizontal axis.
type Chart struct {
	Title  string
	X      string     // label of the horizontal axis: "epoch"
	Range  [2]float64 // range of the vertical axis; both 0: from 0 to the largest value
	Whole  bool       // the horizontal axis has integers only
	Series []Series
	Mark   float64 // position of a mark on the horizontal axis; 0: none
	Marked string  // text of the mark: "kept: epoch 35"
}

// Series is a line of a chart. Values that are not finite leave a gap.
type Series struct {
	Name   string
	Color  int // 0 to 7, see the style sheet
	Dashed bool
	Points []Point
	Band   bool // the points have a range, drawn as a shaded band
}

// Point is a point of a line. Low and High are its range.
type Point struct{ X, Y, Low, High float64 }

// The colors of lines.
const (
	TrainColor      = 2 // teal
	ValidationColor = 3 // purple: blue and orange mean good and bad in tables
	BaseColor       = 4 // gray, for the base variant
)

func (Charts) template() string { return "charts" }

// The size of a chart and its margins, in the units of its view box. A chart is about as wide as a
// phone, so that its text is not scaled there.
const (
	chartWidth, chartHeight   = 360, 232
	chartLeft, chartRight     = 42, 12
	chartTop, chartBottom     = 14, 36
	chartPoints               = 400 // the maximum number of points of a line; more would overlap
	chartYTicks, chartXTicks  = 6, 7
	chartInnerW, chartInnerHt = chartWidth - chartLeft - chartRight, chartHeight - chartTop - chartBottom
)

// drawing is a chart in the units of its view box.
type drawing struct {
	Width, Height            int
	Left, Right, Top, Bottom int // edges of the plotting area
	Middle                   int
	X, Y                     []tick
	Areas, Lines             []stroke
	Mark                     string
}

type tick struct{ At, Label string }

type stroke struct {
	Color  int
	Dashed bool
	Path   string
}

// axes are the ranges of both axes.
type axes struct{ x0, x1, y0, y1 float64 }

func (a axes) x(v float64) float64 { return chartLeft + chartInnerW*(v-a.x0)/(a.x1-a.x0) }
func (a axes) y(v float64) float64 { return chartTop + chartInnerHt*(a.y1-v)/(a.y1-a.y0) }

// Draw computes the layout of the chart.
func (c Chart) Draw() drawing {
	a := c.axes()
	d := drawing{
		Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartWidth - chartRight,
		Top: chartTop, Bottom: chartHeight - chartBottom, Middle: chartLeft + chartInnerW/2,
	}
	for _, v := range ticks(a.x0, a.x1, chartXTicks, c.Whole) {
		d.X = append(d.X, tick{fixed(a.x(v)), label(v)})
	}
	for _, v := range ticks(a.y0, a.y1, chartYTicks, false) {
		d.Y = append(d.Y, tick{fixed(a.y(v)), label(v)})
	}
	for _, s := range c.Series {
		points := thinned(s.Points)
		if s.Band {
			d.Areas = append(d.Areas, stroke{s.Color, false, area(points, a)})
		}
		d.Lines = append(d.Lines, stroke{s.Color, s.Dashed, line(points, a)})
	}
	if c.Mark != 0 {
		d.Mark = fixed(a.x(c.Mark))
	}
	return d
}

// axes returns the ranges that contain all finite values.
func (c Chart) axes() axes {
	a := axes{x0: math.Inf(1), x1: math.Inf(-1), y0: c.Range[0], y1: c.Range[1]}
	top := 0.0
	for _, s := range c.Series {
		for _, p := range s.Points {
			a.x0, a.x1 = min(a.x0, p.X), max(a.x1, p.X)
			for _, v := range []float64{p.Y, p.High} {
				if finite(v) {
					top = max(top, v)
				}
			}
		}
	}
	if a.x0 > a.x1 { // no points
		a.x0, a.x1 = 0, 1
	}
	if a.x0 == a.x1 {
		a.x0, a.x1 = a.x0-1, a.x1+1
	}
	if a.y0 == a.y1 {
		a.y1 = a.y0 + 1
		if top > a.y0 {
			a.y1 = top * 1.04 // so that the line does not touch the edge
		}
	}
	return a
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// thinned leaves out points that would be drawn on top of each other, but keeps the last.
func thinned(points []Point) []Point {
	every := (len(points) + chartPoints - 1) / chartPoints
	if every <= 1 {
		return points
	}
	var out []Point
	for i, p := range points {
		if i%every == 0 || i == len(points)-1 {
			out = append(out, p)
		}
	}
	return out
}

// line returns the path through the points, with gaps at missing values. A single value is drawn as
// a dash.
func line(points []Point, a axes) string {
	var b strings.Builder
	for i, p := range points {
		if !finite(p.Y) {
			continue
		}
		before := i > 0 && finite(points[i-1].Y)
		after := i+1 < len(points) && finite(points[i+1].Y)
		switch {
		case before:
			fmt.Fprintf(&b, "L%s %s", fixed(a.x(p.X)), fixed(a.y(p.Y)))
		case after:
			fmt.Fprintf(&b, "M%s %s", fixed(a.x(p.X)), fixed(a.y(p.Y)))
		default:
			fmt.Fprintf(&b, "M%s %sh6", fixed(a.x(p.X)-3), fixed(a.y(p.Y)))
		}
	}
	return b.String()
}

// area returns the outline of the points' range band.
func area(points []Point, a axes) string {
	var up, back []string
	for _, p := range points {
		if finite(p.Low) && finite(p.High) {
			up = append(up, fixed(a.x(p.X))+" "+fixed(a.y(p.High)))
			back = append([]string{fixed(a.x(p.X)) + " " + fixed(a.y(p.Low))}, back...)
		}
	}
	if len(up) == 0 {
		return ""
	}
	return "M" + strings.Join(append(up, back...), "L") + "Z"
}

// ticks returns at most n round values from low to high.
func ticks(low, high float64, n int, whole bool) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(n))))
	for _, factor := range []float64{2, 2.5, 2, 2, 2.5, 2} { // 1, 2, 5, 10, 20, 50, 100
		if math.Floor(high/step)-math.Ceil(low/step)+1 <= float64(n) && (!whole || step >= 1) {
			break
		}
		step *= factor
	}
	if whole {
		step = max(1, math.Round(step))
	}
	var out []float64
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
		out = append(out, i*step)
	}
	return out
}

// label formats a round value.
func label(v float64) string {
	if v == 0 {
		return "0" // not -0
	}
	return Short(v)
}

// fixed formats a length in the view box's units.
func fixed(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// Describe returns a description of the lines in words.
func (c Chart) Describe() string {
	var parts []string
	for _, s := range c.Series {
		first, last, low, high := s.extremes()
		if first < 0 {
			parts = append(parts, s.Name+": no values")
			continue
		}
		at := func(i int) string {
			return fmt.Sprintf("%s at %s %s", Number(s.Points[i].Y), c.X, label(s.Points[i].X))
		}
		text := fmt.Sprintf("%s: from %s to %s", s.Name, at(first), at(last))
		if low != first && low != last {
			text += ", lowest " + at(low)
		}
		if high != first && high != last {
			text += ", highest " + at(high)
		}
		parts = append(parts, text)
	}
	if c.Marked != "" {
		parts = append(parts, c.Marked)
	}
	return strings.Join(parts, "; ") + "."
}

// extremes returns the indices of a line's first, last, lowest and highest value, -1 if it has no
// value.
func (s Series) extremes() (first, last, low, high int) {
	first, last, low, high = -1, -1, -1, -1
	for i, p := range s.Points {
		if !finite(p.Y) {
			continue
		}
		if first < 0 {
			first, low, high = i, i, i
		}
		last = i
		if p.Y < s.Points[low].Y {
			low = i
		}
		if p.Y > s.Points[high].Y {
			high = i
		}
	}
	return first, last, low, high
}
