package global

import (
	"oscar/explain"
	"oscar/internal/numeric"
)

// DefaultSide is the number of rows and columns to which maps are pooled before they are compared.
// CoRelAy compares maps at full size. The paper reduces them, so that maps that mark neighboring
// pixels of the same part are close.
const DefaultSide = 16

// Pool reduces a map to at most side rows and columns. Each cell is the sum of the values on its
// area; a value on a border is divided. Signs and the total are kept. A map that is small enough is
// copied.
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

// shares returns, for each of n positions, its shares in the cells, at most n.
func shares(n, cells int) [][]share {
	out := make([][]share, n)
	for i := range out {
		// In units of 1/n of a cell all borders are integers.
		for low, end := i*cells, (i+1)*cells; low < end; {
			high := min((low/n+1)*n, end)
			out[i] = append(out[i], share{low / n, float64(high-low) / float64(cells)})
			low = high
		}
	}
	return out
}

// unit divides a map by its L1 norm, as [explain.Averager] does, so that all maps have equal weight.
// (CoRelAy divides by the sum, which can be near zero if signs cancel.) It returns false if the norm
// is zero or not finite.
func unit(g explain.Grid) ([]float64, bool) {
	mass := g.Mass()
	if mass == 0 || !numeric.Finite(mass) {
		return nil, false
	}
	out := make([]float64, len(g.Values))
	for i, v := range g.Values {
		out[i] = float64(v) / mass
	}
	return out, true
}
