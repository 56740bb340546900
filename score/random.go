package score

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"oscar/explain"
	"oscar/internal/seeded"
)

// RandomMap is a control: an explainer of random values, uniform in 0..1. If a method is no better
// by a metric, either the method is useless or the metric cannot distinguish them. The same image
// and seed give the same map.
type RandomMap struct {
	Seed uint64
	// Cells is the number of rows and columns; 0: one value per pixel. For the CAMs of a layer, a
	// fairer control has as many cells as the layer has positions, because scattered pixels disturb a
	// network more than patches.
	Cells int
}

var _ explain.Explainer = RandomMap{}

// Explain returns one map per image.
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

// each explains images one by one.
func each(name string, images explain.Images, targets []int, explanation func(image []float32) explain.Grid) ([]explain.Attribution, error) {
	if err := (Cases{Images: images, Targets: targets}).check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	list := make([]explain.Attribution, images.N)
	for i := range list {
		grid := explanation(images.Slice(i, i+1).Pixels)
		list[i] = explain.Attribution{
			Method: name,
			Layer:  explain.Image,
			Target: targets[i],
			Status: explain.StatusOf(grid),
			Map:    grid,
		}
	}
	return list, nil
}

// stream returns a random generator for a purpose, a subject (the digest of an image, or nil) and
// numbers. It does not depend on the method: every method gets the same draws, so that methods
// differ only by their maps.
func stream(seed uint64, purpose string, about []byte, numbers ...int) *rand.Rand {
	data := binary.LittleEndian.AppendUint64(nil, seed)
	for _, n := range numbers {
		data = binary.LittleEndian.AppendUint64(data, uint64(n))
	}
	data = append(data, about...)
	data = append(data, purpose...)
	return seeded.New(data)
}

// digest identifies an image for [stream], so that draws depend on the image's content, not on its
// index.
func digest(image []float32) []byte {
	d := seeded.Digest(image)
	return d[:]
}
