package explain

import (
	"cmp"
	"context"
	"fmt"
	"math"
)

// Occlusion is the decrease of the score when a patch of the image is covered, averaged over the
// patches that cover a pixel:
//
//	M(y,x) = mean over patches on (y,x) of f(image) - f(image with the patch covered)
//
// Zeiler, Fergus 2013, arXiv:1311.2901, section 4.2. They cover with a gray square. Patches start at
// the top left corner and extend to the right and bottom edges, where the last ones are clipped.
type Occlusion struct {
	Model    Predictor
	Score    Score                 // "" is Logit
	Baseline Baseline              // covers a patch; nil is Gray
	Patch    int                   // side of the square; 0: 32/227 of the image's shorter side
	Stride   int                   // distance between patches; 0: half of Patch
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// sizes returns the patch and the stride, with defaults.
func (o Occlusion) sizes(images Images) (patch, stride int) {
	patch = cmp.Or(o.Patch, max(1, int(math.Round(32./227*float64(min(images.Height, images.Width))))))
	return patch, cmp.Or(o.Stride, (patch+1)/2)
}

// Explain implements [Explainer].
func (o Occlusion) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	patch, stride := o.sizes(images)
	if patch < 1 || stride < 1 || stride > patch {
		return nil, fmt.Errorf("occlusion: patch %d, stride %d: want a stride of at least 1 that leaves no gap between patches", patch, stride)
	}
	patches := cover(images.Height, images.Width, patch, stride)
	e := engine{"occlusion", Image, predicting(o.Model, cmp.Or(o.Score, Logit)), o.Batch, o.Progress}
	return e.explain(ctx, images, targets, len(patches), func(s subject) (Grid, map[string]float64, error) {
		fill := o.Baseline.of(s.image, Gray)
		grid := NewGrid(s.image.Height, s.image.Width)
		losses := make([]float64, len(grid.Values))
		count := make([]float64, len(grid.Values))
		err := s.vary(func(sample int, pixels []float32) {
			copy(pixels, s.image.Pixels)
			p, channels := patches[sample], s.image.Channels
			for y := p.top; y < p.bottom; y++ {
				from, to := (y*grid.Width+p.left)*channels, (y*grid.Width+p.right)*channels
				copy(pixels[from:to], fill[from:to])
			}
		}, func(first int, outputs []output) {
			for k, o := range outputs {
				p, loss := patches[first+k], float64(s.score)-float64(o.score)
				for y := p.top; y < p.bottom; y++ {
					for i := y*grid.Width + p.left; i < y*grid.Width+p.right; i++ {
						losses[i] += loss
						count[i]++
					}
				}
			}
		})
		for i := range grid.Values {
			grid.Values[i] = float32(losses[i] / count[i])
		}
		return grid, nil, err
	})
}

// rectangle is a part of an image; bottom and right are exclusive.
type rectangle struct{ top, left, bottom, right int }

// cover returns the patches that cover an image, row by row.
func cover(height, width, patch, stride int) []rectangle {
	var list []rectangle
	for _, y := range starts(height, patch, stride) {
		for _, x := range starts(width, patch, stride) {
			list = append(list, rectangle{y, x, min(y+patch, height), min(x+patch, width)})
		}
	}
	return list
}

// starts returns the start positions of the patches along one side. The last one is the first that
// reaches the end.
func starts(side, patch, stride int) []int {
	list := []int{0}
	for last := 0; last+patch < side; {
		last += stride
		list = append(list, last)
	}
	return list
}
