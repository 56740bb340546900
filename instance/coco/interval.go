package coco

import (
	"math/rand/v2"
	"slices"

	"oscar/internal/seeded"
)

// Interval returns the middle 95 % of the AP of data sets of as many images, drawn with
// replacement (the bootstrap of Efron 1979). It is a function of the seed. A class
// without an object in a draw is left out of that draw.
func Interval(truth *File, results []Result, kind Kind, draws int, seed uint64) (low, high float64, err error) {
	p, err := pairs(truth, results, kind, every)
	if err != nil {
		return 0, 0, err
	}
	var classes [][]judged // by image
	for _, c := range truth.Categories {
		list := make([]judged, len(p[c.ID]))
		for i, pair := range p[c.ID] {
			list[i] = pair.judge(ranges[all])
		}
		classes = append(classes, list)
	}
	r := rand.New(rand.NewChaCha8(seeded.Digest(nil, seed, 0xb007)))
	values := make([]float64, draws)
	drawn, some := make([]int, len(truth.Images)), make([]judged, len(truth.Images))
	for k := range values {
		for i := range drawn {
			drawn[i] = r.IntN(len(drawn))
		}
		var precision []float64
		for _, list := range classes {
			for i, at := range drawn {
				some[i] = list[at]
			}
			if precisions, _, ok := accumulate(some, most[2]); ok {
				precision = append(precision, precisions...)
			}
		}
		values[k] = mean(precision)
	}
	slices.Sort(values)
	at := func(share float64) float64 { return values[min(int(share*float64(draws)), draws-1)] }
	return at(0.025), at(0.975), nil
}
