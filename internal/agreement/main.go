package agreement

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/machine"
)

// Page is where the lines are written, below the module's folder.
const Page = "docs/correctness.md"

// Main runs a package's tests. Where all of them ran, it then fails unless the
// page has exactly the lines they wrote, but for the differences. needs are
// environment variables without which some tests skip themselves.
func Main(m *testing.M, needs ...string) {
	flag.Parse()
	code := m.Run()
	if code == 0 && all(needs) {
		if problems := stale(); len(problems) > 0 {
			for _, p := range problems {
				fmt.Fprintln(os.Stderr, p)
			}
			fmt.Fprintf(os.Stderr, "%s is not what the tests say: run make correctness\n", Page)
			code = 1
		}
	}
	os.Exit(code)
}

// all says whether no test was left out.
func all(needs []string) bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	missing := func(name string) bool { return os.Getenv(name) == "" }
	// With Folder set the page is about to be written.
	return !testing.Short() && !slices.ContainsFunc(needs, missing) && os.Getenv(Folder) == ""
}

// stale says how this package's lines of the page differ from those written.
func stale() []string {
	top, err := Root()
	if err != nil {
		return []string{err.Error()}
	}
	name, err := test()
	if err != nil {
		return []string{err.Error()}
	}
	text, err := os.ReadFile(filepath.Join(top, Page))
	if err != nil {
		return []string{err.Error()}
	}
	lines, err := Parse(string(text))
	if err != nil {
		return []string{err.Error()}
	}
	return differences(lines, written.lines, name)
}

// differences says which lines of a package one side lacks.
func differences(page, written []Line, name string) []string {
	there := map[Line]bool{}
	for _, l := range page {
		if l.Test == name && (l.Group != BFloat16 || machine.HasBFloat16()) {
			l.Difference = 0
			there[l] = true
		}
	}
	var problems []string
	for _, l := range merge(written) {
		l.Difference = 0
		if !there[l] {
			problems = append(problems, fmt.Sprintf("the page lacks %s, %s, against %s", l.title(), l.Compared, l.Oracle))
		}
		delete(there, l)
	}
	for l := range there {
		problems = append(problems, fmt.Sprintf("no test writes any more %s, %s, against %s", l.title(), l.Compared, l.Oracle))
	}
	slices.Sort(problems)
	return problems
}
