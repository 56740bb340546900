package score

import (
	"context"
	"math"
	"strings"

	"oscar/internal/named"
)

// Direction says which values are better.
type Direction string

// The directions.
const (
	Lower  Direction = "lower"
	Higher Direction = "higher"
)

// Better reports whether a is better than b.
func (d Direction) Better(a, b float64) bool {
	if d == Lower {
		return a < b
	}
	return a > b
}

// Kind is the question that a metric answers.
type Kind string

// The kinds, as in Hedström et al. 2023 (Quantus, JMLR 24:34).
const (
	Faithfulness  Kind = "faithfulness"  // does the model use what the map marks?
	Localization  Kind = "localization"  // does the map mark the object?
	Robustness    Kind = "robustness"    // does the map stay the same under small changes of the image?
	Complexity    Kind = "complexity"    // does the map mark few pixels?
	Randomization Kind = "randomization" // does the map change when the model does?
)

// Needs is a set of the inputs that a metric needs besides images, classes and maps.
type Needs uint8

// The needs, which are flags.
const (
	NeedsModel      Needs = 1 << iota // Sample.Model, for predictions of changed images
	NeedsExplainer                    // Sample.Explainer, for maps of changed images
	NeedsMasks                        // Cases.Masks: where the object is
	NeedsMosaics                      // Cases.Quadrants: the metric judges only mosaics
	NeedsRandomized                   // Sample.Randomized: explainers of randomized models
)

var needNames = []string{"model", "explainer", "masks", "mosaics", "randomized models"}

// String returns the needs as text: "model, masks", or "" for none.
func (n Needs) String() string {
	var names []string
	for bit, name := range needNames {
		if n&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// MarshalText returns the text of String.
func (n Needs) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads the text of MarshalText.
func (n *Needs) UnmarshalText(text []byte) error {
	*n = 0
	if len(text) == 0 {
		return nil
	}
next:
	for _, name := range strings.Split(string(text), ", ") {
		for bit, known := range needNames {
			if name == known {
				*n |= 1 << bit
				continue next
			}
		}
		return named.Unknown("need", name, needNames)
	}
	return nil
}

// Reads is the part of a map that a metric reads. It determines which maps can be judged.
type Reads string

// The values of Reads.
const (
	ReadsRanks      Reads = "ranks"      // the order of the values: two must differ
	ReadsPositive   Reads = "positive"   // the positive values: there must be one, and two values must differ
	ReadsMagnitudes Reads = "magnitudes" // all values: one must not be zero
)

// A Metric is a line in the table of metrics.
type Metric struct {
	Name   string    `json:"name"`  // "deletion"
	Title  string    `json:"title"` // for tables: "deletion AUC"
	Paper  string    `json:"paper"`
	Kind   Kind      `json:"kind"`
	Better Direction `json:"better"`
	Low    Number    `json:"low"` // values are Low to High
	High   Number    `json:"high"`
	Needs  Needs     `json:"needs"`
	// Test is the name of the computation. Metrics with the same test are computed together.
	Test string `json:"test"`
	// PerClass means that the mean is the mean of the classes' means. The class of an image is the
	// explained one.
	PerClass   bool  `json:"per_class,omitempty"`
	Reads      Reads `json:"-"`
	Stochastic bool  `json:"-"` // the values depend on the seed
	Exact      bool  `json:"-"` // needs float32: in one of the measured networks bfloat16 changes the value by more than 2 %

	judge func(Settings) judge
}

// judge computes the metrics of a test, with one value per image.
type judge func(context.Context, Sample) (Values, error)

// Settings are the settings of all metrics. The zero value has the defaults.
type Settings struct {
	Deletion    Deletion    `json:"deletion"`
	Insertion   Insertion   `json:"insertion"`
	ROAD        ROAD        `json:"road"`
	Masking     Masking     `json:"masking"`
	Infidelity  Infidelity  `json:"infidelity"`
	Sensitivity Sensitivity `json:"sensitivity"`
	Pointing    Pointing    `json:"pointing"`
}

var infinite = Number(math.Inf(1))

// Metrics is the table of metrics, in the order of the help text. Do not change it at run time.
var Metrics = []Metric{
	{
		Name: "deletion", Title: "deletion AUC", Paper: "Petsiuk et al. 2018, arXiv:1806.07421",
		Kind: Faithfulness, Better: Lower, Low: 0, High: 1,
		Needs: NeedsModel, Test: "deletion", Reads: ReadsRanks,
		judge: func(s Settings) judge { return s.Deletion.Judge },
	},
	{
		Name: "insertion", Title: "insertion AUC", Paper: "Petsiuk et al. 2018, arXiv:1806.07421",
		Kind: Faithfulness, Better: Higher, Low: 0, High: 1,
		Needs: NeedsModel, Test: "insertion", Reads: ReadsRanks,
		judge: func(s Settings) judge { return s.Insertion.Judge },
	},
	{
		Name: "road", Title: "ROAD, (LeRF - MoRF)/2", Paper: "Rong, Leemann et al. 2022, arXiv:2202.00449",
		Kind: Faithfulness, Better: Higher, Low: -0.5, High: 0.5,
		Needs: NeedsModel, Test: "road", Reads: ReadsRanks, Stochastic: true,
		judge: func(s Settings) judge { return s.ROAD.Judge },
	},
	{
		Name: "road_morf", Title: "ROAD, most relevant removed first", Paper: "Rong, Leemann et al. 2022, arXiv:2202.00449",
		Kind: Faithfulness, Better: Lower, Low: -1, High: 1,
		Needs: NeedsModel, Test: "road", Reads: ReadsRanks, Stochastic: true,
		judge: func(s Settings) judge { return s.ROAD.Judge },
	},
	{
		Name: "road_lerf", Title: "ROAD, least relevant removed first", Paper: "Rong, Leemann et al. 2022, arXiv:2202.00449",
		Kind: Faithfulness, Better: Higher, Low: -1, High: 1,
		Needs: NeedsModel, Test: "road", Reads: ReadsRanks, Stochastic: true,
		judge: func(s Settings) judge { return s.ROAD.Judge },
	},
	{
		Name: "average_drop", Title: "average drop, %", Paper: "Chattopadhay et al. 2018 (Grad-CAM++), arXiv:1710.11063",
		Kind: Faithfulness, Better: Lower, Low: 0, High: 100,
		Needs: NeedsModel, Test: "masking", Reads: ReadsPositive,
		judge: func(s Settings) judge { return s.Masking.Judge },
	},
	{
		Name: "average_increase", Title: "average increase, %", Paper: "Chattopadhay et al. 2018 (Grad-CAM++), arXiv:1710.11063",
		Kind: Faithfulness, Better: Higher, Low: 0, High: 100,
		Needs: NeedsModel, Test: "masking", Reads: ReadsPositive,
		judge: func(s Settings) judge { return s.Masking.Judge },
	},
	{
		Name: "average_gain", Title: "average gain, %", Paper: "Zhang et al. 2023 (Opti-CAM), arXiv:2301.07002",
		Kind: Faithfulness, Better: Higher, Low: 0, High: 100,
		Needs: NeedsModel, Test: "masking", Reads: ReadsPositive, Exact: true,
		judge: func(s Settings) judge { return s.Masking.Judge },
	},
	{
		Name: "infidelity", Title: "infidelity", Paper: "Yeh et al. 2019, arXiv:1901.09392",
		Kind: Faithfulness, Better: Lower, Low: 0, High: infinite,
		Needs: NeedsModel, Test: "infidelity", Reads: ReadsMagnitudes, Stochastic: true,
		judge: func(s Settings) judge { return s.Infidelity.Judge },
	},
	{
		Name: "max_sensitivity", Title: "max-sensitivity", Paper: "Yeh et al. 2019, arXiv:1901.09392",
		Kind: Robustness, Better: Lower, Low: 0, High: infinite,
		Needs: NeedsExplainer, Test: "sensitivity", Reads: ReadsMagnitudes, Stochastic: true, Exact: true,
		judge: func(s Settings) judge { return s.Sensitivity.Judge },
	},
	{
		Name: "gini", Title: "sparsity (Gini)", Paper: "Chalasani et al. 2020, arXiv:1810.06583",
		Kind: Complexity, Better: Higher, Low: 0, High: 1,
		Test: "gini", Reads: ReadsMagnitudes,
		judge: func(Settings) judge { return judgeMap("gini", Gini) },
	},
	{
		Name: "entropy", Title: "complexity (entropy), nats", Paper: "Bhatt et al. 2020, arXiv:2005.00631",
		Kind: Complexity, Better: Lower, Low: 0, High: infinite,
		Test: "entropy", Reads: ReadsMagnitudes,
		judge: func(Settings) judge { return judgeMap("entropy", Entropy) },
	},
	{
		Name: "pointing", Title: "pointing game", Paper: "Zhang et al. 2018, arXiv:1608.00507",
		Kind: Localization, Better: Higher, Low: 0, High: 1,
		Needs: NeedsMasks, Test: "pointing", PerClass: true, Reads: ReadsPositive,
		judge: func(s Settings) judge { return s.Pointing.Judge },
	},
	{
		Name: "energy", Title: "energy in the mask", Paper: "Wang et al. 2020 (Score-CAM), arXiv:1910.01279",
		Kind: Localization, Better: Higher, Low: 0, High: 1,
		Needs: NeedsMasks, Test: "energy", Reads: ReadsPositive,
		judge: func(Settings) judge { return judgeEnergy },
	},
	{
		Name: "focus", Title: "Focus on mosaics", Paper: "Arias-Duart et al. 2021, arXiv:2109.15035",
		Kind: Localization, Better: Higher, Low: 0, High: 1,
		Needs: NeedsMosaics, Test: "focus", Reads: ReadsPositive,
		judge: func(Settings) judge { return judgeFocus },
	},
	{
		Name: "sanity_rank_abs", Title: "sanity check, rank correlation of |map|", Paper: "Adebayo et al. 2018, arXiv:1810.03292",
		Kind: Randomization, Better: Lower, Low: -1, High: 1,
		Needs: NeedsRandomized, Test: "sanity", Reads: ReadsRanks,
		judge: func(Settings) judge { return judgeSanity },
	},
	{
		Name: "sanity_rank", Title: "sanity check, rank correlation", Paper: "Adebayo et al. 2018, arXiv:1810.03292",
		Kind: Randomization, Better: Lower, Low: -1, High: 1,
		Needs: NeedsRandomized, Test: "sanity", Reads: ReadsRanks,
		judge: func(Settings) judge { return judgeSanity },
	},
	{
		Name: "sanity_ssim", Title: "sanity check, structural similarity", Paper: "Adebayo et al. 2018, arXiv:1810.03292",
		Kind: Randomization, Better: Lower, Low: -1, High: 1,
		Needs: NeedsRandomized, Test: "sanity", Reads: ReadsRanks,
		judge: func(Settings) judge { return judgeSanity },
	},
}

// Over is what the mean is over: "images", "classes" or "mosaics".
func (m Metric) Over() string {
	switch {
	case m.PerClass:
		return "classes"
	case m.Needs&NeedsMosaics != 0:
		return "mosaics"
	}
	return "images"
}

// Lookup returns the metric of a name. Its error lists the names.
func Lookup(name string) (Metric, error) {
	return named.Find("metric", name, Metrics, func(m Metric) string { return m.Name })
}

// Judge computes a metric of a sample, with one value per image.
func (m Metric) Judge(ctx context.Context, sample Sample, settings Settings) ([]Value, error) {
	values, err := m.judge(settings)(ctx, sample)
	return values[m.Name], err
}
