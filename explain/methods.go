package explain

import (
	"fmt"
	"strings"
)

// A Model is both a black box and a white one, as an opened SavedModel is.
type Model interface {
	Predictor
	Differentiator
}

// Options are what the explainers of the table have in common. Every zero value
// is the method's own default.
type Options struct {
	Score    Score
	Samples  int // of RISE, LIME, SmoothGrad; steps of integrated gradients; the others have none
	Seed     uint64
	Baseline Baseline // of occlusion, RISE, integrated gradients
	Batch    int
	Progress func(done, total int)
}

// An Entry is a line in the table of methods.
type Entry struct {
	Name     string // as in Attribution.Method
	Paper    string // where the equation is
	WhiteBox bool   // needs a Differentiator; else a Predictor is enough
	Signed   bool   // negative values speak against the class; else there are none
	Random   bool   // depends on the seed
	New      func(Model, Options) Explainer
}

// Methods is the table of methods, in the order of their help text. It is not
// to be changed at run time. The CAMs are in gradcam.Methods.
var Methods = []Entry{
	{
		Name: "saliency", Paper: "Simonyan et al. 2013, arXiv:1312.6034, section 3.1", WhiteBox: true,
		New: func(m Model, o Options) Explainer {
			return Saliency{Model: m, Score: o.Score, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Name: "gradient-x-input", Paper: "Shrikumar et al. 2017, arXiv:1704.02685, section 3.1", WhiteBox: true, Signed: true,
		New: func(m Model, o Options) Explainer {
			return GradientTimesInput{Model: m, Score: o.Score, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Name: "smoothgrad", Paper: "Smilkov et al. 2017, arXiv:1706.03825, section 3", WhiteBox: true, Random: true,
		New: func(m Model, o Options) Explainer {
			return SmoothGrad{Model: m, Score: o.Score, Samples: o.Samples, Seed: o.Seed, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Name: "integrated-gradients", Paper: "Sundararajan et al. 2017, arXiv:1703.01365, eq. 1", WhiteBox: true, Signed: true,
		New: func(m Model, o Options) Explainer {
			return IntegratedGradients{Model: m, Score: o.Score, Baseline: o.Baseline, Steps: o.Samples, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Name: "occlusion", Paper: "Zeiler, Fergus 2013, arXiv:1311.2901, section 4.2", Signed: true,
		New: func(m Model, o Options) Explainer {
			return Occlusion{Model: m, Score: o.Score, Baseline: o.Baseline, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Name: "rise", Paper: "Petsiuk et al. 2018, arXiv:1806.07421, eq. 6", Random: true,
		New: func(m Model, o Options) Explainer {
			return RISE{Model: m, Score: o.Score, Baseline: o.Baseline, Samples: o.Samples, Seed: o.Seed, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Name: "lime", Paper: "Ribeiro et al. 2016, arXiv:1602.04938, eq. 1-2", Signed: true, Random: true,
		New: func(m Model, o Options) Explainer {
			return LIME{Model: m, Score: o.Score, Samples: o.Samples, Seed: o.Seed, Batch: o.Batch, Progress: o.Progress}
		},
	},
}

// Lookup finds a method by name, or says which there are.
func Lookup(name string) (Entry, error) {
	names := make([]string, len(Methods))
	for i, entry := range Methods {
		if entry.Name == name {
			return entry, nil
		}
		names[i] = entry.Name
	}
	return Entry{}, fmt.Errorf("no method %q; have %s", name, strings.Join(names, ", "))
}
