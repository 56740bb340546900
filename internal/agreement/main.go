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

// Page is the file of the lines, relative to the module's folder.
const Page = "docs/correctness.md"

var atEnd []func()

// AtEnd makes [Main] call a function after the tests. Deferred calls would not run there.
func AtEnd(f func()) { atEnd = append(atEnd, f) }

// Main runs a package's tests. If none was skipped, it fails unless the page has exactly their
// lines, except for the differences. needs are environment variables; without them some tests are
// skipped.
func Main(m *testing.M, needs ...string) {
	flag.Parse()
	code := m.Run()
	for _, f := range atEnd {
		f()
	}
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

// all reports whether no test was skipped.
func all(needs []string) bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	missing := func(name string) bool { return os.Getenv(name) == "" }
	// If Folder is set the page is about to be written.
	return !testing.Short() && !slices.ContainsFunc(needs, missing) && os.Getenv(Folder) == ""
}

// stale describes how the package's lines on the page differ from those of its tests.
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

// differences lists the lines that only the page or only the tests have.
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
