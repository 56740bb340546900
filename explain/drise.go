package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
)

// Proposal is a box that a detector proposes for an image, before non-maximum suppression.
type Proposal struct {
	Box           [4]float32 // x1, y1, x2, y2 in pixels of the image
	Probabilities []float32  // of the classes, without background
	Objectness    float64    // probability that the box has any object
}

// A Proposer is a detector. It returns the proposals of each image.
type Proposer interface {
	Propose(ctx context.Context, images Images) ([][]Proposal, error)
}

// Similarity returns the similarity of a detection and a proposal in D-RISE, from 0 to 1 (Petsiuk et
// al. 2021, arXiv:2006.03204, section 3): the IoU of the boxes, times the cosine of the class
// probabilities, times the proposal's objectness.
func Similarity(detection, p Proposal) float64 {
	return boxIoU(detection.Box, p.Box) * cosine(detection.Probabilities, p.Probabilities) * p.Objectness
}

func boxIoU(a, b [4]float32) float64 {
	area := func(b [4]float32) float64 {
		return max(0, float64(b[2])-float64(b[0])) * max(0, float64(b[3])-float64(b[1]))
	}
	both := area([4]float32{max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])})
	if both == 0 {
		return 0
	}
	return both / (area(a) + area(b) - both)
}

func cosine(a, b []float32) float64 {
	dot, aa, bb := 0.0, 0.0, 0.0
	for i, v := range a {
		dot, aa, bb = dot+float64(v)*float64(b[i]), aa+float64(v)*float64(v), bb+float64(b[i])*float64(b[i])
	}
	if dot == 0 {
		return 0
	}
	return dot / math.Sqrt(aa*bb)
}

// DRISE runs a detector on the image under random masks. The map of a detection is the sum of the
// masks, each weighted by the largest similarity of the detection and a proposal for the masked
// image:
//
//	M(y,x) = 1/(N p) sum_k max_j s(d, d_j(f, image (.) mask_k)) mask_k(y,x)
//
// Petsiuk et al. 2021, arXiv:2006.03204, section 3. The masks are those of [RISE]. All
// detections of an image share the runs of the detector.
type DRISE struct {
	Model    Proposer
	Samples  int                   // N; 0 is 1000. The paper uses 5000
	Cells    int                   // of a mask's side; 0: 16
	Open     float64               // p; 0: 0.5
	Seed     uint64                // see Randomness in the package's comment
	Batch    int                   // images per run; 0: 8
	Progress func(done, total int) // images shown to the detector
}

const (
	driseSamples = 1000
	driseCells   = 16
	driseBatch   = 8
)

// Explain returns the map of each detection in one image, with the image's size and not centered.
func (d DRISE) Explain(ctx context.Context, image Images, detections []Proposal) ([]Grid, error) {
	samples, cells, open, size := cmp.Or(d.Samples, driseSamples), cmp.Or(d.Cells, driseCells), cmp.Or(d.Open, 0.5), cmp.Or(d.Batch, driseBatch)
	switch {
	case d.Model == nil:
		return nil, errors.New("d-rise: the explainer has no detector")
	case samples < 1 || cells < 1 || size < 1 || !(open > 0 && open <= 1):
		return nil, fmt.Errorf("d-rise: %d samples, %d cells, batches of %d, open with probability %g: want at least 1, above 0 to 1", samples, cells, size, open)
	case image.N != 1 || image.Height < 1 || image.Width < 1 || len(image.Pixels) != image.Size():
		return nil, fmt.Errorf("d-rise: %d images of shape [%d,%d,%d] with %d values; want one", image.N, image.Height, image.Width, image.Channels, len(image.Pixels))
	}
	streams, drawn := streamsOf(d.Seed, image), newMasks(cells, image.Height, image.Width)
	mask := make([]float32, image.Height*image.Width)
	draw := func(sample int) {
		rows := drawn.rows(drawn.pattern(streams.sample(sample), open))
		for y := range image.Height {
			rows.Row(mask[y*image.Width:(y+1)*image.Width], y)
		}
	}
	sums := make([][]float64, len(detections))
	for i := range sums {
		sums[i] = make([]float64, len(mask))
	}
	for first := 0; first < samples; first += size {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		shown := image
		shown.N = min(size, samples-first)
		shown.Pixels = make([]float32, shown.N*image.Size())
		for k := range shown.N {
			draw(first + k)
			for i, m := range mask {
				for c := i * image.Channels; c < (i+1)*image.Channels; c++ {
					shown.Pixels[k*image.Size()+c] = m * image.Pixels[c]
				}
			}
		}
		proposals, err := d.Model.Propose(ctx, shown)
		if err != nil {
			return nil, fmt.Errorf("d-rise: %w", err)
		}
		for k := range shown.N {
			draw(first + k) // drawing again costs less than storing a batch of masks
			for t, detection := range detections {
				if weight := nearest(detection, proposals[k]); weight > 0 {
					for i, m := range mask {
						sums[t][i] += weight * float64(m)
					}
				}
			}
		}
		if d.Progress != nil {
			d.Progress(first+shown.N, samples)
		}
	}
	maps := make([]Grid, len(detections))
	for t := range maps {
		maps[t] = NewGrid(image.Height, image.Width)
		for i, v := range sums[t] {
			maps[t].Values[i] = float32(v / (float64(samples) * open))
		}
	}
	return maps, nil
}

// nearest returns the largest similarity of a detection and a proposal, or 0 without proposals.
func nearest(detection Proposal, proposals []Proposal) (largest float64) {
	for _, p := range proposals {
		largest = max(largest, Similarity(detection, p))
	}
	return largest
}
