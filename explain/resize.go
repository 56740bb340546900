package explain

import "math"

// Resize resizes the grid to height x width as tf.image.resize(..., "bilinear", antialias=False)
// does: bilinearly between pixel centers at half positions, with clamped edges. Height and width
// scale independently. A grid without values gives zeros. A size below 1 gives a grid of no size.
func (g Grid) Resize(height, width int) Grid {
	if height < 1 || width < 1 {
		return Grid{}
	}
	out := NewGrid(height, width)
	if !g.Filled() {
		return out
	}
	rows := g.Rows(height, width)
	for y := range height {
		rows.Row(out.Values[y*width:(y+1)*width], y)
	}
	return out
}

// Rows resizes the grid as Resize does, one row at a time, so that a large
// picture needs no large map. The grid must be Filled and the size at least 1.
func (g Grid) Rows(height, width int) Rows { return g.PartRows(Whole, height, width) }

// Part is a part of a grid, relative to its height and width.
type Part struct{ Top, Left, Bottom, Right float64 }

// Whole is all of a grid.
var Whole = Part{Bottom: 1, Right: 1}

// PartRows returns the rows of a part of the grid, resized as by [Grid.Rows]. Outside of the part,
// the grid's values are used.
func (g Grid) PartRows(p Part, height, width int) Rows {
	return g.interpolate(halfPixel(g.Height, height, p.Top, p.Bottom), halfPixel(g.Width, width, p.Left, p.Right))
}

// Rows are the rows of a resized grid.
type Rows struct {
	wide     Grid // the grid's rows at the new width
	vertical []between
}

// Row writes row y to out, whose length is the width.
func (r Rows) Row(out []float32, y int) {
	p, width := r.vertical[y], r.wide.Width
	low := r.wide.Values[p.low*width:][:len(out)]
	high := r.wide.Values[p.high*width:][:len(out)]
	for x := range out {
		out[x] = low[x] + (high[x]-low[x])*p.part
	}
}

// between is a position between two samples: low + (high-low) * part.
type between struct {
	low, high int
	part      float32
}

// interpolate interpolates the grid at the given rows and columns.
func (g Grid) interpolate(vertical, horizontal []between) Rows {
	width := len(horizontal)
	wide := NewGrid(g.Height, width)
	for y := range g.Height {
		source := g.Values[y*g.Width : (y+1)*g.Width]
		target := wide.Values[y*width : (y+1)*width]
		for x, p := range horizontal {
			target[x] = source[p.low] + (source[p.high]-source[p.low])*p.part
		}
	}
	return Rows{wide, vertical}
}

// halfPixel returns the positions of out samples among in samples, between centers at half positions
// and clamped at the edges. The samples cover the part from share from to share to.
func halfPixel(in, out int, from, to float64) []between {
	list := make([]between, out)
	scale := float64(in) / float64(out) * (to - from)
	for i := range list {
		at := float64(in)*from + (float64(i)+0.5)*scale - 0.5
		floor := math.Floor(at)
		list[i] = between{
			low:  min(max(int(floor), 0), in-1),
			high: min(max(int(floor)+1, 0), in-1),
			part: float32(at - floor),
		}
	}
	return list
}

// mirrored is halfPixel with mirrored samples beyond the outermost centers, as in
// skimage.transform.resize with mode "reflect".
func mirrored(in, out int) []between {
	list := make([]between, out)
	mirror := func(i int) int {
		switch {
		case in == 1:
			return 0
		case i < 0:
			return -i
		case i >= in:
			return 2*(in-1) - i
		}
		return i
	}
	for i := range list {
		// The position is (i+1/2) in/out - 1/2, in integers as long as possible.
		position := (2*i+1)*in - out
		floor := position / (2 * out)
		if position < 0 {
			floor = -1
		}
		list[i] = between{mirror(floor), mirror(floor + 1), float32(position-floor*2*out) / float32(2*out)}
	}
	return list
}
