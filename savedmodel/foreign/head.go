package foreign

import (
	"context"
	"fmt"
	"math"

	"oscar/internal/graph"
)

// head describes the model's output.
type head struct {
	logits ref    // the input of the activation, or the output
	squash string // Softmax, LogSoftmax or Sigmoid; empty: none
	how    string // how the logits were found, for messages
	// inverted means that the output is probabilities, of which no one activation's input is the
	// logits, as the mean of two softmaxes. The logits are computed from the probabilities.
	inverted bool
}

// head walks back from the output through operations that keep the order of the classes.
func (f *flat) head() head {
	r := f.output
	for range len(f.nodes) {
		n := f.byName[r.node]
		switch n.GetOp() {
		case "Softmax", "LogSoftmax", "Sigmoid":
			if len(n.Input) == 1 {
				return head{logits: refOf(n.Input[0]), squash: n.Op, how: fmt.Sprintf("the tensor before %s (%s)", n.Op, n.Name)}
			}
		case "Cast", "Reshape", "Squeeze":
			if len(n.Input) > 0 {
				r = refOf(n.Input[0])
				continue
			}
		}
		break
	}
	return head{logits: f.output, how: "the output itself: no Softmax or Sigmoid was found before it"}
}

// check returns an error if the activation does not give probabilities for that many outputs.
func (h head) check(outputs int) error {
	if outputs == 1 && (h.squash == "Softmax" || h.squash == "LogSoftmax") {
		return fmt.Errorf("the model ends with a %s of one number, which is the same for every image; two classes need a Sigmoid, or two outputs", h.squash)
	}
	return nil
}

// independent reports whether each output has its own probability, so that an image can have several
// classes.
func (h head) independent(outputs int) bool { return h.squash == "Sigmoid" && outputs > 1 }

// says returns a text about the logits of a model with that many outputs.
func (h head) says(outputs int) string {
	if outputs == 1 {
		return "-z/2 and z/2 of z, " + h.how + "; their softmax is 1-p and p = sigmoid(z). A score, and so a map of Grad-CAM, is half of that of -z or z"
	}
	return h.how
}

// mixing are the operations that combine probabilities to others: means and products with numbers,
// and outputs side by side.
var mixing = setOf("Add AddN AddV2 Cast ConcatV2 ExpandDims Max Maximum Mean Min Minimum Mul Pack Prod RealDiv Reshape Squeeze StridedSlice Sub Sum Transpose")

// mixesSigmoids reports whether the output is made of sigmoids only, by operations of mixing.
func (f *flat) mixesSigmoids() bool {
	fromImage := f.dependents(f.image.Name)
	wanted, found := map[string]bool{f.output.node: true}, false
	for i := len(f.nodes) - 1; i >= 0; i-- {
		n := f.nodes[i]
		switch {
		case !wanted[n.Name] || !fromImage[n.Name]:
		case n.Op == "Sigmoid":
			found = true
		case !mixing[n.Op]:
			return false
		default:
			for _, in := range n.Input {
				wanted[refOf(in).node] = true
			}
		}
	}
	return found
}

// sumTolerance is the largest difference from 1 of a sum of probabilities.
const sumTolerance = 1e-3

// invert changes a head without an activation if the output is probabilities: if the outputs for
// random images are not negative and sum to 1, or if they are made of sigmoids and lie within 0..1.
// Other outputs that look like probabilities get a note.
func (a *adoption) invert(ctx context.Context, h head) (head, error) {
	if h.squash != "" || !graph.IsFloat(a.original.DType()) {
		return h, nil
	}
	const n = 4
	out := wide(a.graph.In("check"), a.original)
	if err := a.graph.Err(); err != nil {
		return h, err
	}
	got, err := a.session.Run(ctx, []graph.Feed{{To: a.image, Value: a.drawn(n)}}, []graph.Tensor{out})
	if err != nil {
		return h, fmt.Errorf("the model does not run: %w", err)
	}
	values := got[0].Float32s()
	classes := len(values) / n
	tolerance := sumTolerance
	if a.short() {
		tolerance *= 10
	}
	sums := classes > 1 && len(values) == n*classes
	for i := range n {
		sum := 0.0
		for _, v := range values[i*classes : (i+1)*classes] {
			if !(v >= 0 && v <= 1) {
				return h, nil
			}
			sum += float64(v)
		}
		sums = sums && math.Abs(sum-1) <= tolerance
	}
	switch {
	case sums:
		return head{logits: h.logits, squash: "Softmax", inverted: true,
			how: "log(p) of the output p: its numbers are probabilities, which sum to 1, and are not those of one Softmax; softmax(log(p)) is p"}, nil
	case a.mixesSigmoids():
		return head{logits: h.logits, squash: "Sigmoid", inverted: true,
			how: "log(p/(1-p)) of the output p: its numbers are probabilities, made of several Sigmoids; sigmoid(log(p/(1-p))) is p"}, nil
	}
	a.Notes = append(a.Notes, "all outputs for drawn images lie within 0..1, as probabilities do, and oscar reads them as logits; if they are probabilities, end the model with one Softmax or Sigmoid of all outputs")
	return h, nil
}

// of returns the logits of probabilities p. The smallest numbers keep the logits finite.
func (h head) of(g *graph.Graph, p graph.Tensor) graph.Tensor {
	const least, most = 1e-37, 1 - 1./(1<<24)
	p = g.Maximum(p, g.Scalar(least))
	if h.squash == "Softmax" {
		return g.Log(p)
	}
	p = g.Minimum(p, g.Scalar(most))
	return g.Neg(g.Log(g.Sub(g.Div(g.Scalar(1), p), g.Scalar(1))))
}
