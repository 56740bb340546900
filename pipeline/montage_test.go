package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/metric"
	"oscar/result"
)

// A picture's caption is what it is, never what the model takes it for; one of a
// known class goes before one of none, and what is right before what is not.
func TestMontageCaptions(t *testing.T) {
	row := func(image, predicted, status string) Row {
		return Row{Image: image, Predicted: predicted, Target: predicted, Status: status}
	}
	classes := []string{"box", "can", "tray"}
	m := newMontage()
	for _, r := range []Row{
		row("x/holiday.jpg", "box", "ok"), row("in/box/1.png", "can", "ok"), row("in/box/2.png", "box", "ok"), row("in/box/3.png", "box", "ok"),
		row("in/can/1.png", "box", "ok"), row("x/can.jpg", "can", "ok"), row("in/can/2.png", "can", "empty"),
		row("x/bin.jpg", "tray", "ok"), row("x/pot.jpg", "tray", "ok"),
	} {
		if class := result.ClassOf(r.Image, classes); class >= 0 {
			r.Truth = classes[class]
		}
		m.consider(r)
	}
	got := map[string]string{}
	for class, r := range m.rows {
		got[class] = r.Image + ": " + m.caption(r)
	}
	want := map[string]string{"box": "in/box/2.png: box", "can": "in/can/1.png: can", "tray": "x/bin.jpg: bin.jpg, class unknown"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A montage of many classes has some of them, from the whole list and each once.
func TestMontageOfManyClasses(t *testing.T) {
	for _, n := range []int{0, 1, metric.MostClasses, metric.MostClasses + 1, 300} {
		m := newMontage()
		for i := range n {
			name := fmt.Sprintf("c%03d", i)
			m.consider(Row{Truth: name, Predicted: name, Target: name, Status: "ok"})
		}
		got := m.classes()
		if len(got) != min(n, metric.MostClasses) || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%d classes: %v", n, got)
		}
		if n == 300 && (got[0] != "c000" || got[1] != "c012" || got[23] != "c287") {
			t.Errorf("%v", got)
		}
	}
}
