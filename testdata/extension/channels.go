package main

import (
	"context"

	"oscar/explain"
)

// ChannelShare is an explainer: the sum over the channels of a model's signal at the image,
// as a share of the score. With layer-wise relevance propagation the map is the share of
// the logit that each pixel has.
type ChannelShare struct {
	Model explain.Differentiator
}

func (e ChannelShare) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	d, err := e.Model.Differentiate(ctx, images, targets, explain.Image, explain.Logit)
	if err != nil {
		return nil, err
	}
	out := make([]explain.Attribution, images.N)
	for i, signal := range d.Gradients {
		grid := explain.NewGrid(signal.Height, signal.Width)
		for k, v := range signal.Values {
			grid.Values[k/signal.Channels] += v / d.Scores[i]
		}
		out[i] = explain.Attribution{
			Method: "channel-share", Layer: explain.Image, Target: d.Targets[i], Score: d.Scores[i],
			Status: explain.StatusOf(grid), Map: grid, Probabilities: d.Probabilities[i],
		}
	}
	return out, nil
}
