package global

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"oscar/explain"
)

// CAV is a concept activation vector (Kim et al. 2018, arXiv:1711.11279,
// section 3.2): the normal of a linear classifier that tells a concept's
// activations from those of random images, of length 1, towards the concept.
type CAV struct {
	Direction []float32
	Accuracy  float64 // the share of images that it was not fitted on that it tells right
}

// Vectors are the CAVs of one concept, each against other random images.
type Vectors struct {
	CAVs    []CAV
	HeldOut int // different images that one or more of them were not fitted on and asked about
}

// Moves says whether a step of the activations along the CAV would raise what
// the gradient is of: the sign of the directional derivative (eq. 1).
func (c CAV) Moves(gradient []float32) bool {
	sum := 0.0
	for i, d := range c.Direction {
		sum += float64(d) * float64(gradient[i])
	}
	return sum > 0
}

// CAVs trains concept activation vectors.
//
// The classifier is logistic regression with an L2 penalty, as scikit-learn's
// LogisticRegression has it by default: it has one solution, which is reached to
// machine precision. The authors' code has SGDClassifier (hinge loss, alpha
// 0.01), whose answer depends on the order of the examples. A third of the
// examples is held out, as there.
type CAVs struct {
	Experiments int     // classifiers, each against other random images; 0 is DefaultExperiments
	Penalty     float64 // C, the inverse of the penalty's weight; 0 is 1
	Seed        uint64  // of what is drawn: the random images, and which are held out
}

// DefaultExperiments is enough for a t-test that is worth its name; the paper
// has 500, the authors' code 5 to 10.
const DefaultExperiments = 10

// FewestExamples is how many images a concept needs, and twice as many random
// ones. It is the least at which held-out images say anything; the authors
// advise 50 or more.
const FewestExamples = 10

// Concept trains a concept's vectors: all its examples against as many random
// ones, drawn anew for each, or all if there are fewer. Examples are a layer's
// activations, all of one length.
func (c CAVs) Concept(ctx context.Context, name string, concept, random [][]float32) (Vectors, error) {
	return c.train(ctx, "concept "+name, func(r *rand.Rand) (a, b [][]float32) {
		return concept, sample(random, min(len(random), len(concept)), r)
	})
}

// Random trains vectors that mean nothing, to hold a concept's against: n random
// examples against as many others.
func (c CAVs) Random(ctx context.Context, name string, n int, random [][]float32) (Vectors, error) {
	return c.train(ctx, "random "+name, func(r *rand.Rand) (a, b [][]float32) {
		n := min(n, len(random)/2)
		both := sample(random, 2*n, r)
		return both[:n], both[n:]
	})
}

func (c CAVs) train(ctx context.Context, use string, sides func(*rand.Rand) (a, b [][]float32)) (out Vectors, err error) {
	if c.Experiments < 0 || c.Penalty < 0 {
		return out, fmt.Errorf("%d experiments, penalty %g: want more than 0, or 0 for the default", c.Experiments, c.Penalty)
	}
	held := map[*float32]bool{} // an example is known by where it lies
	for i := range cmp.Or(c.Experiments, DefaultExperiments) {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		random := stream(c.Seed, use, i)
		a, b := sides(random)
		if min(len(a), len(b)) < FewestExamples {
			return out, fmt.Errorf("%d and %d examples, want at least %d of each", len(a), len(b), FewestExamples)
		}
		fitted, asked := divide(a, b, random)
		for _, example := range asked.x {
			held[&example[0]] = true
		}
		cav, err := fitted.vector(cmp.Or(c.Penalty, 1), asked)
		if err != nil {
			return out, err
		}
		out.CAVs = append(out.CAVs, cav)
	}
	out.HeldOut = len(held)
	return out, nil
}

// labelled are examples, and which are the concept's.
type labelled struct {
	x [][]float32
	y []bool
}

// divide holds out a third of either side.
func divide(positive, negative [][]float32, random *rand.Rand) (fitted, asked labelled) {
	for i, side := range [][][]float32{positive, negative} {
		for k, example := range sample(side, len(side), random) {
			to := &fitted
			if k < len(side)/3 {
				to = &asked
			}
			to.x, to.y = append(to.x, example), append(to.y, i == 0)
		}
	}
	return fitted, asked
}

// vector fits a classifier.
func (l labelled) vector(penalty float64, asked labelled) (CAV, error) {
	fit, err := logistic(l.x, l.y, penalty)
	if err != nil {
		return CAV{}, err
	}
	cav, correct := CAV{Direction: make([]float32, len(fit.weights))}, 0
	for i, example := range asked.x {
		if (fit.at(example) > 0) == asked.y[i] {
			correct++
		}
	}
	cav.Accuracy = float64(correct) / float64(len(asked.x))
	length := 0.0
	for _, w := range fit.weights {
		length += w * w
	}
	if length = math.Sqrt(length); length == 0 {
		return cav, nil // the examples are all the same: no direction
	}
	for i, w := range fit.weights {
		cav.Direction[i] = float32(w / length)
	}
	return cav, nil
}

// sample draws n of the examples without repetition.
func sample(examples [][]float32, n int, random *rand.Rand) [][]float32 {
	out := make([][]float32, n)
	for i, at := range random.Perm(len(examples))[:n] {
		out[i] = examples[at]
	}
	return out
}

// OverPositions is a layer's activations, or gradients, by channel: the mean
// over all positions. A CAV of these stands for a change that is the same
// everywhere; its derivative has the sign of the mean gradient's.
func OverPositions(v explain.Volume) []float32 {
	sums := make([]float64, v.Channels)
	for i, x := range v.Values {
		sums[i%v.Channels] += float64(x)
	}
	out := make([]float32, v.Channels)
	for c, sum := range sums {
		out[c] = float32(sum / float64(v.Height*v.Width))
	}
	return out
}
