package study

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"oscar/explain"
	"oscar/metric"
	"oscar/result"
	"oscar/score"
)

// sample is a measure of one run.
type sample struct {
	value float64            // value of the run; NaN: unknown
	cases map[string]float64 // value per image or mosaic; nil: the measure has none
}

// single returns a sample with only the run's value.
func single(v float64) sample { return sample{value: v} }

// perCase returns a sample whose value is the mean over images.
func perCase(cases map[string]float64) sample {
	return sample{mean(values(cases)), cases}
}

// values returns the values of the cases in the order of their names.
func values(cases map[string]float64) []float64 {
	out := make([]float64, 0, len(cases))
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		out = append(out, cases[name])
	}
	return out
}

// mean returns the mean; NaN if there are no values.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// median returns the median; NaN if there are no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Clone(values)
	slices.SortFunc(v, cmp.Compare[float64])
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// noFigure returns the figure of no samples.
func noFigure() result.Figure {
	nan := result.Number(math.NaN())
	return result.Figure{Mean: nan, Low: nan, High: nan}
}

// figure summarizes a measure over seeds. The interval is Student's for three or more seeds, and the
// range for two; equal values have none. For one seed it is over images: Wilson's for an accuracy, else the bootstrap's.
func figure(m result.Measure, samples []sample) result.Figure {
	f := noFigure()
	f.N = len(samples)
	if f.N == 0 {
		return f
	}
	runs := each(samples, func(s sample) float64 { return s.value })
	of, low, high := metric.Student95(runs)
	switch {
	case f.N >= 3:
		f.Interval = result.StudentT
	case f.N == 2:
		f.Interval, low, high = result.Range, slices.Min(runs), slices.Max(runs)
	default:
		f.Interval, low, high = overImages(m, samples[0])
	}
	if f.N >= 2 && slices.Min(runs) == slices.Max(runs) { // they do not tell how much others would differ
		f.Interval, low, high = result.None, math.NaN(), math.NaN()
	}
	if m.Ratio { // the samples are logarithms
		of, low, high = math.Exp(of), math.Exp(low), math.Exp(high)
	}
	f.Mean, f.Low, f.High = result.Number(of), result.Number(low), result.Number(high)
	return f
}

// overImages returns the interval over the images of one seed, on the scale of the samples.
func overImages(m result.Measure, s sample) (kind string, low, high float64) {
	cases := values(s.cases)
	if len(cases) < 2 {
		return result.None, math.NaN(), math.NaN()
	}
	if m.Name == "test_accuracy" {
		right := 0
		for _, v := range cases {
			right += int(v)
		}
		low, high = metric.Wilson95(right, len(cases))
		return result.Wilson, low, high
	}
	b := score.Summarize(each(cases, func(v float64) score.Value {
		return score.Value{Value: score.Number(v), Status: explain.OK}
	}), false, 1)
	return result.Bootstrap, float64(b.Low), float64(b.High)
}
