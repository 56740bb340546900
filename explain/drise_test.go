package explain_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"oscar/explain"
)

// blobs is a detector whose proposals depend on the brightness of the image's halves.
type blobs struct{ batches []int }

func (b *blobs) Propose(_ context.Context, images explain.Images) ([][]explain.Proposal, error) {
	b.batches = append(b.batches, images.N)
	out := make([][]explain.Proposal, images.N)
	for i := range out {
		left, right := 0.0, 0.0
		one := images.Slice(i, i+1)
		for k, v := range one.Pixels {
			if k/images.Channels%images.Width < images.Width/2 {
				left += float64(v)
			} else {
				right += float64(v)
			}
		}
		left, right = left/float64(len(one.Pixels))/255, right/float64(len(one.Pixels))/255
		out[i] = []explain.Proposal{
			{Box: [4]float32{0, 0, 6 + float32(left), 10}, Probabilities: []float32{float32(left), 0.1, float32(right)}, Objectness: left + 0.2},
			{Box: [4]float32{5, 2, 14, 11}, Probabilities: []float32{0.2, float32(right), 0.3}, Objectness: right},
			{Box: [4]float32{3, 3, 3, 9}, Probabilities: []float32{0.2, 0.1, 0.3}, Objectness: 1}, // empty
		}
	}
	return out, nil
}

// D-RISE is its equations, mask by mask and pixel by pixel, in an obvious second implementation.
func TestDRISEEqualsSlowTwin(t *testing.T) {
	image, detections := photos(1), []explain.Proposal{
		{Box: [4]float32{1, 0, 7, 9}, Probabilities: []float32{0.7, 0.1, 0.1}, Objectness: 0.9},
		{Box: [4]float32{6, 1, 15, 12}, Probabilities: []float32{0, 0.6, 0.2}, Objectness: 0.8},
		{Box: [4]float32{100, 100, 110, 110}, Probabilities: []float32{0, 0.6, 0.2}, Objectness: 0.8}, // far from all
	}
	const samples, cells, open, seed = 21, 4, 0.4, 9
	model := &blobs{}
	got, err := explain.DRISE{Model: model, Samples: samples, Cells: cells, Open: open, Seed: seed, Batch: 8}.Explain(t.Context(), image, detections)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(model.batches) != "[8 8 5]" {
		t.Errorf("batches of %v", model.batches)
	}
	for d, detection := range detections {
		want := make([]float64, high*wide)
		for k := range samples {
			drawn, y, x := explain.MaskPattern(seed, image, k, cells, open)
			mask := explain.Mask(drawn, y, x, cells, high, wide)
			masked := image
			masked.Pixels = make([]float32, len(image.Pixels))
			for i := range masked.Pixels {
				masked.Pixels[i] = image.Pixels[i] * mask[i/image.Channels]
			}
			proposals, _ := model.Propose(t.Context(), masked)
			best := 0.0
			for _, p := range proposals[0] {
				// The IoU by counting fine cells would round: by areas.
				w := math.Min(float64(detection.Box[2]), float64(p.Box[2])) - math.Max(float64(detection.Box[0]), float64(p.Box[0]))
				h := math.Min(float64(detection.Box[3]), float64(p.Box[3])) - math.Max(float64(detection.Box[1]), float64(p.Box[1]))
				common := 0.0
				if w > 0 && h > 0 {
					common = w * h
				}
				union := float64((detection.Box[2]-detection.Box[0])*(detection.Box[3]-detection.Box[1])) + float64((p.Box[2]-p.Box[0])*(p.Box[3]-p.Box[1])) - common
				dot, a, b := 0.0, 0.0, 0.0
				for c := range p.Probabilities {
					dot += float64(detection.Probabilities[c]) * float64(p.Probabilities[c])
					a += math.Pow(float64(detection.Probabilities[c]), 2)
					b += math.Pow(float64(p.Probabilities[c]), 2)
				}
				best = math.Max(best, common/union*dot/(math.Sqrt(a)*math.Sqrt(b))*p.Objectness)
			}
			for i := range want {
				want[i] += best * float64(mask[i]) / (samples * open)
			}
		}
		for i, w := range want {
			if math.Abs(float64(got[d].Values[i])-w) > 1e-5 {
				t.Fatalf("detection %d, pixel %d: %v, want %v", d, i, got[d].Values[i], w)
			}
		}
		if far := d == 2; (explain.StatusOf(got[d]) == explain.Empty) != far {
			t.Errorf("detection %d has a map from %v", d, got[d].Values[:3])
		}
	}
}

func TestDRISERefuses(t *testing.T) {
	for _, d := range []explain.DRISE{{}, {Model: &blobs{}, Open: 2}, {Model: &blobs{}, Samples: -1}} {
		if _, err := d.Explain(t.Context(), photos(1), nil); err == nil {
			t.Errorf("%+v is taken", d)
		}
	}
	if _, err := (explain.DRISE{Model: &blobs{}}).Explain(t.Context(), photos(2), nil); err == nil {
		t.Error("two images are taken")
	}
}
