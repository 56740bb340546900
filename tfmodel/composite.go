package tfmodel

import (
	"fmt"
	"slices"

	"oscar/explain"
	"oscar/internal/named"
)

// Composite is a table of rules that propagate a class score back to the image. The first line that
// matches a layer gives its rule. To change a rule, add a line before the others ([Composite.With]).
//
// This is how the preset epsilon_plus_flat treats a network. The signal starts at the logits and
// goes up:
//
//	image                                    the map
//	  |
//	conv1     Convolution, the first: Flat        every pixel in the window has an equal share
//	relu1     Pass
//	pool1     Gradient                       the largest input takes all
//	bn1       Fold                           merged into conv2
//	conv2     Convolution: AlphaBeta{1, 0}        positive contributions share
//	relu2     Pass
//	  |----------+
//	  |        conv3  AlphaBeta{1, 0}        a block: the sum gives each branch its share,
//	  |          |                           and what both hand back is added
//	  +--- sum --+    Epsilon
//	  |
//	flatten   Gradient
//	fc1       Epsilon                        all contributions share
//	  |
//	logits    the target's logit, zeros for the other classes
type Composite struct {
	Name string
	// Relevance means that the signal is the logit, which the LRP rules distribute. Otherwise the
	// signal is 1, as for a gradient.
	Relevance bool
	Lines     []Line
}

// Line selects layers for a rule. An empty field matches every layer.
type Line struct {
	Kind  string // as in Layer.Kind, or [Convolution]
	Layer string // the layer's name
	First bool   // the layer with a kernel nearest to the image
	Rule  Rule
}

// Convolution is the kind that matches every layer with a kernel and feature maps.
const Convolution = "convolution"

// With returns the composite with lines added before its own. The result has no name.
func (c Composite) With(lines ...Line) Composite {
	return Composite{Relevance: c.Relevance, Lines: append(slices.Clone(lines), c.Lines...)}
}

// plainGradient returns the composite of every layer's derivative.
func plainGradient() Composite { return Composite{Name: "gradient", Lines: []Line{{Rule: Gradient{}}}} }

// GuidedBackprop returns guided backpropagation (Springenberg et al. 2014, arXiv:1412.6806): the
// gradient, but every ReLU propagates only the positive part. Its maps show edges and textures of
// the image. They hardly change with the class, or if the upper layers are randomized (Adebayo et
// al. 2018, arXiv:1810.03292).
func GuidedBackprop() Composite {
	return Composite{Name: "guided_backprop", Lines: []Line{{Kind: "relu", Rule: Guided{}}, {Rule: Gradient{}}}}
}

// DefaultLRP is the preset for AlexNet and VGG. Dense layers have many inputs whose contributions
// cancel: they use epsilon. Convolutions distribute by positive contributions, as is usual after a
// ReLU. The first convolution is flat, because a single color is no evidence. Kohlbrenner et al.
// 2019, arXiv:1910.09840, measured that such a mixture locates objects and separates classes better
// than one rule for all layers. On a trained AlexNet02, 95 to 97 % of the logit reaches the image;
// with epsilon alone it is -60 to 160 %. The stride of the first convolution is visible as a grid.
const DefaultLRP = "epsilon_plus_flat"

var (
	zPlus      = AlphaBeta{1, 0}
	alpha2     = AlphaBeta{2, 1}
	firstFlat  = Line{Kind: Convolution, First: true, Rule: Flat{}} // not for dense layers: a flat dense layer gives every pixel the same share
	pixelRange = [3]float32{255, 255, 255}
)

// presets is the table of LRP composites, by zennit's names. Epsilon is 1e-6, gamma is 0.25, and the
// box is the range of pixel values, 0..255.
var presets = []Composite{
	lrp("epsilon_plus_flat", firstFlat, Line{Kind: Convolution, Rule: zPlus}),
	lrp("epsilon_plus", Line{Kind: Convolution, Rule: zPlus}),
	lrp("epsilon_alpha2_beta1_flat", firstFlat, Line{Kind: Convolution, Rule: alpha2}),
	lrp("epsilon_alpha2_beta1", Line{Kind: Convolution, Rule: alpha2}),
	lrp("epsilon_gamma_box",
		Line{Kind: Convolution, First: true, Rule: ZBox{High: pixelRange}}, Line{Kind: Convolution, Rule: Gamma{0.25}}),
	lrp("epsilon"),
}

// lrp returns an LRP composite. Layers that no line matches use their default rule.
func lrp(name string, lines ...Line) Composite {
	return Composite{Name: name, Relevance: true, Lines: append(lines, Line{Rule: LayerRule{}})}
}

// LRPs returns the names that [LookupLRP] accepts.
func LRPs() []string {
	return named.Names(presets, func(c Composite) string { return c.Name })
}

// LookupLRP returns the composite of that name. An empty name is [DefaultLRP].
func LookupLRP(name string) (Composite, error) {
	if name == "" {
		name = DefaultLRP
	}
	c, err := named.Find("LRP composite", name, presets, func(c Composite) string { return c.Name })
	c.Lines = slices.Clone(c.Lines)
	return c, err
}

// MarshalText writes the name of a preset.
func (c Composite) MarshalText() ([]byte, error) {
	_, err := LookupLRP(c.Name)
	return []byte(c.Name), err
}

// UnmarshalText reads the name of a preset.
func (c *Composite) UnmarshalText(text []byte) (err error) {
	*c, err = LookupLRP(string(text))
	return err
}

// rules returns the rule of each step. A step without a rule, or with one that does not fit the
// layer, is an error.
func (c Composite) rules(s steps) ([]Rule, error) {
	first := 0
	for first < len(s) && !s.weighted(first) {
		first++
	}
	rules := make([]Rule, len(s))
	for i, step := range s {
		kind := step.layer.Kind()
		if kind == imported && c.Name != plainGradient().Name {
			return nil, fmt.Errorf("composite %s has no rule for layer %s: it was imported with another model's graph", c.Name, step.name)
		}
		line := slices.IndexFunc(c.Lines, func(m Line) bool {
			fits := m.Kind == "" || m.Kind == kind || m.Kind == Convolution && s.weighted(i) && len(step.out) == 3
			return fits && (m.Layer == "" || m.Layer == step.name) && (!m.First || i == first)
		})
		if line < 0 || c.Lines[line].Rule == nil {
			return nil, fmt.Errorf("composite %s has no rule for layer %s (%s)", c.Name, step.name, kind)
		}
		rule := c.Lines[line].Rule
		if rule == (LayerRule{}) {
			if rule = step.layer.Traits().LRP; rule == nil {
				return nil, fmt.Errorf("composite %s has no rule for layer %s: layers of kind %s have none for layer-wise relevance propagation", c.Name, step.name, kind)
			}
		}
		if _, ok := rule.(needsKernel); ok && !s.weighted(i) {
			return nil, fmt.Errorf("composite %s: layer %s (%s) has no kernel, which rule %T needs", c.Name, step.name, kind, rule)
		}
		if _, ok := rule.(ZBox); ok && (i != first || s[0].in[2] != 3) {
			return nil, fmt.Errorf("composite %s: layer %s is not the first on an RGB image, whose range rule %T needs", c.Name, step.name, rule)
		}
		rules[i] = rule
	}
	return rules, nil
}

// start returns the signal at the logits. target is the class of each image, int64 [N].
func (c Composite) start(g *Graph, n *Network, target Tensor, score explain.Score) (Tensor, error) {
	switch {
	case score != explain.Logit && score != explain.Probability:
		_, err := explain.ParseScore(string(score))
		return Tensor{}, err
	case c.Relevance && score != explain.Logit:
		return Tensor{}, fmt.Errorf("LRP distributes a logit, not a %s: a softmax is not a sum of shares", score)
	}
	one := g.OneHot(target, n.Logits.Shape()[1])
	switch {
	case c.Relevance:
		return g.Mul(one, n.Logits), nil
	case score == explain.Probability: // d p_t / d logits = p_t (1 - p)
		if n.Architecture.MultiLabel() { // for a sigmoid: p_t (1 - p_t) at t only
			return g.Mul(one, g.Mul(n.Probabilities, g.Sub(g.Scalar(1), n.Probabilities))), nil
		}
		p := g.Sum(g.Mul(one, n.Probabilities), true, 1)
		return g.Mul(p, g.Sub(one, n.Probabilities)), nil
	}
	return one, nil
}
