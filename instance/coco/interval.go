package coco

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"oscar/internal/seeded"
)

// Interval returns the 95 % interval of AP by the bootstrap over images (Efron 1979). It depends
// only on the arguments. As in pycocotools, where -1 marks what has no object and counts in no mean, a
// draw leaves out the classes that have no object in it, and draws without an object do not count.
// Both ends are -1 if no draw counts.
func Interval(truth *File, results []Result, kind Kind, draws int, seed uint64) (low, high float64, err error) {
	s, err := newSamples(truth, results, kind, every)
	if err != nil {
		return 0, 0, err
	}
	bounds := Bootstrap(len(truth.Images), draws, seed, func(drawn []int) []float64 {
		all, _ := s.ap(drawn)
		if all == unmeasured {
			all = math.NaN()
		}
		return []float64{all}
	})
	if math.IsNaN(bounds[0][0]) {
		return unmeasured, unmeasured, nil
	}
	return bounds[0][0], bounds[0][1], nil
}

// Paired has the AP of two lists of detections for the same images and objects.
type Paired struct {
	Class   string     // "": the mean of the classes
	Objects int        // number, without crowds
	AP      [2]float64 // -1 without an object
	// Interval is the 95 % bootstrap interval over images of the second AP minus the first. Draws
	// without an object do not count. It is NaN if no draw counts.
	Interval [2]float64
}

// Compare compares two lists of detections by the objects for which count is true; nil counts all.
// The first result is the mean of all classes, the others are the classes by id. Both lists use the
// same draws of images. Compare depends only on its arguments.
func Compare(truth *File, results [2][]Result, kind Kind, count func(Annotation) bool, draws int, seed uint64) ([]Paired, error) {
	if count == nil {
		count = every
	}
	var of [2]samples
	for k := range of {
		var err error
		if of[k], err = newSamples(truth, results[k], kind, count); err != nil {
			return nil, err
		}
	}
	out := make([]Paired, 1+len(of[0].classes))
	for i, c := range of[0].classes {
		out[1+i].Class = c.Name
		for _, j := range of[0].judged[i] {
			out[1+i].Objects += j.objects
			out[0].Objects += j.objects
		}
	}
	values := func(drawn []int) (list [2][]float64) {
		for k := range of {
			all, byClass := of[k].ap(drawn)
			list[k] = append([]float64{all}, byClass...)
		}
		return list
	}
	whole := make([]int, len(truth.Images))
	for i := range whole {
		whole[i] = i
	}
	for k, list := range values(whole) {
		for i, v := range list {
			out[i].AP[k] = v
		}
	}
	bounds := Bootstrap(len(truth.Images), draws, seed, func(drawn []int) []float64 {
		pair := values(drawn)
		differences := make([]float64, len(out))
		for i := range differences {
			differences[i] = math.NaN()
			if pair[0][i] != unmeasured {
				differences[i] = pair[1][i] - pair[0][i]
			}
		}
		return differences
	})
	for i := range out {
		out[i].Interval = bounds[i]
	}
	return out, nil
}

// Bootstrap returns the 95 % interval of each value over draws of n images with replacement. NaN
// does not count; without another value both ends are NaN.
func Bootstrap(n, draws int, seed uint64, values func(drawn []int) []float64) [][2]float64 {
	r := rand.New(rand.NewChaCha8(seeded.Digest(nil, seed, 0xb007)))
	var samples [][]float64 // by value
	drawn := make([]int, n)
	for range draws {
		for i := range drawn {
			drawn[i] = r.IntN(n)
		}
		for i, v := range values(drawn) {
			if i == len(samples) {
				samples = append(samples, nil)
			}
			if !math.IsNaN(v) {
				samples[i] = append(samples[i], v)
			}
		}
	}
	out := make([][2]float64, len(samples))
	for i, list := range samples {
		slices.Sort(list)
		for k, share := range []float64{0.025, 0.975} {
			out[i][k] = math.NaN()
			if len(list) > 0 {
				out[i][k] = list[min(int(share*float64(len(list))), len(list)-1)]
			}
		}
	}
	return out
}

// samples has the matched detections of each image, for drawing images.
type samples struct {
	classes []Category // by their ids
	judged  [][]judged // of each class, by image
	some    []judged   // of a draw
}

func newSamples(truth *File, results []Result, kind Kind, count func(Annotation) bool) (samples, error) {
	p, err := pairs(truth, results, kind, count)
	s := samples{classes: slices.SortedFunc(slices.Values(truth.Categories), byID), some: make([]judged, len(truth.Images))}
	for _, c := range s.classes {
		list := make([]judged, len(p[c.ID]))
		for i, pair := range p[c.ID] {
			list[i] = pair.judge(ranges[all])
		}
		s.judged = append(s.judged, list)
	}
	return s, err
}

func byID(a, b Category) int { return cmp.Compare(a.ID, b.ID) }

// ap returns the AP of the drawn images, overall and by class; unmeasured without objects.
func (s samples) ap(drawn []int) (all float64, byClass []float64) {
	var precision []float64
	for _, list := range s.judged {
		for i, at := range drawn {
			s.some[i] = list[at]
		}
		precisions, _, _ := accumulate(s.some, maxDetections[2])
		precision = append(precision, precisions...)
		byClass = append(byClass, mean(precisions))
	}
	return mean(precision), byClass
}
