package page

// Page is a report as data: what stands in it, from top to bottom.
type Page struct {
	Kind     string // what it is a report of: "Training run"
	Title    string // its only heading of the first rank
	Lead     string // what it says in a sentence or two
	Figures  Figures
	Sections []Section
	Home     string // the URL of a page that leads here; "": none
	Made     string // the last line: with what, and when if that is known
}

// Section is a part of a page, with a place in its table of contents.
type Section struct {
	Title  string
	Blocks []Block
}

// A Block is what a section is made of.
type Block interface {
	template() string // its name in page.tmpl
}

// Text is a paragraph.
type Text string

// List is a list of lines, all of one kind.
type List []string

// Code is text to be copied as it is.
type Code string

// Sub is a part of a section, with a heading of its own. It holds no Sub.
type Sub struct {
	Title  string
	Blocks []Block
}

// Fold is what few want to see: it opens at a click, and is not printed.
type Fold struct {
	Title  string
	Blocks []Block
}

// Beside is blocks that stand side by side where there is room.
type Beside []Block

// Figures are the numbers to be seen first.
type Figures []Figure

// Figure is a number with its name. The note says how sure it is, or of what.
type Figure struct{ Name, Value, Note string }

// Facts are names with their values, as "seed: 1".
type Facts []Fact

// Fact is a name with its value.
type Fact struct{ Name, Value string }

func (Text) template() string    { return "text" }
func (List) template() string    { return "list" }
func (Code) template() string    { return "code" }
func (Sub) template() string     { return "sub" }
func (Fold) template() string    { return "fold" }
func (Beside) template() string  { return "beside" }
func (Figures) template() string { return "figures" }
func (Facts) template() string   { return "facts" }

// Capped is a list's first n lines, and how many more there are.
func Capped(lines []string, n int) List {
	if len(lines) <= n {
		return lines
	}
	return append(append(List{}, lines[:n]...), "and "+Thousands(len(lines)-n)+" more")
}

// Statements are sentences that were tested.
type Statements []Statement

// Statement is a sentence with what came of it, in a word or two, and why.
type Statement struct {
	Text    string
	Verdict string
	Tone    Tone
	Note    string
}

func (Statements) template() string { return "statements" }
