package global

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"oscar/metric"
	"oscar/score"
)

// Verdict is the result for a concept and a class.
type Verdict string

// The verdicts, in the order of the checks.
const (
	TooFewImages   Verdict = "too_few"         // too few images of the concept, of random images or of the class
	NoConcept      Verdict = "chance"          // the classifiers are no better than chance: the layer has no such direction
	NotSignificant Verdict = "not_significant" // random directions have an equally large effect on the class
	Significant    Verdict = "significant"
)

// Sensitivity is TCAV's result for one concept and one class (Kim et al. 2018, arXiv:1711.11279,
// section 3.3). A CAV's score is the share of the class's images whose logit a step towards the
// concept raises (eq. 2). The score alone means little: for random directions, too, most images of a
// class often have the same sign.
type Sensitivity struct {
	Images int `json:"images"` // number of images of the class
	// Score, Deviation, RandomScore, RandomDeviation and P are NaN if the verdict is TooFewImages.
	// Accuracy and Low are NaN if there are no CAVs.
	Score           score.Number `json:"score"` // the mean of Scores
	Deviation       score.Number `json:"deviation"`
	Scores          []float64    `json:"scores"` // one per CAV
	RandomScore     score.Number `json:"random_score"`
	RandomDeviation score.Number `json:"random_deviation"`
	RandomScores    []float64    `json:"random_scores"` // of CAVs between random images, one per CAV
	// P is the p-value of a two-sided Welch's t-test of Scores and RandomScores. The CAVs of a concept
	// share its images, so they are less independent than the test assumes: a large P is more reliable
	// than a small one.
	P score.Number `json:"p"`
	// Accuracy is the mean share of held-out images that a CAV classifies correctly. Low is the lower
	// end of its 95 % interval (Wilson) for the number of distinct held-out images. The accuracy can be
	// far from 1 if random images also show the concept.
	Accuracy score.Number `json:"accuracy"`
	Low      score.Number `json:"accuracy_low"`
	HeldOut  int          `json:"held_out"`
	Verdict  Verdict      `json:"verdict"`
	Reason   string       `json:"reason"`
}

// Words returns the verdict in words, with the direction if it is significant.
func (s Sensitivity) Words() string {
	switch s.Verdict {
	case TooFewImages:
		return "too few images"
	case NoConcept:
		return "accuracy no better than chance"
	case NotSignificant:
		return "not significant"
	}
	if s.Score < s.RandomScore {
		return "fewer than random"
	}
	return "more than random"
}

// Level is the accepted probability of a false positive in all comparisons together.
const Level = 0.05

// threshold returns the largest significant p-value.
func threshold(comparisons int) float64 { return Level / float64(max(comparisons, 1)) }

// Threshold returns a text about significant p-values: "p at most 0.0042 (0.05 over 12
// comparisons)".
func Threshold(comparisons int) string {
	switch comparisons {
	case 0:
		return "nothing was tested"
	case 1:
		return fmt.Sprintf("p at most %g (1 comparison)", Level)
	}
	return fmt.Sprintf("p at most %.2g (%g over %d comparisons)", threshold(comparisons), Level, comparisons)
}

// Compare returns the result of a concept's CAVs. moved is the number of the class's
// images whose score each CAV raises, randomMoved that of each random CAV. comparisons is
// the number of results that are tested together: each must be significant at Level
// over comparisons (Bonferroni, as in the paper).
func Compare(v Vectors, moved, randomMoved []int, images, comparisons int) Sensitivity {
	s := Sensitivity{Images: images, HeldOut: v.HeldOut, Scores: shareOf(moved, images), RandomScores: shareOf(randomMoved, images)}
	none := score.Number(math.NaN())
	s.Accuracy, s.Low = none, none
	if len(v.CAVs) > 0 {
		accuracy := 0.0
		for _, c := range v.CAVs {
			accuracy += c.Accuracy / float64(len(v.CAVs))
		}
		low, _ := metric.Wilson95(int(math.Round(accuracy*float64(s.HeldOut))), s.HeldOut)
		s.Accuracy, s.Low = score.Number(accuracy), score.Number(low)
	}
	level := threshold(comparisons)
	few := tooFew(v, images)
	if few == "" {
		s.Score, s.Deviation = meanDeviation(s.Scores)
		s.RandomScore, s.RandomDeviation = meanDeviation(s.RandomScores)
		s.P = score.Number(welch(s.Scores, s.RandomScores))
	} else {
		s.Score, s.Deviation, s.RandomScore, s.RandomDeviation, s.P = none, none, none, none, none
	}
	switch {
	case few != "":
		s.Verdict, s.Reason = TooFewImages, few
	case s.Low <= 0.5:
		s.Verdict, s.Reason = NoConcept, fmt.Sprintf("%.0f %% of %d held-out images told right, which may be chance", 100*s.Accuracy, s.HeldOut)
	case float64(s.P) > level:
		s.Verdict, s.Reason = NotSignificant, fmt.Sprintf("p %.2g, want %.2g at most in %d comparisons", s.P, level, comparisons)
	default:
		s.Verdict, s.Reason = Significant, fmt.Sprintf("p %.2g, at most %.2g in %d comparisons", s.P, level, comparisons)
	}
	return s
}

// tooFew returns the reason why a concept cannot be tested for a class with that many images, or "".
func tooFew(v Vectors, images int) string {
	switch {
	case len(v.CAVs) == 0:
		return fmt.Sprintf("too few images of the concept, or random ones: want at least %d and %d", FewestExamples, 2*FewestExamples)
	case images < FewestExamples:
		return fmt.Sprintf("%d images of the class, want at least %d", images, FewestExamples)
	}
	return ""
}

func shareOf(counts []int, of int) []float64 {
	out := make([]float64, len(counts))
	for i, n := range counts {
		out[i] = ratio(float64(n), float64(of))
	}
	return out
}

func meanDeviation(values []float64) (mean, deviation score.Number) {
	switch len(values) {
	case 0:
		return 0, 0
	case 1:
		return score.Number(values[0]), 0
	}
	m, d := stat.MeanStdDev(values, nil)
	return score.Number(m), score.Number(d)
}

// welch returns the p-value of a two-sided t-test of two means (Welch 1947), as SciPy's
// ttest_ind(equal_var=False). It is 1 if a list has fewer than two values. If both lists are
// constant, it is 1 for equal means, else 0.
func welch(a, b []float64) float64 {
	if len(a) < 2 || len(b) < 2 {
		return 1
	}
	meanA, varA := stat.MeanVariance(a, nil)
	meanB, varB := stat.MeanVariance(b, nil)
	varA, varB = varA/float64(len(a)), varB/float64(len(b))
	switch {
	case meanA == meanB:
		return 1
	case varA+varB == 0:
		return 0
	}
	t := (meanA - meanB) / math.Sqrt(varA+varB)
	freedom := (varA + varB) * (varA + varB) / (varA*varA/float64(len(a)-1) + varB*varB/float64(len(b)-1))
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.CDF(-math.Abs(t))
}
