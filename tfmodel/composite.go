package tfmodel

import (
	"fmt"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/internal/graph"
)

// Composite says how a class's score is carried back to the image: a table of
// rules by kind of layer, of which the first line that fits holds. It is data:
// to change one rule, put a line before the others ([Composite.With]).
type Composite struct {
	Name string
	// Relevance marks the rules of LRP, which share out the score itself, a
	// logit. Others begin with 1, as gradients do.
	Relevance bool
	Lines     []Line
}

// Line gives layers a rule. Empty fields fit every layer.
type Line struct {
	Kind  string // as in Layer.Kind
	Layer string // the layer's name
	First bool   // of the layers with a kernel, the one nearest the image
	Rule  Rule
}

// With returns the composite with lines put before its own. It has no name any
// more.
func (c Composite) With(lines ...Line) Composite {
	return Composite{Relevance: c.Relevance, Lines: append(slices.Clone(lines), c.Lines...)}
}

// plainGradient is every layer's own derivative.
func plainGradient() Composite { return Composite{Name: "gradient", Lines: []Line{{Rule: Gradient{}}}} }

// GuidedBackprop is guided backpropagation (Springenberg et al. 2014,
// arXiv:1412.6806): the gradient, at ReLUs without what is negative. It shows
// what an image is made of more than what a class is made of: it hardly changes
// with the class, nor when upper layers lose their weights (Adebayo et al. 2018,
// arXiv:1810.03292).
func GuidedBackprop() Composite {
	return Composite{Name: "guided_backprop", Lines: []Line{{Kind: "relu", Rule: Guided{}}, {Rule: Gradient{}}}}
}

// DefaultLRP is the preset for AlexNet and VGG: dense layers, whose inputs are
// many and whose shares cancel, by epsilon; convolutions by what is positive,
// as is usual for features after a ReLU; the first one, where a colour is no
// evidence, flat. Kohlbrenner et al. 2019, arXiv:1910.09840, measured that rules
// by layer, such as these, locate objects and tell classes apart better than one
// rule for all. On a trained AlexNet02 it hands on 95 to 97 % of the logit,
// where epsilon alone hands on anything from -60 to 160 %. The first
// convolution's stride shows through as a grid.
const DefaultLRP = "epsilon_plus_flat"

var (
	zPlus      = AlphaBeta{1, 0}
	alpha2     = AlphaBeta{2, 1}
	firstFlat  = Line{Kind: "conv2d", First: true, Rule: Flat{}} // flat dense layers would paint the image in one colour
	pixelRange = [3]float32{255, 255, 255}
)

// presets is the one table of LRP composites, by zennit's names. Their epsilon
// is 1e-6, their gamma 0.25, their box that of pixel values, 0..255.
var presets = []Composite{
	lrp("epsilon_plus_flat", firstFlat, Line{Kind: "conv2d", Rule: zPlus}),
	lrp("epsilon_plus", Line{Kind: "conv2d", Rule: zPlus}),
	lrp("epsilon_alpha2_beta1_flat", firstFlat, Line{Kind: "conv2d", Rule: alpha2}),
	lrp("epsilon_alpha2_beta1", Line{Kind: "conv2d", Rule: alpha2}),
	lrp("epsilon_gamma_box",
		Line{Kind: "conv2d", First: true, Rule: ZBox{High: pixelRange}}, Line{Kind: "conv2d", Rule: Gamma{0.25}}),
	lrp("epsilon"),
}

// lrp completes a composite for all kinds of layer.
func lrp(name string, lines ...Line) Composite {
	c := Composite{Relevance: true, Lines: []Line{
		{Kind: "conv2d", Rule: Epsilon{stabilizer}},
		{Kind: "dense", Rule: Epsilon{stabilizer}},
		{Kind: "relu", Rule: Pass{}},
		{Kind: "max_pool2d", Rule: Gradient{}},
		{Kind: "average_pool2d", Rule: Epsilon{stabilizer}},
		{Kind: "global_average_pool2d", Rule: Epsilon{stabilizer}},
		{Kind: "batch_normalization", Rule: Fold{}},
		{Kind: "dropout", Rule: Gradient{}},
		{Kind: "flatten", Rule: Gradient{}},
		{Kind: "rescaling", Rule: Fold{}},
		{Kind: "zero_padding2d", Rule: Fold{}},
		{Kind: "residual", Rule: Epsilon{stabilizer}}, // its sum; the branches have their own
	}}.With(lines...)
	c.Name = name
	return c
}

// LRPs returns the names that [LookupLRP] knows.
func LRPs() []string {
	names := make([]string, len(presets))
	for i, c := range presets {
		names[i] = c.Name
	}
	return names
}

// LookupLRP returns the composite of that name; "" is [DefaultLRP].
func LookupLRP(name string) (Composite, error) {
	if name == "" {
		name = DefaultLRP
	}
	for _, c := range presets {
		if c.Name == name {
			c.Lines = slices.Clone(c.Lines)
			return c, nil
		}
	}
	return Composite{}, fmt.Errorf("no LRP composite %q; have %s", name, strings.Join(LRPs(), ", "))
}

// MarshalText writes a preset's name.
func (c Composite) MarshalText() ([]byte, error) {
	_, err := LookupLRP(c.Name)
	return []byte(c.Name), err
}

// UnmarshalText reads a preset's name.
func (c *Composite) UnmarshalText(text []byte) (err error) {
	*c, err = LookupLRP(string(text))
	return err
}

// rules gives each layer its rule.
func (c Composite) rules(s steps) ([]Rule, error) {
	first := 0
	for first < len(s) && !s.weighted(first) {
		first++
	}
	rules := make([]Rule, len(s))
	for i, l := range s {
		kind := l.layer.Kind()
		line := slices.IndexFunc(c.Lines, func(m Line) bool {
			return (m.Kind == "" || m.Kind == kind) && (m.Layer == "" || m.Layer == l.name) && (!m.First || i == first)
		})
		if line < 0 || c.Lines[line].Rule == nil {
			return nil, fmt.Errorf("composite %s has no rule for layer %s (%s)", c.Name, l.name, kind)
		}
		rule := c.Lines[line].Rule
		if _, ok := rule.(weighing); ok && !s.weighted(i) {
			return nil, fmt.Errorf("composite %s: layer %s (%s) has no kernel, which rule %T looks at", c.Name, l.name, kind, rule)
		}
		if _, ok := rule.(ZBox); ok && (i != first || s[0].in[2] != 3) {
			return nil, fmt.Errorf("composite %s: layer %s is not the first on an RGB image, whose range rule %T looks at", c.Name, l.name, rule)
		}
		rules[i] = rule
	}
	return rules, nil
}

// start adds the signal at the logits that the way back begins with.
func (c Composite) start(g *graph.Graph, n *Network, target graph.Tensor, score explain.Score) (graph.Tensor, error) {
	switch {
	case score != explain.Logit && score != explain.Probability:
		_, err := explain.ParseScore(string(score))
		return graph.Tensor{}, err
	case c.Relevance && score != explain.Logit:
		return graph.Tensor{}, fmt.Errorf("LRP shares out a logit, not a %s: a softmax is no sum of shares", score)
	}
	one := g.OneHot(target, n.Logits.Shape()[1])
	switch {
	case c.Relevance:
		return g.Mul(one, n.Logits), nil
	case score == explain.Probability: // d p_t / d logits = p_t (1 - p)
		p := g.Sum(g.Mul(one, n.Probabilities), true, 1)
		return g.Mul(p, g.Sub(one, n.Probabilities)), nil
	}
	return one, nil
}

// walk carries r from the logits to the output of layer to, -1 for the image.
// What arrives at a layer by several branches is added.
func (n *Network) walk(g *graph.Graph, c Composite, r graph.Tensor, to int) (graph.Tensor, error) {
	rules, err := c.rules(n.steps)
	if err != nil {
		return graph.Tensor{}, err
	}
	arrived := map[int]graph.Tensor{len(n.steps) - 1: r}
	for _, l := range n.steps.route(rules, to) {
		name := n.steps[l.layer].name
		for _, from := range l.to {
			if _, ok := l.rule.(ZBox); ok && n.steps.scaled(from) {
				return graph.Tensor{}, fmt.Errorf("composite %s: what layer %s sees has been normalised, rule %T is about the image", c.Name, name, l.rule)
			}
			signal := n.past(g, l, l.rule.back(n.site(g, l, from), arrived[l.layer]))
			if other, ok := arrived[from]; ok {
				signal = g.In(name).Add(signal, other)
			}
			arrived[from] = signal
		}
	}
	return arrived[to], g.Err()
}

// past carries a signal past what a fold went past.
func (n *Network) past(g *graph.Graph, l leg, r graph.Tensor) graph.Tensor {
	for i := l.layer - 1; i >= l.before && l.before >= 0; i-- {
		if n.steps.plain(i) {
			r = n.steps[i].layer.Backward(n.builder(g, i), n.output(n.steps[i].from[0]), n.output(i), r)
		}
	}
	return r
}
