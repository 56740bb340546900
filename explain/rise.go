package explain

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
)

// RISE runs the model on the image under random masks. The map is the sum of the masks, each
// weighted by the score of the masked image:
//
//	M(y,x) = 1/(N p) sum_k f(image (.) mask_k) mask_k(y,x)
//
// Petsiuk, Das, Saenko 2018, arXiv:1806.07421, eq. 6 and section 3.2. A mask is
// a grid of Cells x Cells. Each cell is open with probability p. The grid is
// resized bilinearly to (Cells+1) cells and cropped at a random shift, as in the
// authors' code. Masks are not kept: memory does not grow with N.
//
// The map is not centered: pixels without influence have about the mean score. Its noise decreases
// with the root of N; the paper uses 4000 masks for VGG and 8000 for ResNet.
type RISE struct {
	Model    Predictor
	Score    Score                 // "" is Probability
	Baseline Baseline              // shown where a mask is closed; nil: Black, which multiplies the image by the mask
	Samples  int                   // N; 0 is 4000
	Cells    int                   // per side of the grid; 0: 7
	Open     float64               // p; 0 is 0.5
	Seed     uint64                // see Randomness in the package's comment
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (r RISE) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	samples, cells, open := cmp.Or(r.Samples, riseSamples), cmp.Or(r.Cells, 7), cmp.Or(r.Open, 0.5)
	if cells < 1 || !(open > 0 && open <= 1) {
		return nil, fmt.Errorf("rise: %d cells, open with probability %g: want at least 1, above 0 to 1", cells, open)
	}
	e := engine{"rise", Image, predicting(r.Model, cmp.Or(r.Score, Probability)), r.Batch, r.Progress}
	return e.explain(ctx, images, targets, samples, func(s subject) (Grid, map[string]float64, error) {
		closed := r.Baseline.of(s.image, Black)
		streams := streamsOf(r.Seed, s.image)
		masks := newMasks(cells, s.image.Height, s.image.Width)
		width, channels := s.image.Width, s.image.Channels
		sum := make([]float64, s.image.Height*width)
		err := s.vary(func(sample int, pixels []float32) {
			mask, row := masks.rows(masks.pattern(streams.sample(sample), open)), make([]float32, width)
			for y := range s.image.Height {
				mask.Row(row, y)
				at := y * width * channels
				for _, m := range row {
					for c := at; c < at+channels; c++ {
						pixels[c] = closed[c] + m*(s.image.Pixels[c]-closed[c])
					}
					at += channels
				}
			}
		}, func(first int, outputs []output) {
			// Drawing them again costs less than storing a batch of masks.
			drawn := make([]Rows, len(outputs))
			for k := range drawn {
				drawn[k] = masks.rows(masks.pattern(streams.sample(first+k), open))
			}
			spreadRange(s.image.Height, func(from, to int) {
				row := make([]float32, width)
				for y := from; y < to; y++ {
					sums := sum[y*width : (y+1)*width]
					for k, mask := range drawn {
						mask.Row(row, y)
						score := float64(outputs[k].score)
						for x, m := range row {
							sums[x] += score * float64(m)
						}
					}
				}
			})
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
	vertical, horizontal  []between // of every row and column of the resized grid
}

// pattern is the random part of a mask: the cells (1 is open) and the start of the crop.
type pattern struct {
	open Grid
	y, x int
}

func newMasks(cells, height, width int) masks {
	m := masks{cells: cells, height: height, width: width}
	m.cellHeight = (height + cells - 1) / cells
	m.cellWidth = (width + cells - 1) / cells
	m.vertical = mirrored(cells, (cells+1)*m.cellHeight)
	m.horizontal = mirrored(cells, (cells+1)*m.cellWidth)
	return m
}

func (m masks) pattern(random *rand.Rand, probability float64) pattern {
	p := pattern{open: NewGrid(m.cells, m.cells)}
	for i := range p.open.Values {
		if random.Float64() < probability {
			p.open.Values[i] = 1
		}
	}
	p.y, p.x = random.IntN(m.cellHeight), random.IntN(m.cellWidth)
	return p
}

// rows returns the mask of a pattern, of the image's size, row by row.
func (m masks) rows(p pattern) Rows {
	return p.open.interpolate(m.vertical[p.y:p.y+m.height], m.horizontal[p.x:p.x+m.width])
}
