package heatmap

import (
	"math"

	"oscar/explain"
)

// Upsample resizes a grid to height x width as tf.image.resize(...,
// "bilinear", antialias=False) does: bilinear between pixel centres at half
// positions, the edges clamped. Height and width scale on their own. A grid
// without values gives zeros; a size below 1 gives a grid of no size.
func Upsample(g explain.Grid, height, width int) explain.Grid {
	if height < 1 || width < 1 {
		return explain.Grid{}
	}
	out := explain.NewGrid(height, width)
	if !filled(g) {
		return out
	}
	rows := newRows(g, height, width)
	for y := range height {
		rows.row(out.Values[y*width:(y+1)*width], y)
	}
	return out
}

// rows resizes a grid one output row at a time, so that a large picture needs
// no large map.
type rows struct {
	wide     explain.Grid // the source rows, already at the output's width
	vertical []between
}

// between is a position between two samples: low + (high-low) * part.
type between struct {
	low, high int
	part      float32
}

// newRows wants a grid for which filled holds, and a size of at least 1.
func newRows(g explain.Grid, height, width int) rows {
	horizontal := positions(g.Width, width)
	wide := explain.NewGrid(g.Height, width)
	for y := range g.Height {
		source := g.Values[y*g.Width : (y+1)*g.Width]
		target := wide.Values[y*width : (y+1)*width]
		for x, p := range horizontal {
			target[x] = lerp(source[p.low], source[p.high], p.part)
		}
	}
	return rows{wide, positions(g.Height, height)}
}

// row writes output row y.
func (r rows) row(out []float32, y int) {
	p, width := r.vertical[y], r.wide.Width
	low := r.wide.Values[p.low*width:][:len(out)]
	high := r.wide.Values[p.high*width:][:len(out)]
	for x := range out {
		out[x] = lerp(low[x], high[x], p.part)
	}
}

// positions says where each of out samples lies among in samples.
func positions(in, out int) []between {
	list := make([]between, out)
	scale := float64(in) / float64(out)
	for i := range list {
		at := (float64(i)+0.5)*scale - 0.5
		floor := math.Floor(at)
		list[i] = between{
			low:  min(max(int(floor), 0), in-1),
			high: min(max(int(floor)+1, 0), in-1),
			part: float32(at - floor),
		}
	}
	return list
}

func lerp(a, b, part float32) float32 { return a + (b-a)*part }

// filled says whether a grid has values, as many as its shape says.
func filled(g explain.Grid) bool {
	return g.Height > 0 && g.Width > 0 && len(g.Values) == g.Height*g.Width
}
