package study

import (
	"math"
	"slices"

	"oscar/explain"
	"oscar/metric"
	"oscar/result"
	"oscar/score"
)

// none is a figure of nothing.
func none() result.Figure {
	nan := result.Number(math.NaN())
	return result.Figure{Mean: nan, Low: nan, High: nan}
}

// figure sums up a measure over seeds: three and more have Student's interval,
// two their range, one what other images would change. The interval of an
// accuracy of one seed is Wilson's.
func figure(m result.Measure, samples []sample) result.Figure {
	f := none()
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
	if m.Ratio { // the samples are logarithms
		of, low, high = math.Exp(of), math.Exp(low), math.Exp(high)
	}
	f.Mean, f.Low, f.High = result.Number(of), result.Number(low), result.Number(high)
	return f
}

// overImages is the interval of one seed, on the scale of the samples.
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
	b := score.Summarise(each(cases, func(v float64) score.Value {
		return score.Value{Value: score.Number(v), Status: explain.OK}
	}), false, 1)
	return result.Bootstrap, float64(b.Low), float64(b.High)
}
