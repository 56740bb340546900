package study

import (
	"math"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/pipeline"
	"oscar/result"
	"oscar/score"
)

// measure is a column, and how it is taken of a run. Where it compares, other is
// the run to compare with, nil if there is none; ok is false if it cannot be
// taken.
type measure struct {
	result.Measure
	take func(f, other *finding) (s sample, ok bool)
}

// measures is the table of measures, in the order they are shown in. Those of
// explanations are there for each method; the first method's have no suffix.
func measures(methods []string) []measure {
	whole := func(of func(*finding) float64) func(f, _ *finding) (sample, bool) {
		return func(f, _ *finding) (sample, bool) {
			v := of(f)
			return single(v), !math.IsNaN(v)
		}
	}
	out := []measure{
		{result.Measure{Name: "train_accuracy", Title: "training accuracy", Better: higher,
			Help: "Of the last epoch, in training mode and while the weights move: what Keras prints and the deck reports."},
			whole(func(f *finding) float64 { return f.last().Accuracy })},
		{result.Measure{Name: "train_loss", Title: "training loss", Better: lower,
			Help: "Of the last epoch, likewise, with L2 penalties; comparable between networks with the same loss."},
			whole(func(f *finding) float64 { return f.last().Loss })},
		{result.Measure{Name: "fitted_accuracy", Title: "accuracy on the training part", Better: higher,
			Help: "Afterwards, with the kept weights and in inference mode, where dropout is off; without augmentation."},
			whole(func(f *finding) float64 { return f.look.Train.Accuracy })},
		{result.Measure{Name: "fitted_loss", Title: "loss on the training part", Unit: "nats", Better: lower,
			Help: "Likewise: the mean cross-entropy, also of networks trained with another loss."},
			whole(func(f *finding) float64 { return f.look.Train.Loss })},
		{result.Measure{Name: "val_accuracy", Title: "validation accuracy", Better: higher, Help: "Of the kept epoch, which was chosen by it: it flatters."},
			whole(func(f *finding) float64 { return float64(f.kept().ValidationAccuracy) })},
		{result.Measure{Name: "val_loss", Title: "validation loss", Better: lower, Help: "Of the kept epoch."},
			whole(func(f *finding) float64 { return float64(f.kept().ValidationLoss) })},
		{result.Measure{Name: "test_accuracy", Title: "test accuracy", Better: higher, Help: "Of the kept epoch, on images that nothing was chosen by."},
			func(f, _ *finding) (sample, bool) {
				cases := map[string]float64{}
				for _, a := range f.look.Test {
					cases[a.Image] = a.right()
				}
				return perCase(cases), len(cases) > 0
			}},
		{result.Measure{Name: "test_loss", Title: "test loss", Unit: "nats", Better: lower,
			Help: "Mean cross-entropy of the softmax of the scores; of a network trained with another loss it says little."},
			func(f, _ *finding) (sample, bool) {
				cases := map[string]float64{}
				for _, a := range f.look.Test {
					cases[a.Image] = float64(a.Loss)
				}
				return perCase(cases), len(cases) > 0
			}},
		{result.Measure{Name: "test_f1", Title: "test macro F1", Better: higher, Help: "The mean of the classes' F1 on the test part."},
			whole(func(f *finding) float64 { return f.evaluation.MacroF1 })},
		{result.Measure{Name: "images_per_second", Title: "training speed", Unit: "images/s", Better: higher, Help: "Median over the epochs; what else the machine did counts."},
			whole(func(f *finding) float64 {
				return median(each(f.epochs, func(m pipeline.EpochMetrics) float64 { return m.ImagesPerSecond }))
			})},
		{result.Measure{Name: "peak_memory", Title: "peak memory", Unit: "bytes", Better: lower, Help: "The most that the training's process held, images included."},
			whole(func(f *finding) float64 {
				most := math.NaN()
				for _, m := range f.epochs {
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
		for _, m := range ofMaps(method) {
			m.Name += suffix
			m.Title += of
			m.Method = method
			out = append(out, m)
		}
	}
	return out
}

// ofMaps are the measures of one method's explanations.
func ofMaps(method string) []measure {
	scored := func(metric string) func(f, _ *finding) (sample, bool) {
		return func(f, _ *finding) (sample, bool) { return f.scored(method, metric) }
	}
	like := func(of func(a, b explain.Grid) score.Value) func(f, other *finding) (sample, bool) {
		return func(f, other *finding) (sample, bool) {
			if other == nil {
				return sample{}, false
			}
			in := other.trained.Experiment.Architecture.Input
			s := f.likeness(other, method, in[0], in[1], of)
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
			func(f, _ *finding) (sample, bool) {
				s := f.intensity(method)
				return s, len(s.cases) > 0
			}},
		{result.Measure{Name: "empty", Title: "empty maps", Better: lower, Help: "Share of the maps in which nothing speaks for the image's own class."},
			func(f, _ *finding) (sample, bool) {
				s := f.empty(method)
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

// zeroed is v, and 0 for NaN.
func zeroed(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// each maps a list.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}
