package tfmodel

import (
	"slices"

	"oscar/internal/graph"
)

// Fold is for layers that, in inference, are y = a x + s for each channel: batch
// normalisation and rescaling. It merges them with a layer that has a kernel, so
// that the two share out relevance as the one linear layer that they are
// together:
//
//   - Into the convolution or dense layer right before it: kernel a w, bias
//     a b + s, output y, as zennit's canonizers do. At that layer's output the
//     relevance is the one at y.
//   - Else into the one after it, past dropout, zero padding and flatten: input
//     x, kernel a w, bias b + sum_i s_i w_i, output unchanged. That holds at the
//     border, too, although zeros are padded to y and not to x: padding adds
//     nothing to z, neither by a x w nor by s w. Only the bias is no longer the
//     same at every position there; it is computed, as the convolution of an
//     image of s. AlexNet02 (conv, relu, pool, bn, conv) is such a network, for
//     which zennit passes relevance by as if a were 1 and s 0.
//   - Else, as between two nonlinear layers, or where a block's shortcut takes
//     what lies between the two, it is a linear layer of its own and [Epsilon]
//     holds.
//
// Whichever, the relevance of the shift s is kept like a bias's. Zero padding
// itself is folded into a layer after it, to which its zeros are no inputs;
// elsewhere it hands relevance on as a gradient.
type Fold struct{}

func (Fold) back(s site, r graph.Tensor) graph.Tensor {
	if _, ok := s.of.(*ZeroPadding2D); ok {
		return Gradient{}.back(s, r)
	}
	return Epsilon{stabilizer}.back(s, r)
}

// affine is a layer that, in inference, multiplies each channel by a number and
// adds another.
type affine interface {
	affine(b *Builder, channels int) (scale, shift graph.Tensor)
}

// leg is one rule on the way back, before it is in a graph.
type leg struct {
	layer         int
	rule          Rule
	before, after int   // what is folded in: the first of the steps before, and one after; -1 for none
	to            []int // where the signal goes: what the layer, with those folded in, takes its input from
}

// route lists the legs from the logits back to the output of layer to, -1 for
// the image, as far as they lead there. What is to be folded but ends there, or
// has its partner beyond, is not folded into the layers above.
func (s steps) route(rules []Rule, to int) []leg {
	into := s.folds(rules)
	leads := s.behind(to)
	var legs []leg
	for k := len(s) - 1; k > to; k-- {
		if !leads[k] {
			continue
		}
		l := leg{layer: k, rule: rules[k], before: -1, after: -1}
		if k > 0 && into[k] == k-1 { // they are one: what arrives here has arrived there
			l.rule = Pass{}
		} else if k+1 < len(s) && into[k+1] == k {
			l.after = k + 1
		}
		for j := k - 1; j > to; j-- {
			if into[j] == l.layer {
				l.before, k = j, j
			}
		}
		for _, from := range s[k].from {
			if from == to || from > to && leads[from] {
				l.to = append(l.to, from)
			}
		}
		legs = append(legs, l)
	}
	return legs
}

// behind tells of each step whether it takes anything from a step, -1 for the
// image.
func (s steps) behind(to int) []bool {
	leads := make([]bool, len(s))
	for k, step := range s {
		leads[k] = slices.ContainsFunc(step.from, func(from int) bool { return from == to || from >= 0 && leads[from] })
	}
	return leads
}

// folds says of each layer which one it is folded into; -1 for none.
func (s steps) folds(rules []Rule) []int {
	into := make([]int, len(s))
	for k := range into {
		into[k] = -1
		_, scales := s[k].layer.(affine)
		if rules[k] != (Fold{}) || len(s[k].in) != 3 {
			continue
		}
		if k > 0 && scales && s.chained(k-1) && s.weighted(k-1) {
			into[k] = k - 1
			continue
		}
		j := k + 1
		for j < len(s) && s.chained(j-1) && s.plain(j) {
			j++
		}
		if j < len(s) && s.chained(j-1) && s.weighted(j) {
			into[k] = j
		}
	}
	return into
}

// chained reports whether the next step, and no other, takes a step's output
// and nothing else.
func (s steps) chained(i int) bool {
	return slices.Equal(s.users(i), []int{i + 1}) && slices.Equal(s[i+1].from, []int{i})
}

// weighted reports whether a layer is linear with a kernel.
func (s steps) weighted(i int) bool {
	_, ok := s[i].layer.(weighted)
	return ok
}

// plain reports whether a layer changes no value, in inference.
func (s steps) plain(i int) bool {
	switch s[i].layer.(type) {
	case *Dropout, *Flatten, *ZeroPadding2D:
		return true
	}
	return false
}

// positive reports whether a layer's output is nowhere negative by its make.
func (s steps) positive(i int) bool {
	if i < 0 {
		return false // the image may have been shifted
	}
	switch s[i].layer.(type) {
	case *ReLU:
		return true
	case *MaxPool2D, *AveragePool2D, *GlobalAveragePool2D, *Dropout, *Flatten, *ZeroPadding2D, sum:
		return !slices.ContainsFunc(s[i].from, func(from int) bool { return !s.positive(from) })
	}
	return false
}

// scaled reports whether the image has been normalised or rescaled before or
// by a layer.
func (s steps) scaled(i int) bool {
	if i < 0 {
		return false
	}
	_, ok := s[i].layer.(affine)
	return ok || slices.ContainsFunc(s[i].from, s.scaled)
}
