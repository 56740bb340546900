package page

// Page is a report as data, in the order of the page.
type Page struct {
	Kind     string // kind of report: "Training run"
	Title    string // the page's only first-level heading
	Lead     string // summary in a sentence or two
	Figures  Figures
	Sections []Section
	Home     string // URL of the page that links to this one; "": none
	Made     string // the last line: versions, and the date if it is known
}

// Section is a part of a page with an entry in the table of contents.
type Section struct {
	Title  string
	Blocks []Block
}

// Block is a part of a section.
type Block interface {
	template() string // name of its template in page.tmpl
}

// Text is a paragraph.
type Text string

// List is a list of similar lines.
type List []string

// Code is text to copy.
type Code string

// Sub is a part of a section with its own heading. It cannot contain a Sub.
type Sub struct {
	Title  string
	Blocks []Block
}

// Fold is content that few readers need. It opens at a click and is not printed.
type Fold struct {
	Title  string
	Blocks []Block
}

// Beside is a list of blocks that are shown side by side if they fit.
type Beside []Block

// Figures are the headline numbers.
type Figures []Figure

// Figure is a number with its name. The note is its interval or what it refers to.
type Figure struct{ Name, Value, Note string }

// Facts are names and values, such as "seed: 1".
type Facts []Fact

// Fact is a name and a value.
type Fact struct{ Name, Value string }

func (Text) template() string    { return "text" }
func (List) template() string    { return "list" }
func (Code) template() string    { return "code" }
func (Sub) template() string     { return "sub" }
func (Fold) template() string    { return "fold" }
func (Beside) template() string  { return "beside" }
func (Figures) template() string { return "figures" }
func (Facts) template() string   { return "facts" }

// Capped returns the first n lines of a list, and a line with the number of the others.
func Capped(lines []string, n int) List {
	if len(lines) <= n {
		return lines
	}
	return append(append(List{}, lines[:n]...), "and "+Thousands(len(lines)-n)+" more")
}

// Statements are sentences with verdicts.
type Statements []Statement

// Statement is a sentence with a short verdict and the reason.
type Statement struct {
	Text    string
	Verdict string
	Tone    Tone
	Note    string
}

func (Statements) template() string { return "statements" }
