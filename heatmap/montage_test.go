package heatmap

import (
	"bytes"
	"image"
	"image/color"
	"testing"
)

func TestMontageGolden(t *testing.T) {
	wide, tall := photo(64, 48), photo(30, 60)
	golden(t, "montage", Montage([][]Tile{
		{{Image: wide, Caption: "glass"}, {Image: Overlay(wide, with(hill(6, 6))), Caption: "glass 0.93, target glass"}},
		{{Image: tall, Caption: "metal"}, {Caption: "no picture"}, {Image: photo(9, 9)}},
	}, image.Pt(64, 48), color.White))
}

// A sheet: lines under the photograph, a bar under each map but the empty one.
func TestPaintGolden(t *testing.T) {
	wide := photo(130, 98)
	diverging := with(hill(9, 9))
	diverging.Map, _ = LookupColorMap("rdbu_r")
	clipped := with(hill(9, 9))
	clipped.Scale = Scale(clipped.Heat, 90, false)
	golden(t, "sheet", Montage([][]Tile{
		{{Image: wide, Caption: "bottle.jpg\nglass 0.93\ntarget glass"}, Paint(wide, clipped), Paint(wide, diverging)},
		{Paint(wide, with(row(-1, -2)))},
	}, image.Pt(130, 98), color.White))
}

// What Paint shows is what Overlay shows where its strip is not.
func TestPaintIsOverlay(t *testing.T) {
	img, o := photo(160, 120), with(hill(13, 13))
	got, want := Paint(img, o), Overlay(img, o)
	picture := got.Image.(*image.RGBA)
	if n := 80 * want.Stride; !bytes.Equal(picture.Pix[:n], want.Pix[:n]) {
		t.Error("other colors than the overlay's")
	}
	if got.Bar == nil || got.Caption != o.Note {
		t.Errorf("caption %q, bar %v", got.Caption, got.Bar)
	}
	if got := Paint(img, with(row(3, 3))); got.Bar != nil || got.Image != image.Image(img) || got.Caption != "constant map · "+o.Note {
		t.Errorf("nothing to show: %q, bar %v", got.Caption, got.Bar)
	}
}

func TestMontageFitsTiles(t *testing.T) {
	red := image.NewRGBA(image.Rect(10, 10, 110, 60)) // twice as wide as high
	for i := 0; i < len(red.Pix); i += 4 {
		copy(red.Pix[i:], []uint8{255, 0, 0, 255})
	}
	got := Montage([][]Tile{{{Image: red}}}, image.Pt(60, 60), color.White)
	if got.Rect != image.Rect(0, 0, 64, 64) {
		t.Fatalf("the montage is %v, want 60x60 with a gap of 2 around", got.Rect)
	}
	for _, test := range []struct {
		x, y int
		want color.RGBA
	}{
		{32, 32, color.RGBA{255, 0, 0, 255}},
		{3, 32, color.RGBA{255, 0, 0, 255}},
		{32, 18, color.RGBA{255, 0, 0, 255}}, // 30 high, from 17 to 47
		{32, 15, color.RGBA{255, 255, 255, 255}},
		{32, 49, color.RGBA{255, 255, 255, 255}},
		{0, 0, color.RGBA{255, 255, 255, 255}},
	} {
		if c := got.RGBAAt(test.x, test.y); c != test.want {
			t.Errorf("(%d,%d) is %v, want %v", test.x, test.y, c, test.want)
		}
	}
}

func TestMontageOddities(t *testing.T) {
	for _, rows := range [][][]Tile{nil, {{}}, {{}, {{}}}, {{{Image: image.NewRGBA(image.Rectangle{}), Caption: "none"}}}} {
		for _, cell := range []image.Point{{}, {-1, 5}, {1, 1}, {30, 3}} {
			if got := Montage(rows, cell, color.Black); got.Rect.Empty() {
				t.Errorf("%v in %v: an empty picture", rows, cell)
			}
		}
	}
}

func TestInkCanBeRead(t *testing.T) {
	if inkOn(color.Black) != white || inkOn(color.White) == white {
		t.Error("text has the color of its background")
	}
}

func TestShorten(t *testing.T) {
	const size = 12
	for _, text := range []string{"glass", "grad-cam conv5, target glass", "größe größe größe"} {
		for width := range 200 {
			got := shorten(text, size, width)
			if textWidth(got, size) > width {
				t.Errorf("%q in %d pixels: %q takes %d", text, width, got, textWidth(got, size))
			}
			if textWidth(text, size) <= width && got != text {
				t.Errorf("%q fits %d pixels but became %q", text, width, got)
			}
		}
	}
}

func BenchmarkMontage(b *testing.B) { // six classes, a picture and its overlay
	img := photo(512, 384)
	var rows [][]Tile
	for range 6 {
		rows = append(rows, []Tile{{Image: img, Caption: "glass"}, {Image: img, Caption: "glass 0.93"}})
	}
	for b.Loop() {
		Montage(rows, image.Pt(256, 192), color.White)
	}
}
