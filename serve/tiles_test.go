package serve

import (
	"fmt"
	"testing"
)

// Of more tiles than the page shows, those from the first to the last are evenly spread, and a text
// says how many there are.
func TestSpread(t *testing.T) {
	for n := range 60 {
		all := make([]tile, n)
		for i := range all {
			all[i].Title = fmt.Sprint(i)
		}
		got, text := spread(all, "layers")
		if want := min(n, maxTiles); len(got) != want {
			t.Fatalf("%d of %d tiles, want %d", len(got), n, want)
		}
		if n == 0 {
			continue
		}
		if got[0] != all[0] || got[len(got)-1] != all[n-1] {
			t.Errorf("%d tiles are %s to %s", n, got[0].Title, got[len(got)-1].Title)
		}
		seen := map[string]bool{}
		for _, x := range got {
			seen[x.Title] = true
		}
		if len(seen) != len(got) {
			t.Errorf("of %d tiles some are shown twice: %v", n, got)
		}
		want := ""
		if n > maxTiles {
			want = fmt.Sprintf("12 of %d layers, evenly spread.", n)
		}
		if text != want {
			t.Errorf("%d tiles: %q, want %q", n, text, want)
		}
	}
}
