package page

// Outline is a tree of lines, such as the questions of a decision tree.
type Outline []Branch

// Branch is a line and the lines below it.
type Branch struct {
	Lead     string // the answer that leads to this line: "yes"
	Text     string
	Note     string // small text after the line
	Branches Outline
}

func (Outline) template() string { return "outline" }
