package mask

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// subpixels is the number of pycocotools' grid points per side of a pixel.
const subpixels = 5

// Fill returns the pixels inside a polygon. corners are x and y in turn, in pixels; the middle of
// the top left pixel is (0.5, 0.5). A pixel is inside if its middle is, by pycocotools' rule: edges
// are drawn on a grid of five points per pixel side, and only their crossings of the middles of
// columns count.
func Fill(height, width int, corners []float64) (RLE, error) {
	if err := CheckSize(height, width); err != nil {
		return RLE{}, err
	}
	if len(corners) < 6 || len(corners)%2 != 0 {
		return RLE{}, fmt.Errorf("a polygon of %d numbers; want x and y of three or more corners", len(corners))
	}
	grid := make([]cell, len(corners)/2)
	for i := range grid {
		x, y := corners[2*i], corners[2*i+1]
		if !(math.Abs(x) <= 1<<20 && math.Abs(y) <= 1<<20) { // also refuses NaN
			return RLE{}, fmt.Errorf("a polygon has a corner at (%g, %g)", x, y)
		}
		grid[i] = cell{toGrid(x), toGrid(y)}
	}
	if perimeter(grid) > 1<<28 {
		return RLE{}, errors.New("a polygon is longer than 2^28 fifths of a pixel")
	}
	var crossings []uint32 // column-major pixels at which the mask changes
	var last cell
	first := true
	for i, from := range grid {
		for p := range edge(from, grid[(i+1)%len(grid)]) {
			if !first && p.x != last.x {
				if at, ok := crossing(last, p, height, width); ok {
					crossings = append(crossings, at)
				}
			}
			last, first = p, false
		}
	}
	slices.Sort(crossings)
	var b runs
	at, within := uint32(0), false
	for _, next := range append(crossings, uint32(height*width)) {
		b.add(next-at, within)
		at, within = next, !within
	}
	return RLE{height, width, b.counts}, nil
}

// Steps returns the number of steps of [Fill] for a polygon.
func Steps(corners []float64) (n int64) {
	for i := 0; i+1 < len(corners); i += 2 {
		next := (i + 2) % (len(corners) &^ 1)
		side := max(math.Abs(corners[i]-corners[next]), math.Abs(corners[i+1]-corners[next+1]))
		n += int64(min(subpixels*side, 1<<40)) + 1
	}
	return n
}

// cell is a point of the fine grid.
type cell struct{ x, y int }

func toGrid(v float64) int { return int(float64(subpixels*v) + 0.5) }

func perimeter(grid []cell) (n int) {
	for i, from := range grid {
		to := grid[(i+1)%len(grid)]
		n += max(abs(from.x-to.x), abs(from.y-to.y)) + 1
	}
	return n
}

func abs(n int) int { return max(n, -n) }

// edge yields the points of an edge, including both ends, in the order of increasing coordinates
// along the edge's longer side.
func edge(from, to cell) func(yield func(cell) bool) {
	return func(yield func(cell) bool) {
		width, height := abs(to.x-from.x), abs(to.y-from.y)
		length := max(width, height)
		flat := width >= height
		low, high := from, to
		backward := flat && from.x > to.x || !flat && from.y > to.y
		if backward {
			low, high = to, from
		}
		slope := float64(high.x-low.x) / float64(length)
		if flat {
			slope = float64(high.y-low.y) / float64(length)
		}
		for i := range length + 1 {
			t := i
			if backward {
				t = length - i
			}
			p := low
			switch rise := float64(slope*float64(t)) + 0.5; {
			case length == 0:
			case flat:
				p = cell{low.x + t, int(float64(low.y) + rise)}
			default:
				p = cell{int(float64(low.x) + rise), low.y + t}
			}
			if !yield(p) {
				return
			}
		}
	}
}

// crossing returns the pixel where a step between two neighboring columns of grid points crosses
// the middle of a pixel column. ok is false if it does not cross one.
func crossing(last, p cell, height, width int) (at uint32, ok bool) {
	column := p.x // the left column
	if p.x > last.x {
		column--
	}
	// The middle of pixel k is point 5k+2 of the grid.
	if column < subpixels/2 || (column-subpixels/2)%subpixels != 0 || (column-subpixels/2)/subpixels > width-1 {
		return 0, false
	}
	y := (float64(min(p.y, last.y))+0.5)/subpixels - 0.5
	row := int(math.Ceil(min(max(y, 0), float64(height))))
	return uint32((column-subpixels/2)/subpixels*height + row), true
}
