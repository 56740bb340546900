package global

import (
	"strings"
	"testing"
)

// A strategy of the maps of all classes is named after the class that most of them
// are predicted as.
func TestStrategyFeatures(t *testing.T) {
	classes := []string{"box", "can"}
	images := []Image{{Predicted: 1}, {Predicted: 0}, {Predicted: 1}, {Predicted: 1}, {Predicted: 0}}
	var names []string
	for _, f := range strategyFeatures(&Strategies{K: 2, Clusters: []Strategy{{Size: 4, Central: []int{3, 1, 0, 2}}, {Size: 1, Central: []int{4}}}}, images, classes) {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, ", "); got != "like strategy 1 (75 % can), like strategy 2 (100 % box)" {
		t.Error(got)
	}
	if f := strategyFeatures(&Strategies{K: 1, Clusters: []Strategy{{Size: 5, Central: []int{0, 1, 2, 3, 4}}}}, images, classes); f != nil {
		t.Errorf("one strategy gives the features %v", f)
	}
}

// The notes say which maps the strategies are of where the tree asks for one.
func TestSurrogateNotes(t *testing.T) {
	s := &Surrogate{Tree: &Tree{Features: []Feature{{Name: "hue", Unit: "degrees"}, {Name: "like strategy 1 (75 % can)", Unit: YesOrNo}}, Importances: []float64{1, 0}}}
	if got := s.notes(); got != s.summary() {
		t.Errorf("a tree that asks for the hue alone has the notes %q", got)
	}
	s.Tree.Importances = []float64{0.5, 0.5}
	if _, second, _ := strings.Cut(s.notes(), "\n"); !strings.Contains(second, "all classes together") {
		t.Errorf("the notes are %q", s.notes())
	}
}
