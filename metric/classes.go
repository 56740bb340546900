package metric

// ClassScores measure how well a class is distinguished from the others. All except the support are
// 0..1.
type ClassScores struct {
	Class     string  `json:"class"`
	Precision float64 `json:"precision"` // share of the images predicted as the class that are of it; 0 if there are none
	Recall    float64 `json:"recall"`    // share of the images of the class predicted as it; 0 if there are none
	F1        float64 `json:"f1"`        // the harmonic mean of both; 0 if both are 0
	Support   int     `json:"support"`   // images of the class
}

// PerClass returns the scores of every class, in the order of Classes. 0/0
// counts as 0, as with scikit-learn's zero_division=0.
func (c *Confusion) PerClass() []ClassScores {
	scores := make([]ClassScores, len(c.Classes))
	for i, class := range c.Classes {
		hits, predicted, support := c.Counts[i][i], c.predictions(i), c.support(i)
		scores[i] = ClassScores{
			Class:     class,
			Precision: ratio(hits, predicted),
			Recall:    ratio(hits, support),
			F1:        ratio(2*hits, predicted+support), // = 2PR/(P+R)
			Support:   support,
		}
	}
	return scores
}

// MacroF1 returns the unweighted mean F1 over all classes, 0..1. A class with neither images nor
// predictions counts as 0, as in scikit-learn with labels=all and zero_division=0.
func (c *Confusion) MacroF1() float64 {
	if len(c.Classes) == 0 {
		return 0
	}
	sum := 0.0
	for _, class := range c.PerClass() {
		sum += class.F1
	}
	return sum / float64(len(c.Classes))
}
