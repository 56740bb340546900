package metric_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"oscar/metric"
)

func count(t *testing.T, classes []string, pairs ...[2]int) *metric.Confusion {
	t.Helper()
	c := metric.NewConfusion(classes)
	for _, p := range pairs {
		if err := c.Add(p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Of 3 glass 2 are right and 1 is called metal; of 2 metal 1 is right and 1 is
// called glass; nothing is or is called trash.
//
//	glass: precision 2/3, recall 2/3, F1 2/3
//	metal: precision 1/2, recall 1/2, F1 1/2
//	macro F1 = (2/3 + 1/2 + 0)/3 = 7/18
func TestByHand(t *testing.T) {
	c := count(t, []string{"glass", "metal", "trash"}, [2]int{0, 0}, [2]int{0, 0}, [2]int{0, 1}, [2]int{1, 1}, [2]int{1, 0})
	if want := [][]int{{2, 1, 0}, {1, 1, 0}, {0, 0, 0}}; !reflect.DeepEqual(c.Counts, want) {
		t.Errorf("counts %v, want %v: rows are true classes", c.Counts, want)
	}
	if c.Total() != 5 || c.Correct() != 3 || c.Accuracy() != 0.6 {
		t.Errorf("%d of %d right, accuracy %v; want 3 of 5, 0.6", c.Correct(), c.Total(), c.Accuracy())
	}
	want := []metric.ClassScores{
		{Class: "glass", Precision: 2. / 3, Recall: 2. / 3, F1: 2. / 3, Support: 3},
		{Class: "metal", Precision: 0.5, Recall: 0.5, F1: 0.5, Support: 2},
		{Class: "trash"},
	}
	if got := c.PerClass(); !reflect.DeepEqual(got, want) {
		t.Errorf("scores %+v\nwant   %+v", got, want)
	}
	if got := c.MacroF1(); !near(got, 7./18, 1e-15) {
		t.Errorf("macro F1 %v, want 7/18", got)
	}
}

// A true class of glass, called metal, is in glass's row.
func TestRowIsTrueClass(t *testing.T) {
	c := count(t, []string{"glass", "metal"}, [2]int{0, 1})
	scores := c.PerClass()
	if scores[0].Support != 1 || scores[1].Support != 0 {
		t.Errorf("supports %d, %d; want 1, 0", scores[0].Support, scores[1].Support)
	}
}

func TestNothingCounted(t *testing.T) {
	for _, c := range []*metric.Confusion{metric.NewConfusion(nil), metric.NewConfusion([]string{"glass"}), {}} {
		if c.Accuracy() != 0 || c.MacroF1() != 0 || c.Total() != 0 {
			t.Errorf("classes %v: accuracy %v, macro F1 %v; want 0", c.Classes, c.Accuracy(), c.MacroF1())
		}
		if _, err := json.Marshal(c.PerClass()); err != nil {
			t.Error(err)
		}
	}
}

func TestMerge(t *testing.T) {
	classes := []string{"glass", "metal"}
	a := count(t, classes, [2]int{0, 0}, [2]int{1, 0})
	b := count(t, classes, [2]int{1, 0}, [2]int{1, 1})
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	whole := count(t, classes, [2]int{0, 0}, [2]int{1, 0}, [2]int{1, 0}, [2]int{1, 1})
	if !reflect.DeepEqual(a, whole) {
		t.Errorf("merged %v, want what one pass gives, %v", a, whole)
	}
	if b.Total() != 2 {
		t.Error("Merge changed its argument")
	}
	err := a.Merge(metric.NewConfusion([]string{"metal", "glass"}))
	if err == nil || err.Error() != `confusion: cannot merge classes ["metal" "glass"] into ["glass" "metal"]; want the same in the same order` {
		t.Errorf("error %v", err)
	}
}

func TestAddRefuses(t *testing.T) {
	c := metric.NewConfusion([]string{"glass", "metal"})
	for _, pair := range [][2]int{{-1, 0}, {0, 2}} {
		err := c.Add(pair[0], pair[1])
		if err == nil || !strings.Contains(err.Error(), "have 0 to 1") {
			t.Errorf("Add(%v): error %v", pair, err)
		}
	}
	if c.Total() != 0 {
		t.Error("a refused image was counted")
	}
}

func TestClassesAreCopied(t *testing.T) {
	classes := []string{"glass", "metal"}
	c := metric.NewConfusion(classes)
	classes[0] = "paper"
	if c.Classes[0] != "glass" {
		t.Error("the confusion shares its caller's classes")
	}
}

func TestJSON(t *testing.T) {
	c := count(t, []string{"glass", "metal"}, [2]int{0, 1})
	data, err := json.Marshal(c)
	if want := `{"classes":["glass","metal"],"counts":[[0,1],[0,0]]}`; err != nil || string(data) != want {
		t.Errorf("%s, %v; want %s", data, err, want)
	}
	var again metric.Confusion
	if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(&again, c) {
		t.Errorf("round trip gave %v, %v", again, err)
	}
}
