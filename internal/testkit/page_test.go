package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUpdateRows(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	head := "text\n<!-- pairs -->\n| verb | fault | pairs | commit | date |\n|---|---|---|---|---|\n"
	Write(t, page, head+"| a | x | 1 | old | old |\n| b | y | 2 | old | old |\n| all | | 3 | | |\n<!-- end of pairs -->\nmore")
	UpdateRows(t, page, "pairs", 2, [][]string{{"b", "y", "7"}, {"b", "z", "5"}})
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rows := Rows(t, page, "pairs")
	stamp := strings.Join(rows[1][3:], " | ")
	want := head + "| a | x | 1 | old | old |\n| b | y | 7 | " + stamp + " |\n| b | z | 5 | " + stamp + " |\n| all |  | 13 |  |  |\n<!-- end of pairs -->\nmore"
	if string(b) != want || len(rows) != 4 || len(rows[1][3]) < 7 {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}
