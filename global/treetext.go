package global

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// String returns the tree with a line for each question and each leaf:
//
//	edge density <= 0.12?
//	├─ yes: paper, 41 of 52
//	└─ no: glass, 60 of 71
func (t *Tree) String() string {
	var b strings.Builder
	t.write(&b, t.Root, "", "")
	return b.String()
}

func (t *Tree) write(b *strings.Builder, n *Node, first, rest string) {
	b.WriteString(first)
	if n.Leaf() {
		fmt.Fprintf(b, "%s, %d of %d\n", t.Classes[n.Class], n.Counts[n.Class], n.Samples)
		return
	}
	b.WriteString(t.Question(n) + "?\n")
	yes, no := t.Answers(n)
	t.write(b, yes, rest+"├─ yes: ", rest+"│  ")
	t.write(b, no, rest+"└─ no: ", rest+"   ")
}

// Question returns a node's question, such as "edge density <= 0.12", or only the name for a YesOrNo
// feature.
func (t *Tree) Question(n *Node) string {
	f := t.Features[n.Feature]
	if f.Unit == YesOrNo {
		return f.Name
	}
	text := f.Name + " <= " + digits(n.Threshold)
	if f.Unit != "share" && !strings.Contains(f.Unit, "..") {
		text += " " + f.Unit
	}
	return strings.TrimSpace(text)
}

// Answers returns the children of a node, by the answer.
func (t *Tree) Answers(n *Node) (yes, no *Node) {
	if t.Features[n.Feature].Unit == YesOrNo {
		return n.Right, n.Left
	}
	return n.Left, n.Right
}

// digits formats a number with three significant digits: 0.123, 12.3, 1230.
func digits(v float64) string {
	if size := math.Abs(v); size >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
