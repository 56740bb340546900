package serve

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oscar/explain"
)

// browsePage is a page of a collection.
type browsePage struct {
	Title                                                            string
	Name                                                             string
	Collections                                                      []link
	Filter                                                           filter
	Truths, Predictions, Parts, Answers, Statuses, Methods, Sortings []choice
	Matrix                                                           *confusion
	Scatter                                                          *scatter
	Cells                                                            []cell
	Shown, Total, Done                                               int
	Previous, Next                                                   string
	First, Last                                                      int
	Status                                                           string
	CSV                                                              string // URL of the whole list
	Borders                                                          bool   // the share of heat at the border is known
}

// link is a link of a list.
type link struct {
	URL, Text, Note string
	Current         bool
}

// cell is a picture of the grid.
type cell struct {
	URL, Thumb, Name, Title, Note string
	Wrong                         bool
}

// confusion is the confusion matrix, with a link in each cell.
type confusion struct {
	Note    string // the model, and the parts of the split that are counted
	Classes []string
	Rows    []confusionRow
}

type confusionRow struct {
	Class string
	Cells []confusionCell
}

type confusionCell struct {
	Count int
	URL   string
	Tone  string
	Label string
}

// Limits of the grid and of the matrix.
const (
	perPage    = 60
	maxClasses = 30
)

// url returns the URL of a collection's page with a filter.
func (c *collection) url(f filter) string {
	path := "/browse/" + url.PathEscape(c.name)
	if q := f.query(); q != "" {
		path += "?" + q
	}
	return path
}

// collection returns the collection with a name of a URL.
func (s *Server) collection(name string) (*collection, error) {
	for _, c := range s.collections {
		if c.name == name {
			return c, nil
		}
	}
	return nil, notFound{fmt.Errorf("no folder %q is served", name)}
}

// browseIndex answers with the list of collections.
func (s *Server) browseIndex(w http.ResponseWriter, r *http.Request) {
	for _, c := range s.collections {
		if len(c.entries) > 0 {
			http.Redirect(w, r, c.url(filter{}), http.StatusSeeOther)
			return
		}
	}
	s.render(w, http.StatusOK, "browse", browsePage{Title: "Browse", Status: "No folder is given to browse. Start the server with --images DIR, or --results DIR of oscar explain."})
}

// browse answers with a page of a collection.
func (s *Server) browse(w http.ResponseWriter, r *http.Request) {
	c, err := s.collection(r.PathValue("name"))
	if err != nil {
		fail(w, err)
		return
	}
	f := filterOf(r.URL.Query())
	entries, done := c.list()
	shown := f.apply(entries)
	p := browsePage{Title: "Browse", Name: c.name, Filter: f, Shown: len(shown), Total: len(entries), Done: done}
	for _, other := range s.collections {
		if len(other.entries) > 0 {
			p.Collections = append(p.Collections, link{other.url(filter{}), other.name, "", other == c})
		}
	}
	p.CSV = "/browse/" + url.PathEscape(c.name) + "/list.csv?" + f.query()
	p.choices(entries)
	p.Matrix = c.confusion(entries, f)
	p.Scatter = c.scatter(entries, f)
	pages := max(1, (len(shown)+perPage-1)/perPage)
	f.Page = min(f.Page, pages)
	first := (f.Page - 1) * perPage
	shown = shown[min(first, len(shown)):min(first+perPage, len(shown))]
	p.First, p.Last = first+1, first+len(shown)
	for _, i := range shown {
		p.Cells = append(p.Cells, c.cell(i, entries[i]))
	}
	if f.Page > 1 {
		before := f
		before.Page--
		p.Previous = c.url(before)
	}
	if f.Page < pages {
		after := f
		after.Page++
		p.Next = c.url(after)
	}
	if c.images && done < len(entries) {
		p.Status = fmt.Sprintf("%d of %d pictures are classified so far.", done, len(entries))
	}
	if f.err != nil {
		p.Status = f.err.Error()
	}
	s.render(w, http.StatusOK, "browse", p)
}

// choices fills the filter's lists with the values of the entries.
func (p *browsePage) choices(entries []entry) {
	list := func(chosen string, of func(entry) string) []choice {
		out := []choice{{"", "all", chosen == ""}}
		for _, v := range values(entries, of) {
			out = append(out, choice{v, v, v == chosen})
		}
		return out
	}
	f := p.Filter
	p.Truths = list(f.Truth, func(e entry) string { return e.Truth })
	p.Predictions = list(f.Predicted, func(e entry) string { return e.Predicted })
	p.Parts = list(f.Part, func(e entry) string { return e.Part })
	p.Statuses = list(f.Status, func(e entry) string { return e.Status })
	p.Methods = list(f.Method, func(e entry) string { return e.Method })
	p.Answers = []choice{{"", "all", f.Answer == ""}, {answerRight, "right", f.Answer == answerRight}, {answerWrong, "wrong", f.Answer == answerWrong}}
	p.Sortings = []choice{{"", "name", f.Sort == ""}, {sortSure, "most confident first", f.Sort == sortSure}, {sortUnsure, "least confident first", f.Sort == sortUnsure}}
	if p.Borders = slices.ContainsFunc(entries, func(e entry) bool { return !math.IsNaN(e.Border) }); p.Borders {
		p.Sortings = append(p.Sortings, choice{sortBorder, "most heat at the border first", f.Sort == sortBorder}, choice{sortMiddle, "least heat at the border first", f.Sort == sortMiddle})
	}
}

// confusion counts the images whose class and prediction are known. It returns nil if there are
// none, or too many classes.
func (c *collection) confusion(entries []entry, f filter) *confusion {
	counts := map[[2]string]int{}
	totals, parts := map[string]int{}, map[string]int{}
	seen := map[string]bool{}
	for _, e := range entries {
		f := f
		f.Truth, f.Predicted, f.Answer = "", "", ""
		key := cmp.Or(e.sha256, e.File) + e.Name
		if _, known := e.Right(); !known || seen[key] || !f.matches(e) {
			continue
		}
		seen[key] = true
		counts[[2]string{e.Truth, e.Predicted}]++
		totals[e.Truth]++
		parts[e.Part]++
	}
	m := &confusion{Classes: values(entries, func(e entry) string { return e.Truth })}
	for _, class := range values(entries, func(e entry) string { return e.Predicted }) {
		if !slices.Contains(m.Classes, class) {
			m.Classes = append(m.Classes, class)
		}
	}
	if len(counts) == 0 || len(m.Classes) > maxClasses {
		return nil
	}
	m.Note = c.classifier() + countedParts(parts)
	for _, truth := range m.Classes {
		row := confusionRow{Class: truth}
		for _, predicted := range m.Classes {
			n := counts[[2]string{truth, predicted}]
			to := f
			to.Truth, to.Predicted, to.Answer, to.Page = truth, predicted, "", 1
			cell := confusionCell{Count: n, URL: c.url(to), Tone: "faint", Label: fmt.Sprintf("%d pictures of %s predicted as %s", n, truth, predicted)}
			if n > 0 {
				kind := "bad"
				if truth == predicted {
					kind = "good"
				}
				cell.Tone = fmt.Sprintf("%s%d", kind, 1+min(5, 6*n/totals[truth]))
			}
			row.Cells = append(row.Cells, cell)
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// classifier names the model that classified a collection's images; "" for results, whose model the
// server does not know.
func (c *collection) classifier() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		return ""
	}
	return fmt.Sprintf("Classified by the model %s, version %d. ", c.by.name, c.by.number)
}

// countedParts says how many pictures of each part of the split are counted.
func countedParts(parts map[string]int) string {
	var counted []string
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		of := "the part " + part
		if part == "" {
			of = "no part of the split"
		}
		counted = append(counted, fmt.Sprintf("%d of %s", parts[part], of))
	}
	switch trained := parts["train"]; {
	case len(parts) == 1 && parts[""] > 0:
		return "It is not known whether the model was trained on these pictures."
	case trained > 0:
		return "Counted: " + strings.Join(counted, ", ") + ". The model was trained on those of train, which do not show how it does on new pictures."
	}
	return "Counted: " + strings.Join(counted, ", ") + "."
}

// cell returns the grid's cell of entry i.
func (c *collection) cell(i int, e entry) cell {
	out := cell{Thumb: fmt.Sprintf("/thumb/%s/%d", url.PathEscape(c.name), i), Name: e.Name}
	switch {
	case e.Predicted != "":
		out.Title = fmt.Sprintf("%s %.2f", e.Predicted, e.Probability)
	default:
		out.Title = e.Status
	}
	if right, known := e.Right(); known && !right {
		out.Wrong, out.Note = true, "wrong: it is "+e.Truth
	} else if known {
		out.Note = "right"
	}
	if !math.IsNaN(e.Border) {
		out.Note = strings.TrimPrefix(fmt.Sprintf("%s; %.0f %% of the heat at the border", out.Note, 100*e.Border), "; ")
	}
	if e.Method != "" {
		out.Note = strings.TrimPrefix(out.Note+"; "+e.Method+" "+e.Layer+" for "+e.Target, "; ")
		if e.Status != string(explain.OK) {
			out.Note += ", " + e.Status
		}
	}
	v := view{Picture: e.Picture}
	if c.images {
		v.Picture = c.name + "/" + e.File
	}
	switch {
	case v.Picture != "":
		if e.Method != "" {
			v.Method, v.Class = e.Method, e.Target
			if e.Layer != explain.Image {
				v.Layer = e.Layer
			}
		}
		out.URL = v.URL("/")
	case e.Overlay != "":
		out.URL = fmt.Sprintf("/file/%s/%d/overlay", url.PathEscape(c.name), i)
	}
	return out
}
