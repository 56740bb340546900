package global

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"oscar/explain"
)

// CAV is a concept activation vector (Kim et al. 2018, arXiv:1711.11279, section 3.2). It is the
// unit normal of a linear classifier that separates a concept's activations from those of random
// images, and points towards the concept.
type CAV struct {
	Direction []float32
	Accuracy  float64 // share of held-out images that it classifies correctly
}

// Vectors are the CAVs of one concept, each against other random images.
type Vectors struct {
	CAVs    []CAV
	HeldOut int // number of distinct images that at least one CAV was tested on
}

// Moves reports whether a step of the activations along the CAV raises the score: the sign of the
// directional derivative (eq. 1).
func (c CAV) Moves(gradient []float32) bool {
	sum := 0.0
	for i, d := range c.Direction {
		sum += float64(d) * float64(gradient[i])
	}
	return sum > 0
}

// CAVs trains concept activation vectors.
//
// The classifier is logistic regression with an L2 penalty, the default of
// scikit-learn's LogisticRegression. It has one solution, which is computed to
// machine precision. The authors' code uses SGDClassifier (hinge loss, alpha 0.01),
// whose result depends on the order of the examples. A third of the examples is
// held out, as in their code.
type CAVs struct {
	Experiments int     // number of classifiers, each with other random images; 0: DefaultExperiments
	Penalty     float64 // C, the inverse of the penalty's weight; 0: 1
	Seed        uint64  // for drawing random and held-out images
}

// DefaultExperiments is enough for a t-test. The paper uses 500, the authors' code
// 5 to 10.
const DefaultExperiments = 10

// FewestExamples is the minimum number of images of a concept. Twice as many random images are
// needed. With fewer images the held-out accuracy means little. The authors advise 50 or more.
const FewestExamples = 10

// Concept trains a concept's vectors. Each vector separates all examples of the concept from equally
// many random ones, drawn anew, or from all if there are fewer. Examples are activations of a layer,
// all of the same length.
func (c CAVs) Concept(ctx context.Context, name string, concept, random [][]float32) (Vectors, error) {
	return c.train(ctx, "concept "+name, func(r *rand.Rand) (a, b [][]float32) {
		return concept, sample(random, min(len(random), len(concept)), r)
	})
}

// Random trains vectors for comparison, without a concept: n random examples against other random
// ones.
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
	heldOut := map[*float32]bool{} // an example is identified by its address
	for i := range cmp.Or(c.Experiments, DefaultExperiments) {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		random := stream(c.Seed, use, i)
		a, b := sides(random)
		if min(len(a), len(b)) < FewestExamples {
			return out, fmt.Errorf("%d and %d examples, want at least %d of each", len(a), len(b), FewestExamples)
		}
		training, test := divide(a, b, random)
		for _, example := range test.x {
			heldOut[&example[0]] = true
		}
		cav, err := training.vector(cmp.Or(c.Penalty, 1), test)
		if err != nil {
			return out, err
		}
		out.CAVs = append(out.CAVs, cav)
	}
	out.HeldOut = len(heldOut)
	return out, nil
}

// labeled has examples of the concept and other examples.
type labeled struct {
	x [][]float32
	y []bool
}

// divide holds out a third of each side.
func divide(positive, negative [][]float32, random *rand.Rand) (training, test labeled) {
	for i, side := range [][][]float32{positive, negative} {
		for k, example := range sample(side, len(side), random) {
			to := &training
			if k < len(side)/3 {
				to = &test
			}
			to.x, to.y = append(to.x, example), append(to.y, i == 0)
		}
	}
	return training, test
}

// vector fits a classifier and measures its accuracy on the test examples.
func (l labeled) vector(penalty float64, test labeled) (CAV, error) {
	fit, err := logistic(l.x, l.y, penalty)
	if err != nil {
		return CAV{}, err
	}
	cav, correct := CAV{Direction: make([]float32, len(fit.weights))}, 0
	for i, example := range test.x {
		if (fit.at(example) > 0) == test.y[i] {
			correct++
		}
	}
	cav.Accuracy = float64(correct) / float64(len(test.x))
	length := 0.0
	for _, w := range fit.weights {
		length += w * w
	}
	if length = math.Sqrt(length); length == 0 {
		return cav, nil // all examples are the same
	}
	for i, w := range fit.weights {
		cav.Direction[i] = float32(w / length)
	}
	return cav, nil
}

// sample draws n of the examples without replacement.
func sample(examples [][]float32, n int, random *rand.Rand) [][]float32 {
	out := make([][]float32, n)
	for i, at := range random.Perm(len(examples))[:n] {
		out[i] = examples[at]
	}
	return out
}

// OverPositions returns the mean of a layer's activations, or gradients, over all positions, per
// channel. A CAV of these is the same change at every position. Its derivative has the sign of the
// mean gradient's.
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
