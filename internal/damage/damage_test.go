package damage

import (
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/testkit"
)

// Every kind of damage of every file changes something, and is put back by a copy;
// the same seed does the same.
func TestTries(t *testing.T) {
	whole := t.TempDir()
	for _, name := range []string{"a", "b", "in/c"} {
		testkit.Write(t, filepath.Join(whole, name), "the text of "+name)
	}
	testkit.Write(t, filepath.Join(whole, "free"), "")
	take := func(name string) bool { return name != "free" }
	before := testkit.Tree(t, whole)
	seen := map[Kind]int{}
	list, err := Tries(whole, 1, take)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		dir := testkit.CopyDir(t, whole)
		same, err := Tries(dir, 1, take)
		if err != nil {
			t.Fatal(err)
		}
		if try := same[i]; try.String() != list[i].String() {
			t.Errorf("%s, not %s by the same seed", try, list[i])
		}
		if changed, err := same[i].Apply(); err != nil || !changed {
			t.Errorf("%s: %v, %v", list[i], changed, err)
		}
		if after := testkit.Tree(t, dir); after[list[i].File] == before[list[i].File] && list[i].Kind != Loss {
			t.Errorf("%s changes nothing", list[i])
		}
		seen[list[i].Kind]++
	}
	for _, kind := range kinds {
		if seen[kind] == 0 && !slices.ContainsFunc(list, func(t Try) bool { return t.Kind == kind }) {
			t.Errorf("no try is a %s", kind)
		}
	}
}
