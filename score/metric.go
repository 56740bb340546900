package score

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// Direction says which values are the better ones.
type Direction string

// The directions.
const (
	Lower  Direction = "lower"
	Higher Direction = "higher"
)

// Better says whether a is better than b.
func (d Direction) Better(a, b float64) bool {
	if d == Lower {
		return a < b
	}
	return a > b
}

// Kind says what a metric asks of an explanation.
type Kind string

// The kinds, after Hedström et al. 2023 (Quantus, JMLR 24:34).
const (
	Faithfulness  Kind = "faithfulness"  // does the model use what the map points at?
	Localisation  Kind = "localisation"  // does the map point at the object?
	Robustness    Kind = "robustness"    // does the map stay when the image hardly changes?
	Complexity    Kind = "complexity"    // does the map say it with few pixels?
	Randomisation Kind = "randomisation" // does the map change when the model does?
)

// Needs says what a metric asks for beside images, classes and maps.
type Needs uint8

// The needs, to be added up.
const (
	NeedsModel      Needs = 1 << iota // Sample.Model: it tries changed images
	NeedsExplainer                    // Sample.Explainer: it asks for maps of changed images
	NeedsMasks                        // Cases.Masks: where the object is
	NeedsMosaics                      // Cases.Quadrants: it looks at mosaics only
	NeedsRandomised                   // Sample.Randomised: explainers of randomised models
)

var needNames = []string{"model", "explainer", "masks", "mosaics", "randomised models"}

// String lists the needs: "model, masks"; "" if there are none.
func (n Needs) String() string {
	var names []string
	for bit, name := range needNames {
		if n&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// MarshalText writes the needs as String does.
func (n Needs) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText writes.
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
		return fmt.Errorf("no need %q; have %s", name, strings.Join(needNames, ", "))
	}
	return nil
}

// A Metric is a line in the table of metrics.
type Metric struct {
	Name   string    `json:"name"`  // "deletion"
	Title  string    `json:"title"` // for people: "deletion AUC"
	Paper  string    `json:"paper"`
	Kind   Kind      `json:"kind"`
	Better Direction `json:"better"`
	Low    Number    `json:"low"` // its values are Low to High
	High   Number    `json:"high"`
	Needs  Needs     `json:"needs"`
	// Test names the computation. Metrics of one test are computed together.
	Test string `json:"test"`
	// PerClass says that the mean is one of the classes' means.
	PerClass bool `json:"per_class,omitempty"`

	judge func(Settings) judge
}

// judge computes a test's metrics, one value an image each.
type judge func(context.Context, Sample) (Values, error)

// Settings are the knobs of all metrics. The zero value is their defaults.
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

// Metrics is the table of metrics, in the order of their help text. It is not
// to be changed at run time.
var Metrics = []Metric{
	{"deletion", "deletion AUC", "Petsiuk et al. 2018, arXiv:1806.07421", Faithfulness, Lower, 0, 1,
		NeedsModel, "deletion", false, func(s Settings) judge { return s.Deletion.Judge }},
	{"insertion", "insertion AUC", "Petsiuk et al. 2018, arXiv:1806.07421", Faithfulness, Higher, 0, 1,
		NeedsModel, "insertion", false, func(s Settings) judge { return s.Insertion.Judge }},
	{"road", "ROAD, (LeRF - MoRF)/2", "Rong, Leemann et al. 2022, arXiv:2202.00449", Faithfulness, Higher, -0.5, 0.5,
		NeedsModel, "road", false, func(s Settings) judge { return s.ROAD.Judge }},
	{"road_morf", "ROAD, most relevant removed first", "Rong, Leemann et al. 2022, arXiv:2202.00449", Faithfulness, Lower, -1, 1,
		NeedsModel, "road", false, func(s Settings) judge { return s.ROAD.Judge }},
	{"road_lerf", "ROAD, least relevant removed first", "Rong, Leemann et al. 2022, arXiv:2202.00449", Faithfulness, Higher, -1, 1,
		NeedsModel, "road", false, func(s Settings) judge { return s.ROAD.Judge }},
	{"average_drop", "average drop, %", "Chattopadhay et al. 2018 (Grad-CAM++), arXiv:1710.11063", Faithfulness, Lower, 0, 100,
		NeedsModel, "masking", false, func(s Settings) judge { return s.Masking.Judge }},
	{"average_increase", "average increase, %", "Chattopadhay et al. 2018 (Grad-CAM++), arXiv:1710.11063", Faithfulness, Higher, 0, 100,
		NeedsModel, "masking", false, func(s Settings) judge { return s.Masking.Judge }},
	{"average_gain", "average gain, %", "Zhang et al. 2023 (Opti-CAM), arXiv:2301.07002", Faithfulness, Higher, 0, 100,
		NeedsModel, "masking", false, func(s Settings) judge { return s.Masking.Judge }},
	{"infidelity", "infidelity", "Yeh et al. 2019, arXiv:1901.09392", Faithfulness, Lower, 0, infinite,
		NeedsModel, "infidelity", false, func(s Settings) judge { return s.Infidelity.Judge }},
	{"max_sensitivity", "max-sensitivity", "Yeh et al. 2019, arXiv:1901.09392", Robustness, Lower, 0, infinite,
		NeedsExplainer, "sensitivity", false, func(s Settings) judge { return s.Sensitivity.Judge }},
	{"gini", "sparsity (Gini)", "Chalasani et al. 2020, arXiv:1810.06583", Complexity, Higher, 0, 1,
		0, "gini", false, func(Settings) judge { return judgeGini }},
	{"entropy", "complexity (entropy), nats", "Bhatt et al. 2020, arXiv:2005.00631", Complexity, Lower, 0, infinite,
		0, "entropy", false, func(Settings) judge { return judgeEntropy }},
	{"pointing", "pointing game", "Zhang et al. 2018, arXiv:1608.00507", Localisation, Higher, 0, 1,
		NeedsMasks, "pointing", true, func(s Settings) judge { return s.Pointing.Judge }},
	{"energy", "energy in the mask", "Wang et al. 2020 (Score-CAM), arXiv:1910.01279", Localisation, Higher, 0, 1,
		NeedsMasks, "energy", false, func(Settings) judge { return judgeEnergy }},
	{"focus", "Focus on mosaics", "Arias-Duart et al. 2021, arXiv:2109.15035", Localisation, Higher, 0, 1,
		NeedsMosaics, "focus", false, func(Settings) judge { return judgeFocus }},
	{"sanity_rank_abs", "sanity check, rank correlation of |map|", "Adebayo et al. 2018, arXiv:1810.03292", Randomisation, Lower, -1, 1,
		NeedsRandomised, "sanity", false, func(Settings) judge { return judgeSanity }},
	{"sanity_rank", "sanity check, rank correlation", "Adebayo et al. 2018, arXiv:1810.03292", Randomisation, Lower, -1, 1,
		NeedsRandomised, "sanity", false, func(Settings) judge { return judgeSanity }},
	{"sanity_ssim", "sanity check, structural similarity", "Adebayo et al. 2018, arXiv:1810.03292", Randomisation, Lower, -1, 1,
		NeedsRandomised, "sanity", false, func(Settings) judge { return judgeSanity }},
}

// Lookup finds a metric by name, or says which there are.
func Lookup(name string) (Metric, error) {
	names := make([]string, len(Metrics))
	for i, metric := range Metrics {
		if metric.Name == name {
			return metric, nil
		}
		names[i] = metric.Name
	}
	return Metric{}, fmt.Errorf("no metric %q; have %s", name, strings.Join(names, ", "))
}

// Judge computes one metric of a sample, one value an image.
func (m Metric) Judge(ctx context.Context, sample Sample, settings Settings) ([]Value, error) {
	values, err := m.judge(settings)(ctx, sample)
	return values[m.Name], err
}
