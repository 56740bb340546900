package global

import (
	"math"

	"oscar/explain"
)

// DefaultSide is the number of rows and columns that maps are pooled to before
// they are compared. CoRelAy compares maps at full size; the paper makes them
// small first, so that two maps which look at the same part by neighbouring
// pixels are near each other.
const DefaultSide = 16

// Pool makes a map smaller, to at most side rows and columns: each cell is the
// sum of the heat on its area, a value on a border being shared out. Signs stay,
// and so does the sum. A map that is as small already is copied.
func Pool(g explain.Grid, side int) explain.Grid {
	height, width := min(g.Height, side), min(g.Width, side)
	out := explain.NewGrid(height, width)
	rows, columns := shares(g.Height, height), shares(g.Width, width)
	sums := make([]float64, height*width)
	for y, row := range rows {
		for x, column := range columns {
			v := float64(g.At(y, x))
			for _, r := range row {
				for _, c := range column {
					sums[r.cell*width+c.cell] += v * r.part * c.part
				}
			}
		}
	}
	for i, v := range sums {
		out.Values[i] = float32(v)
	}
	return out
}

// share is the part of a position that falls into a cell.
type share struct {
	cell int
	part float64
}

// shares says for each of n positions into which of at most n cells it falls.
func shares(n, cells int) [][]share {
	out := make([][]share, n)
	for i := range out {
		// In units of 1/n of a cell all borders are whole.
		for low, end := i*cells, (i+1)*cells; low < end; {
			high := min((low/n+1)*n, end)
			out[i] = append(out[i], share{low / n, float64(high-low) / float64(cells)})
			low = high
		}
	}
	return out
}

// unit divides a map by its L1 mass, as [explain.Averager] does, so that no map
// counts for more than another. (CoRelAy divides by the sum, which may be near
// zero where signs cancel.) There is none of a map without mass, or with a value
// that is not finite.
func unit(g explain.Grid) ([]float64, bool) {
	mass := 0.0
	for _, v := range g.Values {
		mass += math.Abs(float64(v))
	}
	if mass == 0 || math.IsNaN(mass) || math.IsInf(mass, 0) {
		return nil, false
	}
	out := make([]float64, len(g.Values))
	for i, v := range g.Values {
		out[i] = float64(v) / mass
	}
	return out, true
}
