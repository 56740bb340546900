package arch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// british are words whose American spelling the repository uses. A few words stand for all: who
// writes one of them this way writes the others this way, too.
var british = []string{
	"colour", "grey", "neighbour", "behaviour", "favour", "centre", "cancelled", "normalis", "localis", "randomis", "optimise", "recognis", "initialis",
}

// The texts of the repository are in American spelling, as those of Keras and Go, so that a search
// finds a word everywhere. Recorded results and the deck's own study keep theirs.
func TestSpellingIsAmerican(t *testing.T) {
	const root = "../.."
	list, err := exec.Command("git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skip("no git repository: ", err)
	}
	seen := 0
	for _, name := range strings.Fields(string(list)) {
		switch filepath.Ext(name) {
		case ".go", ".md", ".txt", ".py", ".js", ".css", ".tmpl":
		default:
			continue
		}
		if name == "internal/arch/spelling_test.go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		seen++
		lower := strings.ReplaceAll(strings.ToLower(string(text)), "no-normalisation", "")
		for _, word := range british {
			if i := strings.Index(lower, word); i >= 0 {
				t.Errorf("%s:%d: %q is not American spelling", name, 1+strings.Count(lower[:i], "\n"), word)
			}
		}
	}
	if seen < 500 {
		t.Errorf("found %d files only", seen)
	}
}
