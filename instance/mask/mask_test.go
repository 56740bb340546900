package mask_test

import (
	"encoding/json"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"oscar/instance/mask"
	"oscar/internal/agreement"
)

// As oracles/instances/make.py says.
const pycocotools = "pycocotools 2.0.11"

type oracle struct {
	Polygons []struct {
		Height, Width int
		Corners       []float64
		Runs          string
	}
	Pairs []struct {
		Height, Width int
		A, B          string
		Crowd         bool
		Area          int
		Box           mask.Box
		IoU, BoxIoU   float64
	}
}

func load(t *testing.T) (o oracle) {
	t.Helper()
	b, err := os.ReadFile("../../oracles/instances/testdata/masks.json")
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	if err != nil || len(o.Polygons) < 500 || len(o.Pairs) < 500 {
		t.Fatal(err, len(o.Polygons), len(o.Pairs))
	}
	return o
}

func agree(t *testing.T, what, compared string, difference float64) {
	t.Helper()
	agreement.Check(t, agreement.Line{Group: agreement.Instances, Subject: what, Oracle: pycocotools, Compared: compared, Difference: difference})
}

func TestAsPycocotools(t *testing.T) {
	o := load(t)
	other := 0.0
	for i, p := range o.Polygons {
		m, err := mask.Fill(p.Height, p.Width, p.Corners)
		if err != nil {
			t.Fatal(err)
		}
		if m.Text() != p.Runs {
			other++
			t.Logf("polygon %d, %v in %dx%d: %s, want %s", i, p.Corners, p.Height, p.Width, m.Text(), p.Runs)
		}
	}
	agree(t, "polygon", "masks that differ, of 500", other)
	var text, area, box, iou, boxIoU float64
	for _, p := range o.Pairs {
		a, errA := mask.Parse(p.Height, p.Width, p.A)
		b, errB := mask.Parse(p.Height, p.Width, p.B)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.Text() != p.A || b.Text() != p.B || mask.Encode(p.Height, p.Width, a.Pixels()).Text() != p.A {
			text++
		}
		area = max(area, math.Abs(float64(a.Area()-p.Area)))
		if a.Box() != p.Box {
			box++
		}
		iou = max(iou, math.Abs(mask.IoU(a, b, p.Crowd)-p.IoU))
		boxIoU = max(boxIoU, math.Abs(mask.BoxIoU(a.Box(), b.Box(), p.Crowd)-p.BoxIoU))
	}
	agree(t, "run lengths", "texts that differ, of 500", text)
	agree(t, "run lengths", "area", area)
	agree(t, "run lengths", "boxes that differ, of 500", box)
	agree(t, "IoU of masks", "value", iou)
	agree(t, "IoU of boxes", "value", boxIoU)
}

// Every operation on runs, pixel by pixel.
func TestPixelByPixel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		h, w := 1+r.IntN(12), 1+r.IntN(12)
		draw := func() []uint8 {
			out := make([]uint8, h*w)
			for i := range out {
				out[i] = uint8(r.IntN(2))
			}
			return out
		}
		x, y := draw(), draw()
		a, b := mask.Encode(h, w, x), mask.Encode(h, w, y)
		either, only := make([]uint8, h*w), make([]uint8, h*w)
		both, union := 0, 0
		for i := range x {
			either[i], only[i] = x[i]|y[i], x[i]&^y[i]
			both, union = both+int(x[i]&y[i]), union+int(either[i])
		}
		if got := mask.Union(a, b); !slices.Equal(got.Pixels(), either) || !got.Equal(mask.Encode(h, w, either)) || got.Area() != union {
			t.Fatalf("union of %v and %v: %v", x, y, got.Pixels())
		}
		if got := mask.Minus(a, b); !got.Equal(mask.Encode(h, w, only)) {
			t.Fatalf("%v minus %v: %v", x, y, got.Pixels())
		}
		want := 0.0
		if both > 0 {
			want = float64(both) / float64(union)
		}
		if got := mask.IoU(a, b, false); got != want {
			t.Fatalf("IoU %g, want %g", got, want)
		}
		if back, err := mask.Parse(h, w, a.Text()); err != nil || !back.Equal(a) {
			t.Fatalf("%q: %v %v", a.Text(), back, err)
		}
	}
}

// By hand: 2 rows of 3 pixels, the object is the right column and the middle's lower pixel.
func TestByHand(t *testing.T) {
	m := mask.Encode(2, 3, []uint8{
		0, 0, 1,
		0, 1, 1,
	})
	if !slices.Equal(m.Counts, []uint32{3, 3}) || m.Text() != "33" || m.Area() != 3 || m.Box() != (mask.Box{1, 0, 2, 2}) {
		t.Errorf("%v %q %d %v", m.Counts, m.Text(), m.Area(), m.Box())
	}
	merged, err := mask.FromCounts(2, 3, []uint32{1, 0, 2, 1, 0, 2})
	if err != nil || !merged.Equal(m) {
		t.Errorf("%v %v", merged, err)
	}
}

func TestWrongMasks(t *testing.T) {
	for name, f := range map[string]func() error{
		"sum":       func() error { _, err := mask.FromCounts(2, 2, []uint32{1, 2}); return err },
		"overflow":  func() error { _, err := mask.FromCounts(1, 2, []uint32{1<<32 - 1, 3}); return err },
		"no pixels": func() error { _, err := mask.FromCounts(0, 5, nil); return err },
		"huge":      func() error { _, err := mask.Fill(1<<40, 1<<40, make([]float64, 6)); return err },
		"corners":   func() error { _, err := mask.Fill(4, 4, make([]float64, 5)); return err },
		"NaN":       func() error { _, err := mask.Fill(4, 4, []float64{0, 0, math.NaN(), 1, 2, 2}); return err },
		"far":       func() error { _, err := mask.Fill(4, 4, []float64{0, 0, 1e300, 1, 2, 2}); return err },
		"cut":       func() error { _, err := mask.Parse(4, 4, "P"); return err },
		"character": func() error { _, err := mask.Parse(4, 4, "\x00"); return err },
		"long":      func() error { _, err := mask.Parse(4, 4, "ooooooooooooo1"); return err },
		"negative":  func() error { _, err := mask.Parse(4, 4, "O"); return err },
	} {
		if err := f(); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Log(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(2, 3, "33")
	f.Fuzz(func(t *testing.T, h, w int, text string) {
		if h > 64 || w > 64 {
			return
		}
		m, err := mask.Parse(h, w, text)
		if err != nil {
			return
		}
		if again := mask.Encode(h, w, m.Pixels()); !again.Equal(m) {
			t.Errorf("%q becomes %v, then %v", text, m, again)
		}
	})
}

// A part is encoded as the picture in which it lies.
func TestEncodePart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		h, w := 1+r.IntN(12), 1+r.IntN(12)
		part := image.Rect(r.IntN(w+1), r.IntN(h+1), r.IntN(w+1), r.IntN(h+1))
		whole := make([]uint8, h*w)
		var pixels []uint8
		for y := part.Min.Y; y < part.Max.Y; y++ {
			for x := part.Min.X; x < part.Max.X; x++ {
				v := uint8(r.IntN(2))
				whole[y*w+x], pixels = v, append(pixels, v)
			}
		}
		if got, want := mask.EncodePart(h, w, part, pixels), mask.Encode(h, w, whole); !got.Equal(want) {
			t.Fatalf("%v of %d x %d: %v, want %v", part, h, w, got, want)
		}
	}
}
