package global

import (
	"oscar/explain"
	"oscar/internal/numeric"
)

// DefaultSide is the number of rows and columns that maps are pooled to before
// they are compared. CoRelAy compares maps at full size. The paper shrinks them, so
// that maps that mark neighbouring pixels of the same part are close.
const DefaultSide = 16

// Pool shrinks a map to at most side rows and columns. Each cell is the sum of the
// values on its area; a value on a border is divided. Signs and the total stay. A
// map that is already as small is copied.
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

// shares returns for each of n positions the cells, at most n, that it falls into.
func shares(n, cells int) [][]share {
	out := make([][]share, n)
	for i := range out {
		// In units of 1/n of a cell all borders are whole numbers.
		for low, end := i*cells, (i+1)*cells; low < end; {
			high := min((low/n+1)*n, end)
			out[i] = append(out[i], share{low / n, float64(high-low) / float64(cells)})
			low = high
		}
	}
	return out
}

// unit divides a map by its L1 mass, as [explain.Averager] does, so that all maps
// count the same. (CoRelAy divides by the sum, which may be near zero where signs
// cancel.) It is false if the mass is zero or not finite.
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
