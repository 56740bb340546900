package page

// Outline is lines below lines, as of a tree of questions.
type Outline []Branch

// Branch is a line with what follows from it.
type Branch struct {
	Lead     string // how one comes here: "yes"
	Text     string
	Note     string // small, behind
	Branches Outline
}

func (Outline) template() string { return "outline" }
