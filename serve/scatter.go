package serve

import (
	"fmt"
	"math"
	"slices"
)

// scatter is a scatter plot of a collection's pictures by their features.
type scatter struct {
	Points  []point
	Classes []legend
	Polygon string // the region, for SVG
	Note    string
}

// point is a picture in a scatter plot.
type point struct {
	X, Y       float64
	Tone       int // the color number of its class
	Faint      bool
	URL, Title string
}

// legend is the color of a class.
type legend struct {
	Class string
	Tone  int
}

// Sizes of a scatter plot.
const (
	maxPoints = 2000
	tones     = 8 // colors of the pages
)

// scatter returns the plot of the pictures with known features, or nil if there are none. Pictures
// that the filter excludes are faint.
func (c *collection) scatter(entries []entry, f filter) *scatter {
	var placed []int
	for i, e := range entries {
		if !math.IsNaN(e.X) {
			placed = append(placed, i)
		}
	}
	if len(placed) == 0 {
		return nil
	}
	s := &scatter{Polygon: f.within.points()}
	classOf := func(e entry) string {
		if e.Truth != "" {
			return e.Truth
		}
		return e.Predicted
	}
	classes := values(entries, classOf)
	for k, class := range classes {
		s.Classes = append(s.Classes, legend{class, k % tones})
	}
	shown := map[int]bool{}
	for _, i := range f.apply(entries) {
		shown[i] = true
	}
	if len(placed) > maxPoints {
		s.Note = fmt.Sprintf("%d of %d pictures are drawn. ", maxPoints, len(placed))
	}
	if len(classes) > tones {
		s.Note += "Colors repeat. "
	}
	n := min(len(placed), maxPoints)
	for k := range n {
		i := placed[k*len(placed)/n]
		e := entries[i]
		title := fmt.Sprintf("%s: %s %.2f", e.Name, e.Predicted, e.Probability)
		if right, known := e.Right(); known && !right {
			title += ", it is " + e.Truth
		}
		s.Points = append(s.Points, point{
			X: percent(e.X), Y: percent(e.Y), Tone: slices.Index(classes, classOf(e)) % tones,
			Faint: !shown[i], URL: view{Picture: c.name + "/" + e.File}.URL("/"), Title: title,
		})
	}
	return s
}

// percent rounds a position to hundredths.
func percent(v float64) float64 { return math.Round(math.Abs(v)*100) / 100 }
