package page

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"

	"golang.org/x/image/draw"

	"oscar/internal/jpegfile"
)

// Budget is the maximum size of a page in bytes.
const Budget = 10_000_000

// Picture is an image on a page. Pictures are loaded one at a time when the page is written, and
// reduced to the remaining space.
type Picture struct {
	Alt  string                      // alternative text
	Note string                      // more text, shown on demand; "": none
	Load func() (image.Image, error) // an error is shown as text in the picture's place
}

// Plate is a group of pictures side by side, with a caption.
type Plate struct {
	Title    string
	Note     string
	Pictures []Picture
}

// Wall is a list of shelves, one below the other.
type Wall []Shelf

// Shelf is a row of a wall: a heading, which may be empty, and plates. If several shelves have a
// plate at the same index, these are aligned.
type Shelf struct {
	Title  string
	Note   string
	Wide   bool // its plates have several pictures each
	Plates []Plate
}

func (Wall) template() string { return "wall" }

// encoded is a picture in the page's format.
type encoded struct {
	Source        template.HTMLAttr // src="data:...", which needs no escaping
	Width, Height int
	Missing       string // the reason why there is no picture
}

// longestReason is the maximum length of a reason in characters. A reason may contain a file name.
const longestReason = 120

// sizes are tried in order until a picture is small enough for its share.
var sizes = []struct{ side, quality int }{
	{560, 84}, {480, 82}, {400, 80}, {320, 78}, {256, 74}, {200, 70}, {144, 64}, {96, 55},
}

// encode encodes all pictures of a page, in at most room bytes together. Space that a picture does
// not need is left for the next ones.
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

// shrink encodes a picture in at most most bytes.
func shrink(img image.Image, most int) (encoded, error) {
	const head, tail = `src="data:image/jpeg;base64,`, `"`
	if img.Bounds().Empty() {
		return encoded{Missing: "the picture is empty"}, nil
	}
	for _, size := range sizes {
		small := reduce(img, size.side)
		var b bytes.Buffer
		if err := jpegfile.Encode(&b, small, size.quality); err != nil {
			return encoded{}, fmt.Errorf("encode a picture: %w", err)
		}
		if source := head + base64.StdEncoding.EncodeToString(b.Bytes()) + tail; len(source) <= most {
			return encoded{Source: template.HTMLAttr(source), Width: small.Bounds().Dx(), Height: small.Bounds().Dy()}, nil
		}
	}
	return encoded{Missing: "left out, to keep the page small"}, nil
}

// reduce scales an image down until its longer side has at most side pixels, and draws it
// on white.
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
