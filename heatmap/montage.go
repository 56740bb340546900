package heatmap

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// A Tile is one picture of a montage, with the line of text under it. Its Image
// may be nil: the place stays free.
type Tile struct {
	Image   image.Image
	Caption string
}

// Montage sets pictures in rows, each in a cell of the given size (x wide, y
// high, in pixels): scaled to fit, its proportions kept, in the middle of the
// cell. Rows may differ in length. Captions too long for a cell are cut with an
// ellipsis; a row without captions takes no room for them.
func Montage(rows [][]Tile, cell image.Point, background color.Color) *image.RGBA {
	cell = image.Pt(max(cell.X, 1), max(cell.Y, 1))
	gap := max(min(cell.X, cell.Y)/24, 2)
	text := max(min(cell.X, cell.Y)/17, smallestText+2)

	columns, height := 0, gap
	for _, row := range rows {
		columns = max(columns, len(row))
		height += cell.Y + captionHeight(row, text) + gap
	}
	out := image.NewRGBA(image.Rect(0, 0, gap+columns*(cell.X+gap), height))
	draw.Draw(out, out.Rect, image.NewUniform(background), image.Point{}, draw.Src)

	y := gap
	for _, row := range rows {
		for i, tile := range row {
			x := gap + i*(cell.X+gap)
			drawFitted(out, image.Rect(x, y, x+cell.X, y+cell.Y), tile.Image)
			caption := shorten(tile.Caption, text, cell.X)
			middle := (cell.X - textWidth(caption, text)) / 2
			DrawText(out, caption, x+middle, y+cell.Y+text/4, text, inkOn(background))
		}
		y += cell.Y + captionHeight(row, text) + gap
	}
	return out
}

func captionHeight(row []Tile, text int) int {
	for _, tile := range row {
		if tile.Caption != "" {
			return text/4 + times(text, lineHeight)
		}
	}
	return 0
}

// drawFitted draws an image as large as it fits in the cell.
func drawFitted(out *image.RGBA, cell image.Rectangle, img image.Image) {
	if img == nil || img.Bounds().Empty() {
		return
	}
	from := img.Bounds()
	scale := min(float64(cell.Dx())/float64(from.Dx()), float64(cell.Dy())/float64(from.Dy()))
	size := image.Pt(max(times(from.Dx(), scale), 1), max(times(from.Dy(), scale), 1))
	corner := cell.Min.Add(cell.Size().Sub(size).Div(2))
	to := image.Rectangle{corner, corner.Add(size)}
	if from.Size() == size {
		draw.Draw(out, to, img, from.Min, draw.Over)
		return
	}
	draw.CatmullRom.Scale(out, to, img, from, draw.Over, nil)
}

// inkOn is the colour of text that can be read on a background.
func inkOn(background color.Color) color.Color {
	if color.GrayModel.Convert(background).(color.Gray).Y > 127 {
		return color.RGBA{24, 24, 24, 255}
	}
	return white
}
