package score

import (
	"context"
	"fmt"

	"oscar/explain"
)

// RandomMap is a control: an explainer that knows nothing, its values uniform
// in 0..1. A method that is not better by a metric is not worth its time there,
// or the metric cannot tell. The same image and seed give the same map, another
// image another one.
type RandomMap struct {
	Seed uint64
	// Cells is the number of rows and columns; 0 is one value a pixel. A map of
	// as many cells as a layer has positions is the fairer match for its CAMs:
	// pixels that are strewn over an image disturb a network more than patches.
	Cells int
}

var _ explain.Explainer = RandomMap{}

// Explain returns one map an image.
func (r RandomMap) Explain(_ context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	return each("random", images, targets, func(image []float32) explain.Grid {
		grid := explain.NewGrid(images.Height, images.Width)
		if r.Cells > 0 {
			grid = explain.NewGrid(r.Cells, r.Cells)
		}
		random := stream(r.Seed, "random", digest(image))
		for i := range grid.Values {
			grid.Values[i] = random.Float32()
		}
		return grid
	})
}

// each explains image by image.
func each(name string, images explain.Images, targets []int, explanation func(image []float32) explain.Grid) ([]explain.Attribution, error) {
	if err := (Cases{Images: images, Targets: targets}).check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	list := make([]explain.Attribution, images.N)
	for i := range list {
		grid := explanation(pixels(images, i))
		list[i] = explain.Attribution{
			Method: name,
			Layer:  "image",
			Target: targets[i],
			Status: explain.StatusOf(grid),
			Map:    grid,
		}
	}
	return list, nil
}
