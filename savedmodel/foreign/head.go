package foreign

import (
	"fmt"
)

// head describes the model's output.
type head struct {
	logits ref    // the tensor before the activation, or the output
	squash string // Softmax, LogSoftmax or Sigmoid; empty: none
	how    string // how it was found, for messages
}

// head walks back from the output through operations that do not change the order of the
// classes.
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
