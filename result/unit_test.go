package result

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseUnit(t *testing.T) {
	whole := `{"format":1,"id":"explain/000000-a","verb":"explain","from":"/data","out":"out","model":"m","number":0,"part":"000000-a.jsonl"}`
	if u, err := ParseUnit([]byte(whole)); err != nil || u.Part != "000000-a.jsonl" || u.From != "/data" {
		t.Errorf("%+v, %v", u, err)
	}
	for _, test := range [][3]string{
		{`"format":1`, `"format":2`, "format 2, want 1"},
		{`"number":0`, `"number":-1`, "number is -1"},
		{`"number":0`, `"number":"0"`, "not a unit: "},
		{`"number":0`, `"number":0,"later":1`, `unknown key "later"`},
		{`"/data"`, `"data"`, "want an absolute path"},
		{`"out":"out"`, `"out":""`, "want id, verb and out"},
		{`000000-a.jsonl`, `../x`, "want the name of a file"},
		{`000000-a.jsonl`, `.lock`, "want the name of a file"},
	} {
		if _, err := ParseUnit([]byte(strings.Replace(whole, test[0], test[1], 1))); err == nil || !strings.Contains(err.Error(), test[2]) {
			t.Errorf("%s: %v", test[1], err)
		}
	}
}

func TestWriteUnits(t *testing.T) {
	dir := t.TempDir()
	write := func(units ...Unit) error {
		return WriteUnits(dir, "/from", func(yield func(Unit, error) bool) {
			for _, u := range units {
				if !yield(u, nil) {
					return
				}
			}
		})
	}
	want := []Unit{{ID: "a", Verb: "explain", Out: "<out>", Images: []string{"1", "2"}}, {ID: "b", Verb: "explain", Out: "out", Number: 1}}
	if err := write(want...); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for u, err := range Units(dir) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, u.ID+u.From+u.Out)
	}
	if !slices.Equal(ids, []string{"a/from<out>", "b/fromout"}) {
		t.Errorf("read %q", ids)
	}
	if err := write(Unit{ID: "a", Verb: "explain", Out: "out", Images: []string{"\xff"}}); err == nil || !strings.Contains(err.Error(), "not valid UTF-8") {
		t.Errorf("a name that JSON cannot hold: %v", err)
	}
	if err := write(want...); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, UnitsFile), 100); err != nil {
		t.Fatal(err)
	}
	for _, err := range Units(dir) {
		if err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("a file that was cut: %v", err)
		}
	}
	// A merge would count the images of a unit twice.
	for name, second := range map[string]Unit{
		"unit a": {ID: "a", Verb: "explain", Out: "out", Part: "2"}, "part 1": {ID: "b", Verb: "explain", Out: "out", Part: "1"},
	} {
		if err := write(Unit{ID: "a", Verb: "explain", Out: "out", Part: "1"}, Unit{ID: "c", Verb: "explain", Out: "out"}, second); err != nil {
			t.Fatal(err)
		}
		var last error
		for _, last = range Units(dir) {
		}
		if want := filepath.Join(dir, UnitsFile) + ": line 3: " + name + " is on line 1 too; plan again"; last == nil || last.Error() != want {
			t.Errorf("%v, want %s", last, want)
		}
	}
	for _, err := range Units(t.TempDir()) {
		if err == nil || errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), `"oscar plan" writes one`) {
			t.Errorf("no units: %v", err)
		}
	}
}
