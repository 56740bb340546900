package serve

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// filter selects and sorts the entries of a page.
type filter struct {
	Truth, Predicted, Part, Answer, Status, Method string
	Region                                         string // of the scatter, see [regionOf]
	Probability                                    bounds // of the predicted class
	Border                                         bounds // of the share of heat at the border
	Sort                                           string
	Page                                           int

	within region
	err    error // of an invalid region or bound, with which no entry is selected
}

// bounds are the minimum and maximum of selected values, as text in percent. "" is no bound.
type bounds struct {
	From, To string

	least, most float64
}

// The choices of [filter.Answer] and [filter.Sort].
const (
	answerRight = "right"
	answerWrong = "wrong"
	sortSure    = "sure"
	sortUnsure  = "unsure"
	sortBorder  = "border"
	sortMiddle  = "middle"
)

// keys are the parameters of a filter in a URL, without the page.
func (f *filter) keys() map[string]*string {
	return map[string]*string{
		"truth": &f.Truth, "predicted": &f.Predicted, "part": &f.Part, "answer": &f.Answer, "status": &f.Status, "method": &f.Method,
		"region": &f.Region, "sort": &f.Sort,
		"from": &f.Probability.From, "to": &f.Probability.To, "border_from": &f.Border.From, "border_to": &f.Border.To,
	}
}

// filterParameters are the parameters of a filter, with the page.
func filterParameters() []string {
	return append(slices.Sorted(maps.Keys(new(filter).keys())), "page")
}

// filterOf reads the filter of a URL.
func filterOf(q url.Values) filter {
	f := filter{Page: 1}
	if page, err := strconv.Atoi(q.Get("page")); err == nil && page > 1 {
		f.Page = page
	}
	for key, value := range f.keys() {
		*value = q.Get(key)
	}
	var err error
	f.within, err = regionOf(f.Region)
	f.err = errors.Join(err, f.Probability.read("probability"), f.Border.read("heat at the border"))
	return f
}

// query returns the filter as the query of a URL.
func (f filter) query() string {
	q := url.Values{}
	for key, value := range f.keys() {
		if *value != "" {
			q.Set(key, *value)
		}
	}
	if f.Page > 1 {
		q.Set("page", strconv.Itoa(f.Page))
	}
	return q.Encode()
}

// read reads the numbers of both bounds.
func (b *bounds) read(what string) error {
	b.least, b.most = math.Inf(-1), math.Inf(1)
	for _, end := range []struct {
		text string
		to   *float64
	}{{b.From, &b.least}, {b.To, &b.most}} {
		if end.text == "" {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(end.text), 64)
		if err != nil || math.IsNaN(v) {
			return fmt.Errorf("the bound of the %s is %q, want percent, as 40", what, end.text)
		}
		*end.to = v / 100
	}
	return nil
}

// hold reports whether a value lies within the bounds. An unknown value does if there is no bound.
func (b bounds) hold(v float64) bool {
	if b.From == "" && b.To == "" {
		return true
	}
	return b.least <= v && v <= b.most
}

// probability returns the probability of the predicted class; NaN if it is unknown.
func (e entry) probability() float64 {
	if e.Predicted == "" {
		return math.NaN()
	}
	return float64(e.Probability)
}

// matches reports whether an entry is selected.
func (f filter) matches(e entry) bool {
	if f.err != nil {
		return false
	}
	for _, pair := range [][2]string{{f.Truth, e.Truth}, {f.Predicted, e.Predicted}, {f.Part, e.Part}, {f.Status, e.Status}, {f.Method, e.Method}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	if !f.Probability.hold(e.probability()) || !f.Border.hold(e.Border) || f.Region != "" && !f.within.holds(e.X, e.Y) {
		return false
	}
	right, known := e.Right()
	return f.Answer == "" || known && right == (f.Answer == answerRight)
}

// apply returns the indices of the selected entries in the filter's order.
func (f filter) apply(entries []entry) []int {
	var out []int
	for i, e := range entries {
		if f.matches(e) {
			out = append(out, i)
		}
	}
	// by sorts by a number. Entries without the number come last.
	by := func(number func(entry) float64, sign float64) {
		slices.SortStableFunc(out, func(i, k int) int {
			a, b := number(entries[i]), number(entries[k])
			if math.IsNaN(a) || math.IsNaN(b) {
				return cmp.Compare(b, a)
			}
			return cmp.Compare(sign*a, sign*b)
		})
	}
	border := func(e entry) float64 { return e.Border }
	switch f.Sort {
	case sortSure:
		by(entry.probability, -1)
	case sortUnsure:
		by(entry.probability, 1)
	case sortBorder:
		by(border, -1)
	case sortMiddle:
		by(border, 1)
	}
	return out
}
