package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"oscar/report/page"
	"oscar/result"
)

// testMeasure is the measure by which variants are ranked.
const testMeasure = "test_accuracy"

// best returns a sentence about the variant with the highest test accuracy, and its difference from
// the base. It returns "" unless the base and another variant have a test accuracy.
func (v *studyChapter) best() string {
	var done []result.Variant
	for _, x := range v.Variants {
		if f, ok := x.Figures[testMeasure]; ok && !math.IsNaN(float64(f.Mean)) {
			done = append(done, x)
		}
	}
	base := slices.IndexFunc(done, func(x result.Variant) bool { return x.Name == v.Base })
	if base < 0 || len(done) < 2 {
		return ""
	}
	mean := func(x result.Variant) float64 { return float64(x.Figures[testMeasure].Mean) }
	reference := done[base]
	slices.SortStableFunc(done, func(a, b result.Variant) int { return cmp.Compare(mean(b), mean(a)) })
	first := done[0]
	if mean(first) <= mean(reference) {
		next := done[0]
		for _, x := range done {
			if x.Name != reference.Name {
				next = x
				break
			}
		}
		return fmt.Sprintf("No variant has a higher test accuracy than %s (%s). The next is %s with %s.",
			baseName(reference.Name), page.Number(mean(reference)), next.Name, page.Number(mean(next)))
	}
	if best := slices.DeleteFunc(slices.Clone(done), func(x result.Variant) bool { return mean(x) < mean(first) }); len(best) > 1 {
		return v.tied(best, reference)
	}
	text := fmt.Sprintf("The best variant on the test set is %s with an accuracy of %s, %s above %s (%s).",
		first.Name, page.Number(mean(first)), page.Number(mean(first)-mean(reference)), baseName(reference.Name), page.Number(mean(reference)))
	p, ok := v.corrected()[first.Name]
	switch {
	case !ok || first.McNemar.Against != v.Base:
		return text + " The difference was not tested."
	case p < 0.05:
		return text + fmt.Sprintf(" The difference is significant in every seed (McNemar's p %s, corrected for %s).", page.Number(p), v.comparisons())
	}
	return text + fmt.Sprintf(" The difference is not significant in every seed (McNemar's p %s, corrected for %s).", page.Number(p), v.comparisons())
}

// tied returns the sentences of [studyChapter.best] about variants with the same accuracy.
func (v *studyChapter) tied(best []result.Variant, reference result.Variant) string {
	var names, significant []string
	corrected := v.corrected()
	for _, x := range best {
		names = append(names, x.Name)
		if p, ok := corrected[x.Name]; ok && p < 0.05 && x.McNemar.Against == v.Base {
			significant = append(significant, fmt.Sprintf("%s (p %s)", x.Name, page.Number(p)))
		}
	}
	mean := float64(best[0].Figures[testMeasure].Mean)
	base := float64(reference.Figures[testMeasure].Mean)
	tests := "none"
	if len(significant) > 0 {
		tests = strings.Join(significant, ", ")
	}
	return fmt.Sprintf("The best variants on the test set are %s, each with an accuracy of %s, %s above %s (%s). With a significant difference in every seed: %s (McNemar's test, corrected for %s).",
		strings.Join(names, ", "), page.Number(mean), page.Number(mean-base), baseName(reference.Name), page.Number(base), tests, v.comparisons())
}

// baseName returns the words for the base variant.
func baseName(name string) string {
	if strings.EqualFold(name, "base") {
		return "the base"
	}
	return "the base " + name
}

// comparisons returns the number of McNemar tests as text.
func (v *studyChapter) comparisons() string { return page.Count(len(v.corrected()), "comparison") }

// corrected returns the p-value of each variant's McNemar test, corrected for the number of tests
// (Holm 1979).
func (v *studyChapter) corrected() map[string]float64 {
	var tested []result.Variant
	for _, x := range v.Variants {
		if x.McNemar != nil && len(x.McNemar.Tests) > 0 && !math.IsNaN(float64(x.McNemar.P)) {
			tested = append(tested, x)
		}
	}
	slices.SortStableFunc(tested, func(a, b result.Variant) int { return cmp.Compare(a.McNemar.P, b.McNemar.P) })
	out := map[string]float64{}
	p := 0.0
	for i, x := range tested {
		p = max(p, min(1, float64(len(tested)-i)*float64(x.McNemar.P)))
		out[x.Name] = p
	}
	return out
}
