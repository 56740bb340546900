package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/metric"
	"oscar/result"
)

// Images of unknown class and those without a finite prediction are left out, and so are
// classes that no image has.
func TestClassCurves(t *testing.T) {
	e := &Evaluation{Confusion: metric.NewConfusion([]string{"box", "=can", "tray"}), Classifications: []result.Classification{
		{Truth: "box", Probabilities: []float32{0.75, 0.25, 0}},
		{Truth: "box", Probabilities: []float32{0.25, 0.75, 0}},
		{Truth: "=can", Probabilities: []float32{0.5, 0.5, 0}},
		{Probabilities: []float32{0, 0, 1}},
		{Truth: "tray"},
	}}
	curves, err := NewClassCurves(e)
	if err != nil {
		t.Fatal(err)
	}
	if curves.Macro != 0.5 || !slices.Equal(curves.Absent, []string{"tray"}) {
		t.Errorf("mean %v, without %v", curves.Macro, curves.Absent)
	}
	file := filepath.Join(t.TempDir(), "roc.csv")
	if err := curves.Write(file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = `class,auc,threshold,false_positive_rate,true_positive_rate
box,0.5,inf,0,0
box,0.5,0.75,0,0.5
box,0.5,0.5,1,0.5
box,0.5,0.25,1,1
'=can,0.5,inf,0,0
'=can,0.5,0.75,0.5,0
'=can,0.5,0.5,0.5,1
'=can,0.5,0.25,1,1
`
	if string(b) != want {
		t.Errorf("got\n%swant\n%s", b, want)
	}
	several := &Evaluation{Confusion: e.Confusion, MultiLabel: &result.MultiLabel{}, Classifications: []result.Classification{
		{Labels: []string{"box", "tray"}, Probabilities: []float32{0.9, 0.1, 0.8}},
		{Labels: []string{"=can"}, Probabilities: []float32{0.1, 0.9, 0.7}},
		{Probabilities: []float32{0.2, 0.3, 0.9}}, // no label
	}}
	if curves, err = NewClassCurves(several); err != nil || curves.Macro != (1+1+0.5)/3 {
		t.Errorf("several labels: %+v, %v", curves, err)
	}
	if _, err = NewClassCurves(&Evaluation{Confusion: e.Confusion}); err == nil || !strings.HasPrefix(err.Error(), "no ROC curve") {
		t.Errorf("without an image: %v", err)
	}
}
