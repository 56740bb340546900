package heatmap

import (
	"image"
	"image/color"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

const (
	smallestText = 8    // pixels; smaller text is illegible
	lineHeight   = 1.25 // of a line of text, in font sizes
	baseline     = 0.98 // from the top of a line, in font sizes
)

// regular returns the Go font, which is parsed once.
var regular = sync.OnceValue(func() *opentype.Font {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic("heatmap: the built-in font: " + err.Error())
	}
	return parsed
})

// faces has a pool of font faces for each size in pixels. A face is expensive to make and must not
// be used concurrently.
var faces sync.Map // int -> *sync.Pool

// withFace calls use with a face of a size.
func withFace(size int, use func(font.Face)) {
	entry, ok := faces.Load(size)
	if !ok {
		entry, _ = faces.LoadOrStore(size, &sync.Pool{New: func() any {
			face, err := opentype.NewFace(regular(), &opentype.FaceOptions{Size: float64(size), DPI: 72})
			if err != nil {
				panic("heatmap: the built-in font: " + err.Error())
			}
			return face
		}})
	}
	pool := entry.(*sync.Pool)
	face := pool.Get().(font.Face)
	defer pool.Put(face)
	use(face)
}

// Drawable reports whether the built-in font has all characters of a text. It has Latin, Greek and
// Cyrillic letters.
func Drawable(text string) bool {
	var b sfnt.Buffer
	for _, r := range text {
		if i, err := regular().GlyphIndex(&b, r); err != nil || i == 0 {
			return false
		}
	}
	return true
}

// textWidth returns the width of a line of text at a size, in pixels.
func textWidth(text string, size int) int {
	const exact = 100 // widths are proportional to the size, so measure at one size
	var at100 fixed.Int26_6
	withFace(exact, func(face font.Face) { at100 = font.MeasureString(face, text) })
	return int(math.Ceil(float64(at100) / 64 * float64(size) / exact))
}

// DrawText draws one line; (x,y) is its top left corner and size its height in pixels.
func DrawText(img *image.RGBA, text string, x, y, size int, c color.Color) {
	withFace(size, func(face font.Face) {
		d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: face}
		d.Dot = fixed.P(x, y+times(size, baseline))
		d.DrawString(text)
	})
}

// shorten cuts a text, with an ellipsis, until it fits a width in pixels. It returns "" if no letter
// fits.
func shorten(text string, size, width int) string {
	if textWidth(text, size) <= width {
		return text
	}
	runes := []rune(text)
	for n := len(runes) - 1; n > 0; n-- {
		if cut := string(runes[:n]) + "…"; textWidth(cut, size) <= width {
			return cut
		}
	}
	return ""
}

// times multiplies a number of pixels and rounds to the nearest integer.
func times(pixels int, by float64) int { return int(math.Round(float64(pixels) * by)) }
