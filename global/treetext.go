package global

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// String writes the tree with a line a question and a line a leaf:
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

// Question is what a node asks: "edge density <= 0.12", or the name alone of a
// feature that an image has or not.
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

// Answers are the nodes below a question, by its answer.
func (t *Tree) Answers(n *Node) (yes, no *Node) {
	if t.Features[n.Feature].Unit == YesOrNo {
		return n.Right, n.Left
	}
	return n.Left, n.Right
}

// digits writes a number in three digits: 0.123, 12.3, 1230.
func digits(v float64) string {
	if size := math.Abs(v); size >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
