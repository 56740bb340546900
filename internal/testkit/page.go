package testkit

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// UpdateRows writes rows into the table of a Markdown page between the lines "<!-- SECTION -->" and
// "<!-- end of SECTION -->". The first keys cells of a row are its name. A row of the same name is
// replaced; the others stay. Each row gets two more cells: the commit and the date. If the last row
// is named "all", it gets the sums.
func UpdateRows(t *testing.T, page, section string, keys int, rows [][]string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, inner, after, ok := cutSection(string(b), section)
	if !ok {
		t.Fatalf("%s has no section %s", page, section)
	}
	table := slices.DeleteFunc(strings.Split(inner, "\n"), func(line string) bool { return !strings.HasPrefix(line, "|") })
	if len(table) < 2 {
		t.Fatalf("the section %s of %s has no head of a table", section, page)
	}
	var now [][]string
	for _, line := range table[2:] {
		now = append(now, cells(line))
	}
	sums := len(now) > 0 && now[len(now)-1][0] == "all"
	if sums {
		now = now[:len(now)-1]
	}
	stamp := []string{commit(), time.Now().UTC().Format("2006-01-02")}
	for _, row := range rows {
		name := row[:keys]
		row = slices.Concat(row, stamp)
		if i := slices.IndexFunc(now, func(r []string) bool { return slices.Equal(r[:keys], name) }); i >= 0 {
			now[i] = row
		} else {
			now = append(now, row)
		}
	}
	if sums {
		now = append(now, sum(now))
	}
	text := strings.Join(table[:2], "\n") + "\n"
	for _, row := range now {
		text += "| " + strings.Join(row, " | ") + " |\n"
	}
	if err := os.WriteFile(page, []byte(before+text+after), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Rows returns the cells of the table's rows of a section of a page.
func Rows(t *testing.T, page, section string) (rows [][]string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, inner, _, ok := cutSection(string(b), section)
	if !ok {
		t.Fatalf("%s has no section %s", page, section)
	}
	for line := range strings.Lines(inner) {
		if strings.HasPrefix(line, "|") {
			rows = append(rows, cells(line))
		}
	}
	if len(rows) < 3 {
		t.Fatalf("the table of the section %s of %s has no rows", section, page)
	}
	return rows[2:]
}

func cutSection(text, section string) (before, inner, after string, ok bool) {
	begin, end := "<!-- "+section+" -->\n", "<!-- end of "+section+" -->"
	before, rest, found := strings.Cut(text, begin)
	inner, after, closed := strings.Cut(rest, end)
	return before + begin, inner, end + after, found && closed
}

func cells(line string) (out []string) {
	for cell := range strings.SplitSeq(strings.Trim(strings.TrimSpace(line), "|"), "|") {
		out = append(out, strings.TrimSpace(cell))
	}
	return out
}

// sum adds up the columns that have numbers in all rows. Other columns, and the stamp, stay empty.
func sum(rows [][]string) []string {
	out := make([]string, len(rows[0]))
	out[0] = "all"
	for column := 1; column < len(out)-2; column++ {
		total, ok := 0, true
		for _, row := range rows {
			n, err := strconv.Atoi(row[column])
			total, ok = total+n, ok && err == nil
		}
		if ok {
			out[column] = strconv.Itoa(total)
		}
	}
	return out
}

// commit returns the version of the source, with a + if Go files differ from it.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=7", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if exec.Command("git", "diff", "--quiet", "HEAD", "--", ":/*.go").Run() != nil {
		name += "+"
	}
	return name
}
