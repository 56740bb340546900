package heatmap

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

const (
	confusionSide  = 1600 // of all cells together at the most, in pixels
	confusionCell  = 46   // the largest cell
	confusionText  = 13   // the height of its text
	confusionName  = 150  // the longest name of a class
	confusionSpace = 8
)

// Confusion draws a confusion matrix: a row for each true class, a column for each predicted
// one, shaded by the share of the row. With many classes the cells are small and have no
// numbers.
func Confusion(classes []string, counts [][]int) *image.RGBA {
	n := len(classes)
	cell := max(2, min(confusionCell, confusionSide/max(n, 1)))
	written := cell >= confusionText+4
	margin := confusionText + 2*confusionSpace
	if written {
		widest := 0
		for _, name := range classes {
			widest = max(widest, textWidth(shorten(name, confusionText, confusionName), confusionText))
		}
		margin += widest + confusionSpace
	}
	side := margin + n*cell + confusionSpace
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	ink := color.Gray{Y: 40}
	DrawText(img, "predicted", margin, confusionSpace/2, confusionText, ink)
	drawUpwards(img, "true", confusionSpace/2, side-confusionSpace, confusionText, ink)
	for i, row := range counts {
		if written {
			name := shorten(classes[i], confusionText, confusionName)
			at := margin + i*cell + (cell-confusionText)/2
			DrawText(img, name, margin-confusionSpace-textWidth(name, confusionText), at, confusionText, ink)
			drawUpwards(img, name, at, margin-confusionSpace, confusionText, ink)
		}
		total := 0
		for _, k := range row {
			total += k
		}
		for k, count := range row {
			share := 0.0
			if total > 0 {
				share = float64(count) / float64(total)
			}
			hue := color.RGBA{31, 90, 166, 255} // correct
			if i != k {
				hue = color.RGBA{196, 78, 20, 255}
			}
			box := image.Rect(margin+k*cell, margin+i*cell, margin+(k+1)*cell-1, margin+(i+1)*cell-1)
			draw.Draw(img, box, image.NewUniform(mixed(hue, share)), image.Point{}, draw.Src)
			if text := fmt.Sprint(count); written && textWidth(text, confusionText) < cell {
				c := color.Color(ink)
				if share > 0.5 {
					c = color.White
				}
				DrawText(img, text, box.Min.X+(cell-textWidth(text, confusionText))/2, box.Min.Y+(cell-confusionText)/2, confusionText, c)
			}
		}
	}
	return img
}

// mixed is a color over light gray.
func mixed(c color.RGBA, share float64) color.RGBA {
	mix := func(v uint8) uint8 { return uint8(244 + (float64(v)-244)*share + 0.5) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255}
}

// drawUpwards draws a line of text that is turned to the left; x is its left side, y where
// it begins.
func drawUpwards(img *image.RGBA, text string, x, y, size int, c color.Color) {
	flat := image.NewRGBA(image.Rect(0, 0, textWidth(text, size)+2, size+4))
	draw.Draw(flat, flat.Bounds(), image.White, image.Point{}, draw.Src)
	DrawText(flat, text, 0, 0, size, c)
	for v := range flat.Bounds().Dy() {
		for u := range flat.Bounds().Dx() {
			img.Set(x+v, y-1-u, flat.At(u, v))
		}
	}
}
