package foreign

import (
	"fmt"
)

// head describes the model's output.
type head struct {
	logits ref    // the input of the activation, or the output
	squash string // Softmax, LogSoftmax or Sigmoid; empty: none
	how    string // how the logits were found, for messages
}

// head walks back from the output through operations that keep the order of the classes.
func (f *flat) head() head {
	r := f.output
	for range len(f.nodes) {
		n := f.byName[r.node]
		switch n.GetOp() {
		case "Softmax", "LogSoftmax", "Sigmoid":
			if len(n.Input) == 1 {
				return head{refOf(n.Input[0]), n.Op, fmt.Sprintf("the tensor before %s (%s)", n.Op, n.Name)}
			}
		case "Cast", "Reshape", "Squeeze":
			if len(n.Input) > 0 {
				r = refOf(n.Input[0])
				continue
			}
		}
		break
	}
	return head{f.output, "", "the output itself: no Softmax or Sigmoid was found before it"}
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
