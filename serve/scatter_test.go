package serve

import (
	"encoding/csv"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

// Each classified picture is a point; a region leaves those within it, in the grid and
// in the list.
func TestScatter(t *testing.T) {
	s := browsing(t)
	c := s.collections[0]
	entries, _ := c.list()
	_, page := s.get("/browse/images")
	circles := regexp.MustCompile(`<circle cx="([0-9.]+)" cy="([0-9.]+)" r="1" class="c(\d)" data-url="/[?]picture=images`).FindAllStringSubmatch(page, -1)
	if len(circles) != len(entries) {
		t.Fatalf("%d points of %d pictures", len(circles), len(entries))
	}
	want := 0
	for _, e := range entries {
		if !(e.X >= -1e-9 && e.X <= 100+1e-9 && e.Y >= -1e-9 && e.Y <= 100+1e-9) || !(e.Border >= 0 && e.Border <= 1) {
			t.Errorf("%s is at %v, %v with a border share of %v", e.Name, e.X, e.Y, e.Border)
		}
		if e.X < 50 {
			want++
		}
		if e.Part == "" {
			t.Errorf("%s is of no part, but it is of the model's run", e.Name)
		}
	}
	if want == 0 || want == len(entries) {
		t.Fatalf("%d of %d pictures lie on the left", want, len(entries))
	}
	const region = "-10,-10%3B50,110"
	_, page = s.get("/browse/images?region=" + region)
	if n := len(hrefs(t, page, "^/thumb/")); n != want || strings.Count(page, ` faint"`) != len(entries)-want {
		t.Errorf("the region has %d pictures, %d are faint; want %d, %d", n, strings.Count(page, ` faint"`), want, len(entries)-want)
	}
	_, list := s.get(hrefs(t, page, "list.csv")[0])
	if lines, err := csv.NewReader(strings.NewReader(list)).ReadAll(); err != nil || len(lines) != want+1 {
		t.Errorf("the list has %d lines, %v", len(lines), err)
	}
	if status, page := s.get("/browse/images?region=nonsense"); status != 200 || !strings.Contains(page, "want X,Y in percent") {
		t.Errorf("a wrong region: %d", status)
	}
	// Sorted by the share of heat at the border.
	for _, order := range []struct {
		sort string
		sign float64
	}{{"border", -1}, {"middle", 1}} {
		_, list := s.get("/browse/images/list.csv?sort=" + order.sort)
		lines, err := csv.NewReader(strings.NewReader(list)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		last := math.Inf(-1)
		for _, line := range lines[1:] {
			var v float64
			if _, err := fmt.Sscan(line[len(line)-1], &v); err != nil || order.sign*v < last {
				t.Errorf("%s: %v after %v (%v)", order.sort, v, order.sign*last, err)
			}
			last = order.sign * v
		}
	}
}

// A picture's nearest pictures are those of the smallest cosine distance, without itself.
func TestNearest(t *testing.T) {
	s := browsing(t)
	entries, _ := s.collections[0].list()
	self := entries[7]
	best, distance := "", math.Inf(1)
	for _, e := range entries {
		if e.Name == self.Name {
			continue
		}
		product := 0.0
		for k := range e.features {
			product += float64(e.features[k]) * float64(self.features[k])
		}
		if 1-product < distance {
			best, distance = e.Name, 1-product
		}
	}
	_, page := s.get("/?picture=images/" + self.File)
	_, section, ok := strings.Cut(page, "Nearest pictures in images")
	if !ok {
		t.Fatal("the page has no nearest pictures")
	}
	alts := regexp.MustCompile(`alt="([^"]+)"`).FindAllStringSubmatch(section, -1)
	if len(alts) != maxNeighbors || alts[0][1] != best || strings.Contains(section, `alt="`+self.Name+`"`) {
		t.Errorf("nearest to %s: %v, want %s first", self.Name, alts, best)
	}
}
