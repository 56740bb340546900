package study

import (
	"math"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/result"
	"oscar/score"
)

// measure is a column of the result and the function that measures a run. other is the run to
// compare maps with, or nil. ok is false if there is no value.
type measure struct {
	result.Measure
	of func(d, other *runData) (s sample, ok bool)
}

// measures returns the table of measures, in the order of the columns. The measures of explanations
// are repeated for each method; those of the first have no suffix.
func measures(methods []string) []measure {
	whole := func(of func(*runData) float64) func(d, _ *runData) (sample, bool) {
		return func(d, _ *runData) (sample, bool) {
			v := of(d)
			return single(v), !math.IsNaN(v)
		}
	}
	perImage := func(of func(result.Classification) float64) func(d, _ *runData) (sample, bool) {
		return func(d, _ *runData) (sample, bool) {
			cases := map[string]float64{}
			for _, c := range d.evaluation.Classifications {
				cases[c.Image] = of(c)
			}
			return perCase(cases), len(cases) > 0
		}
	}
	out := []measure{
		{result.Measure{Name: "train_accuracy", Title: "training accuracy", Better: higher,
			Help: "Of the last epoch, in training mode and while the weights move: what Keras prints and the deck reports."},
			whole(func(d *runData) float64 { return d.last().Accuracy })},
		{result.Measure{Name: "train_loss", Title: "training loss", Better: lower,
			Help: "Of the last epoch, likewise, with L2 penalties; comparable between networks with the same loss."},
			whole(func(d *runData) float64 { return d.last().Loss })},
		{result.Measure{Name: "fitted_accuracy", Title: "accuracy on the training part", Better: higher,
			Help: "Afterwards, with the kept weights and in inference mode, where dropout is off; without augmentation."},
			whole(func(d *runData) float64 { return float64(d.fitted.Train.Accuracy) })},
		{result.Measure{Name: "fitted_loss", Title: "loss on the training part", Unit: "nats", Better: lower,
			Help: "Likewise: the mean cross-entropy, also of networks trained with another loss."},
			whole(func(d *runData) float64 { return float64(d.fitted.Train.Loss) })},
		{result.Measure{Name: "val_accuracy", Title: "validation accuracy", Better: higher, Help: "Of the kept epoch, which was chosen by it: it flatters."},
			whole(func(d *runData) float64 { return float64(d.kept().ValidationAccuracy) })},
		{result.Measure{Name: "val_loss", Title: "validation loss", Better: lower, Help: "Of the kept epoch."},
			whole(func(d *runData) float64 { return float64(d.kept().ValidationLoss) })},
		{result.Measure{Name: "test_accuracy", Title: "test accuracy", Better: higher, Help: "Of the kept epoch, on images that nothing was chosen by."},
			perImage(correct)},
		{result.Measure{Name: "test_loss", Title: "test loss", Unit: "nats", Better: lower,
			Help: "Mean cross-entropy of the softmax of the scores; of a network trained with another loss it says little."},
			perImage(func(c result.Classification) float64 { return float64(c.Loss) })},
		{result.Measure{Name: "test_f1", Title: "test macro F1", Better: higher, Help: "The mean of the classes' F1 on the test part."},
			whole(func(d *runData) float64 { return float64(d.evaluation.MacroF1) })},
		{result.Measure{Name: "images_per_second", Title: "training speed", Unit: "images/s", Better: higher, Help: "Median over the epochs; what else the machine did counts."},
			whole(func(d *runData) float64 {
				return median(each(d.epochs, func(m result.EpochMetrics) float64 { return m.ImagesPerSecond }))
			})},
		{result.Measure{Name: "peak_memory", Title: "peak memory", Unit: "bytes", Better: lower, Help: "The most that the training's process held, images included."},
			whole(func(d *runData) float64 {
				most := math.NaN()
				for _, m := range d.epochs {
					if m.PeakMemory > 0 {
						most = max(float64(m.PeakMemory), zeroed(most))
					}
				}
				return most
			})},
	}
	for i, method := range methods {
		suffix, of := "", ""
		if i > 0 {
			suffix, of = ":"+method, " of "+method
		}
		for _, m := range mapMeasures(method) {
			m.Name += suffix
			m.Title += of
			m.Method = method
			out = append(out, m)
		}
	}
	return out
}

// mapMeasures returns the measures of one method's explanations.
func mapMeasures(method string) []measure {
	scored := func(metric string) func(d, _ *runData) (sample, bool) {
		return func(d, _ *runData) (sample, bool) { return d.scored(method, metric) }
	}
	like := func(of func(a, b explain.Grid) score.Value) func(d, other *runData) (sample, bool) {
		return func(d, other *runData) (sample, bool) {
			if other == nil {
				return sample{}, false
			}
			in := other.trained.Experiment.Architecture.Input
			s := d.likeness(other, method, in[0], in[1], of)
			return s, len(s.cases) > 0
		}
	}
	return []measure{
		{result.Measure{Name: "focus", Title: "focus", Better: higher,
			Help: "Share of the positive heat in the right quarters of mosaics of four images; 0.5 by chance."}, scored("focus")},
		{result.Measure{Name: "energy", Title: "heat on the object", Better: higher,
			Help: "Share of the positive heat within the object's mask, where masks are known."}, scored("energy")},
		{result.Measure{Name: "intensity", Title: "intensity", Ratio: true,
			Help: "Raw maximum of the map before scaling, the geometric mean over the maps that are not empty; its unit is that of the score, which training scales freely."},
			func(d, _ *runData) (sample, bool) {
				s := d.intensity(method)
				return s, len(s.cases) > 0
			}},
		{result.Measure{Name: "empty", Title: "empty maps", Better: lower, Help: "Share of the maps in which nothing speaks for the image's own class."},
			func(d, _ *runData) (sample, bool) {
				s := d.empty(method)
				return s, len(s.cases) > 0
			}},
		{result.Measure{Name: "sparsity", Title: "sparsity", Help: "Gini index of the map's magnitudes at the size of the image: 0 all alike, towards 1 one spot."}, scored("gini")},
		{result.Measure{Name: "likeness_rank", Title: "likeness to the base's maps, rank correlation",
			Help: "Of the same image and seed, 1 is alike; of the base, with its own maps of the next seed."},
			like(func(a, b explain.Grid) score.Value { return score.Spearman(a, b, false) })},
		{result.Measure{Name: "likeness_ssim", Title: "likeness to the base's maps, SSIM",
			Help: "Structural similarity of the maps as they are shown, each scaled to its own maximum; likewise."},
			like(func(a, b explain.Grid) score.Value { return score.SSIM(heatmap.Positive(a), heatmap.Positive(b)) })},
	}
}

// zeroed replaces NaN by 0.
func zeroed(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// each applies f to each element.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

// correct returns 1 for a correctly classified image, else 0.
func correct(c result.Classification) float64 {
	if c.Correct() {
		return 1
	}
	return 0
}
