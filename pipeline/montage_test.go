package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"

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
