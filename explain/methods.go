package explain

import (
	"strings"

	"oscar/internal/named"
)

// A Method has the facts about an explanation method.
type Method struct {
	Name          string // as in Attribution.Method
	Paper         string // source of the equation
	At            Place
	Score         Score     // the default score; "" if the map does not depend on a score
	Needs         Abilities // what the method needs from a model
	Signed        bool      // negative values are evidence against the class and are drawn; if false, they are clipped
	NonNegative   bool      // no value is negative, at a layer if no activation is negative
	Relative      bool      // zero has no meaning, so colors start at the map's smallest value
	ClassAgnostic bool      // the map is the same for every class and score
	Stochastic    bool      // the map depends on the seed
	Samples       bool      // it uses [Options.Samples]
	// Exact means that bfloat16 changes the maps too much, so they are always computed in float32.
	// docs/design/0014-precision.md has the measurements.
	Exact bool
}

// Place is what a method explains. It determines the resolution of the maps.
type Place string

// The places.
const (
	AtImage      Place = "the image"
	AtLayer      Place = "a layer"              // the maps have the layer's resolution
	AtEither     Place = "the image or a layer" // the image, or a layer if one is named
	ThroughLayer Place = "the image, by a layer"
)

// Abilities is a set of a model's abilities.
type Abilities uint8

// The abilities, which are flags.
const (
	Predicts       Abilities = 1 << iota // it is a Predictor
	Differentiates                       // it is a Differentiator
	RunsFromLayer                        // it is a Head
	Propagates                           // it is a Differentiator whose gradients are relevance (LRP)
	Guides                               // it is a Differentiator whose gradients are guided (guided backpropagation)
)

var abilityNames = []string{"predictions", "gradients", "runs from a layer on", "relevance", "guided gradients"}

// String returns the abilities as text: "predictions, gradients", or "" for none.
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

// Options are settings that several explainers have. Zero values mean the method's own defaults.
type Options struct {
	Score    Score  // ignored by methods that need Propagates, which explain the logit
	Layer    string // for methods with AtEither
	Samples  int    // samples of RISE, LIME and SmoothGrad; steps of integrated gradients
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

// Lookup returns the entry of a name. Its error lists the names.
func Lookup(name string) (Entry, error) {
	return named.Find("method", name, Methods, func(e Entry) string { return e.Name })
}
