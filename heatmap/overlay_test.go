package heatmap

import (
	"bytes"
	"image"
	"slices"
	"strings"
	"sync"
	"testing"

	"oscar/explain"
)

var caption = Options{Title: "glass 0.93", Note: "grad-cam conv5, target glass"}

func with(g explain.Grid) Options {
	o := caption
	o.Heat = g
	return o
}

func TestOverlayGolden(t *testing.T) {
	diverging := with(hill(13, 13))
	diverging.Map, _ = LookupColorMap("rdbu_r")
	diverging.Alpha = 0.6
	golden(t, "landscape", Overlay(photo(160, 120), with(hill(13, 13))))
	golden(t, "portrait", Overlay(photo(90, 150), with(hill(13, 9))))
	golden(t, "tiny", Overlay(photo(60, 40), with(hill(6, 6))))
	golden(t, "diverging", Overlay(photo(160, 120), diverging))
	golden(t, "empty", Overlay(photo(160, 120), with(explain.NewGrid(13, 13))))
}

// Sizes from nothing to large, texts from none to far too long.
func TestOverlayOfAnySize(t *testing.T) {
	long := with(hill(3, 3))
	long.Title = strings.Repeat("Egyptian cat, ", 30)
	long.Note = strings.Repeat("größe → ", 50)
	diverging := with(hill(3, 3))
	diverging.Map, _ = LookupColorMap("seismic")
	sizes := []int{0, 1, 2, 7, 14, 21, 40, 64, 130, 300}
	for _, width := range sizes {
		for _, height := range sizes {
			img := photo(width, height)
			before := bytes.Clone(img.Pix)
			for _, o := range []Options{{}, caption, with(hill(3, 3)), {Heat: hill(3, 3)}, {Heat: hill(3, 3), Note: "note"}, long, diverging} {
				got := Overlay(img, o)
				if got.Rect != image.Rect(0, 0, width, height) {
					t.Fatalf("%dx%d became %v", width, height, got.Rect)
				}
				// The upper part is the photograph's and the map's alone.
				plain := Blend(img, Positive(o.Heat), o.Map, DefaultAlpha)
				if o.Map.Diverging() {
					plain = Blend(gray(img), Signed(o.Heat), o.Map, DefaultSignedAlpha)
				}
				if n := height * 6 / 10 * got.Stride; !bytes.Equal(got.Pix[:n], plain.Pix[:n]) {
					t.Errorf("%dx%d: the legend covers more than its share", width, height)
				}
			}
			if !bytes.Equal(img.Pix, before) {
				t.Fatalf("%dx%d: Overlay changed its image", width, height)
			}
		}
	}
}

// What cannot be read is not drawn as if it could.
func TestNothingToShow(t *testing.T) {
	img := photo(300, 200)
	rdbu, _ := LookupColorMap("rdbu_r")
	for _, test := range []struct {
		options Options
		reason  string
	}{
		{with(explain.Grid{}), "no map"},
		{with(explain.Grid{Height: 2, Width: 2, Values: []float32{1}}), "no map"},
		{with(explain.NewGrid(2, 2)), "empty map"},
		{with(row(-1, -2)), "empty map"},
		{with(row(3, 3)), "constant map"},
		{with(row(nan, 1)), "map not finite"},
		{with(row(inf, 1)), "map not finite"},
		{Options{Heat: row(-1, 2), Faint: true}, "faint map"},
		{Options{Heat: row(-1, -1), Map: rdbu}, "empty map"},
		{Options{Heat: row(0, 0), Map: rdbu}, "empty map"},
		{Options{Heat: row(-1, -2), Map: rdbu}, ""},
		{with(row(-1, 2)), ""},
	} {
		if got := test.options.nothingToShow(); got != test.reason {
			t.Errorf("%v: reason %q, want %q", test.options.Heat, got, test.reason)
		}
		got := Overlay(img, test.options)
		same := bytes.Equal(got.Pix[:100*got.Stride], img.Pix[:100*img.Stride])
		if same != (test.reason != "") {
			t.Errorf("%v: the photograph stays as it is: %v, want %v", test.options.Heat, same, test.reason != "")
		}
		if test.reason != "" && bytes.Equal(got.Pix, img.Pix) {
			t.Errorf("%v: the picture does not say why", test.options.Heat)
		}
	}
	for _, test := range [][2]string{
		{"", "empty map"},
		{"grad-cam conv5", "empty map · grad-cam conv5"},
		{"conv5: empty map", "conv5: empty map"},
	} {
		if got := withReason("empty map", test[0]); got != test[1] {
			t.Errorf("note %q with its reason: %q, want %q", test[0], got, test[1])
		}
	}
}

// The ends of a bar say what its colors mean, whatever the numbers.
func TestBarLabels(t *testing.T) {
	rdbu, _ := LookupColorMap("rdbu_r")
	for _, scale := range []float32{0, 4, 1e9} {
		for _, grid := range []explain.Grid{row(-9, 0.0321), row(0, 18000), row(-1, 9)} {
			if got, want := (Options{Heat: grid, Scale: scale}).bar().labels, []string{"low", "high"}; !slices.Equal(got, want) {
				t.Errorf("%v at %g: %q, want %q", grid.Values, scale, got, want)
			}
			if got, want := (Options{Heat: grid, Scale: scale, Map: rdbu}).bar().labels, []string{"against", "for"}; !slices.Equal(got, want) {
				t.Errorf("signed %v at %g: %q, want %q", grid.Values, scale, got, want)
			}
		}
	}
}

func TestDrawable(t *testing.T) {
	for text, want := range map[string]bool{"": true, "glass 0.93": true, "Müll – été": true, "стекло": true, "γυαλί": true, "玻璃瓶": false, "زجاج": false, "glass 🗑": false} {
		if got := Drawable(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestLegendGivesWay(t *testing.T) {
	full := legend{title: caption.Title, notes: []string{caption.Note}, bar: with(hill(3, 3)).bar()}
	for _, test := range []struct {
		width, height    int
		title, note, bar bool
	}{
		{512, 384, true, true, true},
		{227, 227, true, true, true},
		{384, 512, true, true, true},
		{200, 40, true, false, false},
		{60, 40, true, false, false},
		{30, 20, false, false, false},
	} {
		p, ok := arrange(full, test.width, test.height)
		if ok != test.title || (ok && p.title != full.title) || (p.note != "") != test.note || (p.bar != nil) != test.bar {
			t.Errorf("%dx%d: title %q (%v), note %q, bar %v; want %v, %v, %v",
				test.width, test.height, p.title, ok, p.note, p.bar != nil, test.title, test.note, test.bar)
		}
	}
}

func TestOverlayConcurrently(t *testing.T) {
	img, o := photo(128, 96), with(hill(5, 5))
	want := Overlay(img, o)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				if got := Overlay(img, o); !bytes.Equal(got.Pix, want.Pix) {
					t.Error("overlays drawn at the same time differ")
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkOverlay(b *testing.B) {
	for name, size := range map[string]image.Point{"512x384": {512, 384}, "4000x3000": {4000, 3000}} {
		b.Run(name, func(b *testing.B) {
			img, o := photo(size.X, size.Y), with(hill(13, 13))
			b.ReportAllocs()
			for b.Loop() {
				Overlay(img, o)
			}
		})
	}
}

// A map without evidence against the class has the colors for it alone.
func TestOneSided(t *testing.T) {
	rdbu, err := LookupColorMap("rdbu_r")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Heat: row(-3, 1, 2, 5), Base: 1, Scale: 3}.OneSided(rdbu)
	if want := []float32{0, 0, 1, 4}; !slices.Equal(o.Heat.Values, want) || o.Scale != 2 || o.Base != 0 {
		t.Errorf("%+v, want the values %v and the scale 2", o, want)
	}
	plain := Options{Heat: row(-3, 1, 2, 5)}.OneSided(rdbu)
	if want := []float32{0, 1, 2, 5}; !slices.Equal(plain.Heat.Values, want) || plain.Scale != 5 {
		t.Errorf("%+v, want %v and the scale 5", plain, want)
	}
}
