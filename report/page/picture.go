package page

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"

	"golang.org/x/image/draw"
)

// Budget is the most bytes a page takes, whatever it holds.
const Budget = 10_000_000

// Picture is an image of a page. It is loaded when the page is written, one at a
// time, and reduced to what the page has room for.
type Picture struct {
	Alt  string                      // what it shows, for those who do not see it
	Note string                      // more of it, shown on demand; "": nothing
	Load func() (image.Image, error) // an error becomes words in the picture's place
}

// Plate is pictures that belong together, side by side, and what they show.
type Plate struct {
	Title    string
	Note     string
	Pictures []Picture
}

// Wall is shelves of plates, one below the other.
type Wall []Shelf

// Shelf is a row of a wall: a heading, unless empty, and its plates. Those of a
// wall that have the same place on their shelves stand below each other.
type Shelf struct {
	Title  string
	Note   string
	Wide   bool // its plates hold several pictures each
	Plates []Plate
}

func (Wall) template() string { return "wall" }

// encoded is a picture as the page has it.
type encoded struct {
	Source        template.HTMLAttr // src="data:...", which needs no escaping
	Width, Height int
	Missing       string // why there is none
}

// longestReason is the most characters of a reason, which may name a file.
const longestReason = 120

// sizes are tried from the first on until a picture keeps to its share.
var sizes = []struct{ side, quality int }{
	{560, 84}, {480, 82}, {400, 80}, {320, 78}, {256, 74}, {200, 70}, {144, 64}, {96, 55},
}

// encode makes all pictures of a page, which together take at most room bytes.
// What one leaves of its share goes to the next.
func encode(ctx context.Context, pictures []Picture, room int) ([]encoded, error) {
	out := make([]encoded, len(pictures))
	for i, p := range pictures {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		img, err := p.Load()
		if err != nil {
			reason := []rune(err.Error())
			out[i].Missing = string(reason[:min(len(reason), longestReason)])
			continue
		}
		if out[i], err = shrink(img, room/(len(pictures)-i)); err != nil {
			return nil, err
		}
		room -= len(out[i].Source)
	}
	return out, nil
}

// shrink makes a picture of at most that many bytes.
func shrink(img image.Image, most int) (encoded, error) {
	const head, tail = `src="data:image/jpeg;base64,`, `"`
	if img.Bounds().Empty() {
		return encoded{Missing: "the picture is empty"}, nil
	}
	for _, size := range sizes {
		small := reduce(img, size.side)
		var b bytes.Buffer
		if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: size.quality}); err != nil {
			return encoded{}, fmt.Errorf("encode a picture: %w", err)
		}
		if source := head + base64.StdEncoding.EncodeToString(b.Bytes()) + tail; len(source) <= most {
			return encoded{Source: template.HTMLAttr(source), Width: small.Bounds().Dx(), Height: small.Bounds().Dy()}, nil
		}
	}
	return encoded{Missing: "left out, to keep the page small"}, nil
}

// reduce scales an image down until its longer side is at most that many pixels,
// over white.
func reduce(img image.Image, side int) image.Image {
	size := img.Bounds().Size()
	scale := min(1, float64(side)/float64(max(size.X, size.Y)))
	to := image.Rect(0, 0, max(1, int(float64(size.X)*scale+0.5)), max(1, int(float64(size.Y)*scale+0.5)))
	out := image.NewRGBA(to)
	draw.Draw(out, to, image.NewUniform(color.White), image.Point{}, draw.Src)
	if scale == 1 {
		draw.Draw(out, to, img, img.Bounds().Min, draw.Over)
		return out
	}
	draw.CatmullRom.Scale(out, to, img, img.Bounds(), draw.Over, nil)
	return out
}
