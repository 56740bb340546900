package explain

import (
	"strings"

	"oscar/internal/named"
)

// A Method is the facts about an explanation method.
type Method struct {
	Name          string // as in Attribution.Method
	Paper         string // source of the equation
	At            Place
	Score         Score     // the score explained if none is given; "" if the map is of no score
	Needs         Abilities // what the method needs from a model
	Signed        bool      // negative values are evidence against the class and are drawn; if false, they are clipped
	NonNegative   bool      // no value is negative, at a layer if no activation is negative
	Relative      bool      // zero has no meaning, so colours begin at the map's smallest value
	ClassAgnostic bool      // the map is the same for every class and score
	Stochastic    bool      // the map depends on the seed
	Samples       bool      // it has [Options.Samples]
	// Exact says that the maps suffer from bfloat16, so a model computes them in float32
	// in every precision. docs/design/0014-precision.md has the measurements.
	Exact bool
}

// Place is what a method explains, and so the resolution of its maps.
type Place string

// The places.
const (
	AtImage      Place = "the image"
	AtLayer      Place = "a layer"              // the maps have the layer's resolution
	AtEither     Place = "the image or a layer" // the image, unless a layer is named
	ThroughLayer Place = "the image, by a layer"
)

// Abilities are the abilities of a model, a set of flags.
type Abilities uint8

// The abilities.
const (
	Predicts       Abilities = 1 << iota // it is a Predictor
	Differentiates                       // it is a Differentiator
	RunsFromLayer                        // it is a Head
	Propagates                           // it is a Differentiator whose gradients are relevance (LRP)
	Guides                               // it is a Differentiator whose gradients are guided (guided backpropagation)
)

var abilityNames = []string{"predictions", "gradients", "runs from a layer on", "relevance", "guided gradients"}

// String lists the abilities: "predictions, gradients"; "" if there are none.
func (a Abilities) String() string {
	var names []string
	for bit, name := range abilityNames {
		if a&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// A Model predicts and differentiates, as an opened SavedModel does.
type Model interface {
	Predictor
	Differentiator
}

// Options are the settings that several explainers have. Every zero value is
// the method's own default.
type Options struct {
	Score    Score  // not for a method that needs Propagates, which explains the logit
	Layer    string // for a method AtEither
	Samples  int    // of RISE, LIME, SmoothGrad; steps of integrated gradients; other methods have none
	Seed     uint64
	Baseline Baseline // of occlusion, RISE, integrated gradients
	Batch    int
	Progress func(done, total int)
}

// An Entry is a line in the table of methods. New makes its explainer for a
// model that has the abilities in Needs.
type Entry struct {
	Method
	New func(Model, Options) Explainer
}

// Methods is the table of methods that explain the image, in the order of their
// help text. The class activation maps are in gradcam.Methods. Do not change it
// at run time.
var Methods = []Entry{
	{
		Method{Name: "saliency", Paper: "Simonyan et al. 2013, arXiv:1312.6034, section 3.1", At: AtImage, Score: Logit, Needs: Differentiates, NonNegative: true, Exact: true},
		func(m Model, o Options) Explainer {
			return Saliency{Model: m, Score: o.Score, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "gradient-x-input", Paper: "Shrikumar et al. 2017, arXiv:1704.02685, section 3.1", At: AtImage, Score: Logit, Needs: Differentiates, Signed: true, Exact: true},
		func(m Model, o Options) Explainer {
			return GradientTimesInput{Model: m, Score: o.Score, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "smoothgrad", Paper: "Smilkov et al. 2017, arXiv:1706.03825, section 3", At: AtImage, Score: Logit, Needs: Differentiates, NonNegative: true, Stochastic: true, Samples: true, Exact: true},
		func(m Model, o Options) Explainer {
			return SmoothGrad{Model: m, Score: o.Score, Samples: o.Samples, Seed: o.Seed, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "integrated-gradients", Paper: "Sundararajan et al. 2017, arXiv:1703.01365, eq. 1", At: AtImage, Score: Logit, Needs: Differentiates, Signed: true, Samples: true, Exact: true},
		func(m Model, o Options) Explainer {
			return IntegratedGradients{Model: m, Score: o.Score, Baseline: o.Baseline, Steps: o.Samples, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "occlusion", Paper: "Zeiler, Fergus 2013, arXiv:1311.2901, section 4.2", At: AtImage, Score: Logit, Needs: Predicts, Signed: true},
		func(m Model, o Options) Explainer {
			return Occlusion{Model: m, Score: o.Score, Baseline: o.Baseline, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "rise", Paper: "Petsiuk et al. 2018, arXiv:1806.07421, eq. 6", At: AtImage, Score: Probability, Needs: Predicts, NonNegative: true, Relative: true, Stochastic: true, Samples: true},
		func(m Model, o Options) Explainer {
			return RISE{Model: m, Score: o.Score, Baseline: o.Baseline, Samples: o.Samples, Seed: o.Seed, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "lime", Paper: "Ribeiro et al. 2016, arXiv:1602.04938, eq. 1-2", At: AtImage, Score: Probability, Needs: Predicts, Signed: true, Stochastic: true, Samples: true},
		func(m Model, o Options) Explainer {
			return LIME{Model: m, Score: o.Score, Samples: o.Samples, Seed: o.Seed, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "lrp", Paper: "Bach et al. 2015, doi:10.1371/journal.pone.0130140", At: AtEither, Score: Logit, Needs: Propagates, Signed: true, Exact: true},
		func(m Model, o Options) Explainer {
			return LRP{Model: m, Layer: o.Layer, Batch: o.Batch, Progress: o.Progress}
		},
	},
	{
		Method{Name: "guidedbackprop", Paper: "Springenberg et al. 2014, arXiv:1412.6806", At: AtImage, Score: Logit, Needs: Guides, Signed: true, Exact: true},
		func(m Model, o Options) Explainer {
			return GuidedBackprop{Model: m, Score: o.Score, Batch: o.Batch, Progress: o.Progress}
		},
	},
}

// Lookup finds a method by name. Its error lists the names.
func Lookup(name string) (Entry, error) {
	return named.Find("method", name, Methods, func(e Entry) string { return e.Name })
}
