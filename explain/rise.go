package explain

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
)

// RISE shows the model the image through random masks, and adds up the masks by
// how well each lets the class be recognised:
//
//	M(y,x) = 1/(N p) sum_k f(image (.) mask_k) mask_k(y,x)
//
// Petsiuk, Das, Saenko 2018, arXiv:1806.07421, eq. 6 and section 3.2. A mask is
// a grid of Cells x Cells that are open with probability p, enlarged bilinearly
// to (Cells+1) cells and cropped at a random shift, as the authors' code does.
// Each mask is drawn when it is needed: memory does not grow with N.
//
// The map is not centred: where a pixel does not matter, it is near the mean
// score. Its own noise falls with the root of N; the paper takes 4000 masks for
// VGG, 8000 for ResNet.
type RISE struct {
	Model    Predictor
	Score    Score                 // "" is Probability
	Baseline Baseline              // what a closed mask shows; nil is Black, the image times the mask
	Samples  int                   // N; 0 is 4000
	Cells    int                   // of the grid's side; 0 is 7
	Open     float64               // p; 0 is 0.5
	Seed     uint64                // see Randomness in the package's comment
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (r RISE) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	samples, cells, open := cmp.Or(r.Samples, 4000), cmp.Or(r.Cells, 7), cmp.Or(r.Open, 0.5)
	if cells < 1 || !(open > 0 && open <= 1) {
		return nil, fmt.Errorf("rise: %d cells, open with probability %g: want at least 1, above 0 to 1", cells, open)
	}
	e := engine{"rise", predicting(r.Model, cmp.Or(r.Score, Probability)), r.Batch, r.Progress}
	return e.explain(ctx, images, targets, samples, func(s subject) (Grid, map[string]float64, error) {
		closed := r.Baseline.of(s.image, Black)
		draws := drawsOf(r.Seed, s.image)
		masks := newMasks(cells, s.image.Height, s.image.Width)
		mask := make([]float32, s.image.Height*s.image.Width)
		sum := make([]float64, len(mask))
		err := s.vary(func(sample int, pixels []float32) {
			masks.draw(mask, masks.pattern(draws.sample(sample), open))
			for i, m := range mask {
				for c := i * s.image.Channels; c < (i+1)*s.image.Channels; c++ {
					pixels[c] = closed[c] + m*(s.image.Pixels[c]-closed[c])
				}
			}
		}, func(sample int, a answer) {
			score := float64(a.score)
			// To draw it once more costs less than to keep a batch of them.
			masks.draw(mask, masks.pattern(draws.sample(sample), open))
			for i, m := range mask {
				sum[i] += score * float64(m)
			}
		})
		grid := NewGrid(s.image.Height, s.image.Width)
		for i := range grid.Values {
			grid.Values[i] = float32(sum[i] / (float64(samples) * open))
		}
		return grid, nil, err
	})
}

// masks draws masks of one shape.
type masks struct {
	cells, height, width  int
	cellHeight, cellWidth int
	vertical, horizontal  []between // of every row and column of the enlarged grid
}

// pattern is what is random of a mask: which cells are open, row by row, and
// where the crop begins.
type pattern struct {
	open []bool
	y, x int
}

// between is a place between two cells: low + (high-low) * part.
type between struct {
	low, high int
	part      float32
}

func newMasks(cells, height, width int) masks {
	m := masks{cells: cells, height: height, width: width}
	m.cellHeight = (height + cells - 1) / cells
	m.cellWidth = (width + cells - 1) / cells
	m.vertical = enlarge(cells, (cells+1)*m.cellHeight)
	m.horizontal = enlarge(cells, (cells+1)*m.cellWidth)
	return m
}

// enlarge says where each of out samples lies among in cells: bilinear between
// centres at half positions. Beyond the outermost centres the grid is mirrored
// there (skimage.transform.resize's mode "reflect", which the authors use).
func enlarge(in, out int) []between {
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
		// The place is (i+1/2) in/out - 1/2; in whole numbers until the end.
		place := (2*i+1)*in - out
		floor := place / (2 * out)
		if place < 0 {
			floor = -1
		}
		list[i] = between{mirror(floor), mirror(floor + 1), float32(place-floor*2*out) / float32(2*out)}
	}
	return list
}

func (m masks) pattern(random *rand.Rand, probability float64) pattern {
	p := pattern{open: make([]bool, m.cells*m.cells)}
	for i := range p.open {
		p.open[i] = random.Float64() < probability
	}
	p.y, p.x = random.IntN(m.cellHeight), random.IntN(m.cellWidth)
	return p
}

// draw fills mask, of the image's size.
func (m masks) draw(mask []float32, p pattern) {
	// The rows of cells at full width, then each row of the mask between two.
	wide := make([]float32, m.cells*m.width)
	for row := range m.cells {
		cells := p.open[row*m.cells : (row+1)*m.cells]
		for x := range m.width {
			at := m.horizontal[p.x+x]
			low, high := one(cells[at.low]), one(cells[at.high])
			wide[row*m.width+x] = low + (high-low)*at.part
		}
	}
	for y := range m.height {
		at := m.vertical[p.y+y]
		low, high := wide[at.low*m.width:][:m.width], wide[at.high*m.width:][:m.width]
		out := mask[y*m.width:][:m.width]
		for x := range out {
			out[x] = low[x] + (high[x]-low[x])*at.part
		}
	}
}

func one(open bool) float32 {
	if open {
		return 1
	}
	return 0
}
