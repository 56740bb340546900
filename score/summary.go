package score

import (
	"math"
	"slices"

	"oscar/explain"
)

// resamples is the number of bootstrap samples of an interval.
const resamples = 2000

// Interval is a mean with its 95 % bootstrap interval: the 2.5 % and 97.5 % quantiles of the means
// of 2000 samples with replacement (Efron 1979, the percentile method). It estimates how much the
// mean depends on the choice of images, and is always in the metric's range. For fewer than about 20
// images it is too narrow.
type Interval struct {
	Mean Number `json:"mean"` // NaN if N is 0
	Low  Number `json:"low"`  // NaN if N is below 2
	High Number `json:"high"`
	N    int    `json:"n"` // number of values
}

// Summary is a metric's result for a method: the mean over the judged explanations, and the number
// of the others.
type Summary struct {
	Interval
	Unjudged int                    `json:"unjudged"`
	Why      map[explain.Status]int `json:"why,omitempty"` // number of unjudged explanations by status
}

// Summarize summarizes the values with status OK. With perClass the mean is the mean of the classes'
// means, and each class is resampled separately. The same values and seed give the same bits.
func Summarize(values []Value, perClass bool, seed uint64) Summary {
	var s Summary
	byClass := map[int][]float64{}
	for _, v := range values {
		if !v.OK() {
			s.leaveOut(v)
			continue
		}
		class := v.Class
		if !perClass {
			class = 0
		}
		byClass[class] = append(byClass[class], float64(v.Value))
	}
	s.Interval = bootstrap(groups(byClass), seed)
	return s
}

// leaveOut counts an unjudged value.
func (s *Summary) leaveOut(v Value) {
	if s.Why == nil {
		s.Why = map[explain.Status]int{}
	}
	s.Unjudged++
	s.Why[v.Status]++
}

// groups returns a map's values in the order of its keys.
func groups(byClass map[int][]float64) [][]float64 {
	classes := make([]int, 0, len(byClass))
	for class := range byClass {
		classes = append(classes, class)
	}
	slices.Sort(classes)
	list := make([][]float64, len(classes))
	for i, class := range classes {
		list[i] = byClass[class]
	}
	return list
}

// bootstrap returns the mean of the groups' means, with its interval.
func bootstrap(groups [][]float64, seed uint64) Interval {
	nan := Number(math.NaN())
	out := Interval{nan, nan, nan, 0}
	mean := 0.0
	for _, group := range groups {
		out.N += len(group)
		mean += average(group) / float64(len(groups))
	}
	if out.N == 0 {
		return out
	}
	out.Mean = Number(mean)
	if out.N < 2 {
		return out
	}

	random := stream(seed, "bootstrap", nil)
	means := make([]float64, resamples)
	for i := range means {
		for _, group := range groups {
			sum := 0.0
			for range group {
				sum += group[random.IntN(len(group))]
			}
			means[i] += sum / float64(len(group)) / float64(len(groups))
		}
	}
	out.bound(means)
	return out
}

// bound sets the ends of an interval from the means of the bootstrap samples.
func (i *Interval) bound(means []float64) {
	slices.Sort(means)
	// The mean of equal values must be inside despite rounding.
	i.Low = min(Number(quantile(means, 0.025)), i.Mean)
	i.High = max(Number(quantile(means, 0.975)), i.Mean)
}

// quantile returns a quantile of sorted values, linearly interpolated as in numpy.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// average returns the mean of at least one value.
func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
