package global

import (
	"image"
	"image/color"
	"sync"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The colours of pictures.
var (
	ink   = color.Gray{Y: 0x20}
	faint = color.Gray{Y: 0x70}
	grid  = color.Gray{Y: 0xe4}
	blue  = color.RGBA{R: 0x1f, G: 0x5f, B: 0xa8, A: 0xff}
	amber = color.RGBA{R: 0xd9, G: 0x6c, B: 0x06, A: 0xff}
	pale  = color.Gray{Y: 0xb4}
)

// palette are the colours of classes (Okabe, Ito; safe for colour blindness). More
// classes repeat them.
var palette = []color.RGBA{
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xf0, 0xe4, 0x42, 0xff},
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0x99, 0x99, 0x99, 0xff},
}

// writing is the Go font, as on all other pictures.
var writing = sync.OnceValue(func() text.Handler {
	face, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic("global: the built-in font: " + err.Error())
	}
	return text.Plain{Fonts: font.NewCache(font.Collection{{Font: font.Font{Typeface: "Go"}, Face: face}})}
})

// style is text of a size, with the position of its anchor.
func style(size vg.Length, c color.Color, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: font.Font{Typeface: "Go", Size: size}, XAlign: x, YAlign: y, Handler: writing()}
}

// paint draws a picture of width x height points at 96 dots an inch, y upwards.
func paint(width, height vg.Length, fill func(draw.Canvas)) image.Image {
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(96))
	c := draw.New(canvas)
	c.FillPolygon(color.White, box(0, 0, width, height))
	fill(c)
	return canvas.Image()
}

// box is a rectangle, given by its lower left corner.
func box(x, y, width, height vg.Length) []vg.Point {
	return []vg.Point{{X: x, Y: y}, {X: x + width, Y: y}, {X: x + width, Y: y + height}, {X: x, Y: y + height}}
}

// figure is an empty plot with the pictures' font.
func figure(title string) *plot.Plot {
	p := plot.New()
	p.TextHandler = writing()
	p.Title.Text = title
	p.Title.TextStyle = style(12, ink, draw.XCenter, draw.YTop)
	p.Title.Padding = vg.Points(6)
	p.X.Label.TextStyle = style(9, faint, draw.XCenter, draw.YBottom)
	p.Y.Label.TextStyle = style(9, faint, draw.XCenter, draw.YBottom)
	p.X.Tick.Label, p.Y.Tick.Label = style(9, ink, draw.XCenter, draw.YTop), style(9, ink, draw.XRight, draw.YCenter)
	p.Legend.TextStyle = style(9, ink, draw.XLeft, draw.YCenter)
	return p
}
