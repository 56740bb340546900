package heatmap

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

const (
	rocSide   = 480 // of the square, in pixels
	rocLeft   = 64  // left of the square and below it
	rocText   = 13
	rocSpace  = 12
	rocLine   = 20 // height of a line of the legend
	rocLegend = 200
	rocNamed  = 21 // maximum number of curves in the legend
)

// rocColors are the colors of the curves, used in turn.
var rocColors = []color.RGBA{
	{31, 90, 166, 255}, {196, 78, 20, 255}, {34, 139, 74, 255}, {140, 60, 160, 255}, {190, 30, 60, 255},
	{20, 150, 170, 255}, {150, 110, 20, 255}, {220, 100, 170, 255}, {90, 90, 90, 255}, {120, 170, 40, 255},
}

// A Curve is a line in a square of 0 to 1.
type Curve struct {
	Name string
	X, Y []float64
	Area float64 // area under the curve
}

// ROC draws the ROC curves of classes, with the area under each, and the mean area.
func ROC(curves []Curve, mean float64) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, rocLeft+rocSide+2*rocSpace+rocLegend, rocSpace+rocSide+rocLeft))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	ink, pale := color.Gray{Y: 40}, color.Gray{Y: 225}
	at := func(x, y float64) (float32, float32) {
		return float32(rocLeft + x*rocSide), float32(rocSpace + (1-y)*rocSide)
	}
	const below = rocSpace + rocSide
	for tick := range 6 {
		v := float64(tick) / 5
		stroke(img, []float64{0, 1}, []float64{v, v}, 1, pale, at)
		stroke(img, []float64{v, v}, []float64{0, 1}, 1, pale, at)
		label := fmt.Sprintf("%.1f", v)
		x, y := at(v, v)
		DrawText(img, label, int(x)-textWidth(label, rocText)/2, below+6, rocText, ink)
		DrawText(img, label, rocLeft-6-textWidth(label, rocText), int(y)-rocText/2-1, rocText, ink)
	}
	stroke(img, []float64{0, 1}, []float64{0, 1}, 1, color.Gray{Y: 170}, at)
	name := "false positive rate"
	DrawText(img, name, rocLeft+(rocSide-textWidth(name, rocText))/2, below+rocLeft/2, rocText, ink)
	name = "true positive rate"
	drawUpwards(img, name, rocSpace/2, rocSpace+(rocSide+textWidth(name, rocText))/2, rocText, ink)

	const x, swatch = rocLeft + rocSide + rocSpace, 18
	line := func(row int, name string, area float64) {
		number := fmt.Sprintf("%.3f", area)
		y := rocSpace + row*rocLine
		DrawText(img, shorten(name, rocText, rocLegend-swatch-2*rocSpace-textWidth(number, rocText)), x+swatch+rocSpace/2, y, rocText, ink)
		DrawText(img, number, x+rocLegend-textWidth(number, rocText), y, rocText, ink)
	}
	line(0, "macro AUC", mean)
	for i := len(curves) - 1; i >= 0; i-- { // the first curve is drawn last, on top
		c, hue := curves[i], rocColors[i%len(rocColors)]
		stroke(img, c.X, c.Y, 2, hue, at)
		if i < rocNamed {
			line(i+1, c.Name, c.Area)
			y := rocSpace + (i+1)*rocLine + rocText/2
			draw.Draw(img, image.Rect(x, y, x+swatch, y+3), image.NewUniform(hue), image.Point{}, draw.Src)
		}
	}
	if more := len(curves) - rocNamed; more > 0 {
		DrawText(img, fmt.Sprintf("and %d more", more), x+swatch+rocSpace/2, rocSpace+(rocNamed+1)*rocLine, rocText, ink)
	}
	return img
}

// stroke draws a line through points.
func stroke(img *image.RGBA, xs, ys []float64, width float32, c color.Color, at func(x, y float64) (float32, float32)) {
	r := vector.NewRasterizer(img.Bounds().Dx(), img.Bounds().Dy())
	for i := 1; i < len(xs); i++ {
		ax, ay := at(xs[i-1], ys[i-1])
		bx, by := at(xs[i], ys[i])
		length := float32(math.Hypot(float64(bx-ax), float64(by-ay)))
		if length == 0 {
			continue
		}
		// A rectangle around the segment, extended by half its width at both ends.
		u, v := (bx-ax)/length*width/2, (by-ay)/length*width/2
		r.MoveTo(ax-u-v, ay-v+u)
		r.LineTo(bx+u-v, by+v+u)
		r.LineTo(bx+u+v, by+v-u)
		r.LineTo(ax-u+v, ay-v-u)
		r.ClosePath()
	}
	r.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{})
}
