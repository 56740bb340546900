package study

import (
	"fmt"
	"math"

	"oscar/metric"
	"oscar/result"
)

// compared has the samples of a claim's two sides, one for each seed.
type compared struct {
	variant, against []sample
}

// judge decides a claim by the rule of docs/design/0011-studies.md.
func judge(c Claim, m result.Measure, sides compared) result.Claim {
	nan := result.Number(math.NaN())
	out := result.Claim{
		Text: c.Text, Source: c.Source, Variant: c.Variant, Against: c.Against, Measure: c.Measure, Direction: c.Direction, Margin: c.Margin,
		Verdict: result.Undecided, Difference: nan, Low: nan, High: nan, VariantMean: nan, AgainstMean: nan,
		VariantSeeds: len(sides.variant), AgainstSeeds: len(sides.against),
	}
	a, b := runValues(sides.variant), runValues(sides.against)
	if len(a) == 0 || len(b) == 0 {
		missing := c.Variant
		if len(b) == 0 {
			missing = c.Against
		}
		out.Why = fmt.Sprintf("%s was not measured in %s", m.Title, missing)
		return out
	}
	d := mean(a) - mean(b)
	out.VariantMean, out.AgainstMean, out.Difference = shown(m, mean(a)), shown(m, mean(b)), shown(m, d)
	seeds, ok := metric.PooledSpread(a, b)
	if !ok {
		out.Why = fmt.Sprintf("%s: one seed of a variant tells nothing of another; two at least are wanted of both", formatDifference(m, d))
		return out
	}
	spreads := []metric.Spread{seeds}
	if images, ok := metric.MeanSpread(imageDifferences(sides)); ok {
		spreads = append(spreads, images)
	}
	half := metric.Half95(spreads...)
	out.Low, out.High = shown(m, d-half), shown(m, d+half)
	sign, margin := 1.0, c.Margin
	if c.Direction == lower {
		sign = -1
	}
	if m.Ratio {
		margin = math.Log1p(margin)
	}
	low, high := sign*d-half, sign*d+half
	switch {
	case low > margin:
		out.Verdict = result.Supported
	case high < margin:
		out.Verdict = result.NotSupported
	}
	out.Why = why(m, c, out)
	return out
}

// runValues returns the values of the runs, one per seed.
func runValues(samples []sample) []float64 {
	return each(samples, func(s sample) float64 { return s.value })
}

// imageDifferences returns, for each image with both values, the variant's value minus the other's.
// Each is a mean over the seeds.
func imageDifferences(sides compared) []float64 {
	a, b := overSeeds(sides.variant), overSeeds(sides.against)
	out := map[string]float64{}
	for name, v := range a {
		if w, ok := b[name]; ok {
			out[name] = v - w
		}
	}
	return values(out)
}

// overSeeds returns each image's mean over the seeds.
func overSeeds(samples []sample) map[string]float64 {
	all := map[string][]float64{}
	for _, s := range samples {
		for name, v := range s.cases {
			all[name] = append(all[name], v)
		}
	}
	out := map[string]float64{}
	for name, v := range all {
		out[name] = mean(v)
	}
	return out
}

// shown converts a number to the measure's scale. The samples of a ratio measure are logarithms.
func shown(m result.Measure, v float64) result.Number {
	if m.Ratio {
		v = math.Exp(v)
	}
	return result.Number(v)
}

// formatDifference returns a difference or a ratio as text: "a difference of -0.105", "a ratio of
// 0.52".
func formatDifference(m result.Measure, d float64) string {
	if m.Ratio {
		return fmt.Sprintf("a ratio of %.3g", math.Exp(d))
	}
	return fmt.Sprintf("a difference of %.3g", d)
}

// why returns the reason for the verdict on a claim.
func why(m result.Measure, c Claim, r result.Claim) string {
	what, nothing := "difference", c.Margin
	if m.Ratio {
		what, nothing = "ratio", 1+c.Margin
	}
	if c.Direction == lower {
		nothing = 0 - c.Margin // not -0
		if m.Ratio {
			nothing = 1 / (1 + c.Margin)
		}
	}
	how := fmt.Sprintf("does not contain %.3g, and lies on the claimed side", nothing)
	switch r.Verdict {
	case result.NotSupported:
		how = fmt.Sprintf("does not contain %.3g, and lies on the other side", nothing)
	case result.Undecided:
		how = fmt.Sprintf("contains %.3g", nothing)
	}
	return fmt.Sprintf("%s %.3g, 95 %% %.3g to %.3g, over %d and %d seeds: it %s", what, float64(r.Difference), float64(r.Low), float64(r.High), r.VariantSeeds, r.AgainstSeeds, how)
}
