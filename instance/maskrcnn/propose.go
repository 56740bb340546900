package maskrcnn

import (
	"context"
	"fmt"
	"slices"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/tfmodel"
)

// Propose returns the regions of each image before the last non-maximum suppression. A region's box
// is the one corrected for its most probable class. Its objectness is the sum of the class
// probabilities without background.
func (d *Detector) Propose(ctx context.Context, images explain.Images) ([][]explain.Proposal, error) {
	s := d.Architecture.Input
	if images.Height != s[0] || images.Width != s[1] || images.Channels != s[2] {
		return nil, fmt.Errorf("images are %dx%dx%d (height, width, channels), the detector takes %v", images.Height, images.Width, images.Channels, s)
	}
	feed, n, err := d.feed(images.Pixels)
	if err != nil {
		return nil, err
	}
	p := d.found.proposed
	out, err := d.session.Run(ctx, []graph.Feed{feed}, []tfmodel.Tensor{p.boxes, p.probs, p.counts})
	if err != nil {
		return nil, err
	}
	boxes, probs, counts := out[0].Float32s(), out[1].Float32s(), out[2].Float32s()
	classes, regions := d.Architecture.Classes, len(counts)/n
	all := make([][]explain.Proposal, n)
	for i, count := range counts {
		if count < 0.5 {
			continue
		}
		of := proposal(probs[i*classes : (i+1)*classes])
		best := slices.Index(of.Probabilities, slices.Max(of.Probabilities))
		copy(of.Box[:], boxes[(i*classes+best)*4:])
		all[i/regions] = append(all[i/regions], of)
	}
	return all, nil
}

// proposal returns a proposal without its box.
func proposal(probabilities []float32) explain.Proposal {
	p := explain.Proposal{Probabilities: slices.Clone(probabilities)}
	for _, v := range probabilities {
		p.Objectness += float64(v)
	}
	return p
}

// Proposal returns the fixed box and the box head's probabilities, as the target detection of
// D-RISE.
func (a *At) Proposal(ctx context.Context) (explain.Proposal, error) {
	s := a.detector.Architecture.Input
	out, err := a.Predict(ctx, explain.Images{N: 1, Height: s[0], Width: s[1], Channels: s[2], Pixels: a.pixels})
	if err != nil {
		return explain.Proposal{}, err
	}
	p := proposal(out.Probabilities[0])
	p.Box = a.box
	return p, nil
}

// Side returns the number of rows of a layer's output, 0 for a layer without spatial output.
func (d *Detector) Side(layer string) int {
	if i, out, err := d.parts.backbone.Layer(layer); err == nil && i >= 0 && len(out) == 3 {
		return out[0]
	}
	return 0
}
