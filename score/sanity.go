package score

import (
	"context"
	"fmt"

	"oscar/explain"
)

// Similarity has the similarity of the maps of the model and of a randomized model, one value per
// image.
type Similarity struct {
	Layer       string // the layer that was randomized last
	AbsSpearman []Value
	Spearman    []Value
	SSIM        []Value
}

// Cascades is the model-parameter randomization test (Adebayo et al. 2018, arXiv:1810.03292). Layers
// are randomized from the logits down, one more each time. The maps of such a model are compared
// with those of the trained model at the size of the image: by the rank correlation of |map| and of
// the signed map, and by SSIM of the maps scaled to 0..1. If the maps stay similar, the method does
// not show what the model has learnt, so low is good.
func Cascades(ctx context.Context, s Sample) ([]Similarity, error) {
	if err := s.check("sanity", NeedsRandomized); err != nil {
		return nil, err
	}
	list := make([]Similarity, len(s.Randomized.Layers))
	trained := make([]compared, s.Images.N)
	for i := range trained {
		if rankable(s.Maps[i]) == explain.OK {
			trained[i] = newCompared(s.heat(i))
		}
	}
	total := len(list) * s.Images.N
	for k, layer := range s.Randomized.Layers {
		explainer, err := s.Randomized.Explainer(k + 1)
		if err != nil {
			return nil, fmt.Errorf("sanity, %s randomized: %w", layer, err)
		}
		step := s
		if s.Progress != nil {
			step.Progress = func(done, _ int) { s.Progress(k*s.Images.N+done, total) }
		}
		n := s.Images.N
		list[k] = Similarity{layer, make([]Value, n), make([]Value, n), make([]Value, n)}
		batcher := step.explanations(ctx, explainer, n)
		for i := range n {
			copy(batcher.Next(), s.image(i))
			err := batcher.Submit(s.Targets[i], func(g explain.Grid) { list[k].compare(step, i, trained[i], g) })
			if err != nil {
				return nil, fmt.Errorf("sanity, %s randomized: %w", layer, err)
			}
		}
		if err := batcher.Flush(); err != nil {
			return nil, fmt.Errorf("sanity, %s randomized: %w", layer, err)
		}
	}
	return list, nil
}

// compare sets the values of image i.
func (y *Similarity) compare(s Sample, i int, trained compared, randomized explain.Grid) {
	status := rankable(s.Maps[i])
	if status == explain.OK {
		status = rankable(randomized)
	}
	if status != explain.OK {
		y.AbsSpearman[i], y.Spearman[i], y.SSIM[i] = unjudged(status), unjudged(status), unjudged(status)
	} else {
		s.Maps = []explain.Grid{randomized}
		other := newCompared(s.heat(0))
		y.AbsSpearman[i] = correlated(trained.absRanks, other.absRanks)
		y.Spearman[i] = correlated(trained.ranks, other.ranks)
		y.SSIM[i] = SSIM(trained.map01, other.map01)
	}
	for _, values := range [][]Value{y.AbsSpearman, y.Spearman, y.SSIM} {
		values[i].Class = s.Targets[i]
	}
}

// at returns the key of a metric's values at a layer of the cascade.
func at(metric, layer string) string { return metric + "@" + layer }

// judgeSanity returns "sanity_rank_abs", "sanity_rank" and "sanity_ssim". Each is the mean over the
// depths of the cascade that have a value, as in Quantus. It also returns the values of each depth,
// see [at].
func judgeSanity(ctx context.Context, s Sample) (Values, error) {
	steps, err := Cascades(ctx, s)
	if err != nil {
		return nil, err
	}
	mean := func(of func(Similarity) []Value) []Value {
		return s.each(func(i int) Value {
			var values []float64
			var last Value
			for _, step := range steps {
				last = of(step)[i]
				if last.OK() {
					values = append(values, float64(last.Value))
				}
			}
			if len(values) == 0 {
				return last
			}
			return judged(average(values))
		})
	}
	out := Values{}
	for name, of := range map[string]func(Similarity) []Value{
		"sanity_rank_abs": func(y Similarity) []Value { return y.AbsSpearman },
		"sanity_rank":     func(y Similarity) []Value { return y.Spearman },
		"sanity_ssim":     func(y Similarity) []Value { return y.SSIM },
	} {
		out[name] = mean(of)
		for _, step := range steps {
			out[at(name, step.Layer)] = of(step)
		}
	}
	return out, nil
}
