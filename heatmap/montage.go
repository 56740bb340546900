package heatmap

import (
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/draw"
)

// A Tile is one picture of a montage, with lines of text and optionally a color bar below it
// ([Paint]). If Image is nil, the cell is empty.
type Tile struct {
	Image   image.Image
	Caption string
	Bar     *Bar
}

// Montage arranges pictures in rows of cells with the given size (x wide, y high, in pixels). Each
// picture is scaled to fit, keeping its proportions, and centered. Rows may differ in length.
// Captions too long for a cell are cut with an ellipsis. A row without captions has no space for
// them.
func Montage(rows [][]Tile, cell image.Point, background color.Color) *image.RGBA {
	cell = image.Pt(max(cell.X, 1), max(cell.Y, 1))
	gap := max(min(cell.X, cell.Y)/24, 2)
	text := max(min(cell.X, cell.Y)/17, smallestText+2)

	columns, height := 0, gap
	for _, row := range rows {
		columns = max(columns, len(row))
		height += cell.Y + footHeight(row, text) + gap
	}
	out := image.NewRGBA(image.Rect(0, 0, gap+columns*(cell.X+gap), height))
	draw.Draw(out, out.Rect, image.NewUniform(background), image.Point{}, draw.Src)

	y := gap
	for _, row := range rows {
		for i, tile := range row {
			x := gap + i*(cell.X+gap)
			drawFitted(out, image.Rect(x, y, x+cell.X, y+cell.Y), tile.Image)
			tile.drawFoot(out, x, y+cell.Y+text/4, cell.X, text, inkOn(background))
		}
		y += cell.Y + footHeight(row, text) + gap
	}
	return out
}

// footHeight returns the height of the space below a row's pictures.
func footHeight(row []Tile, text int) (height int) {
	for _, tile := range row {
		height = max(height, tile.footHeight(text))
	}
	return height
}

func (t Tile) footHeight(text int) (height int) {
	if t.Caption != "" {
		height += text/4 + times(text, lineHeight)*(1+strings.Count(t.Caption, "\n"))
	}
	if t.Bar != nil {
		height += text/4 + t.Bar.height(barText(text))
	}
	return height
}

// barText returns the text size of a bar's labels below a caption.
func barText(text int) int { return max(times(text, noteShare), smallestText) }

// drawFoot draws caption and bar; (x,y) is the top left corner.
func (t Tile) drawFoot(out *image.RGBA, x, y, width, text int, ink color.Color) {
	if t.Caption != "" {
		for line := range strings.SplitSeq(t.Caption, "\n") {
			line = shorten(line, text, width)
			DrawText(out, line, x+(width-textWidth(line, text))/2, y, text, ink)
			y += times(text, lineHeight)
		}
		y += text / 4
	}
	if t.Bar == nil {
		return
	}
	small := barText(text)
	if inset := width / 8; t.Bar.minWidth(small) <= width-2*inset {
		t.Bar.draw(out, x+inset, y, width-2*inset, small, ink)
	}
}

// drawFitted draws an image as large as possible in the cell.
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

// inkOn returns a text color that is readable on a background.
func inkOn(background color.Color) color.Color {
	if color.GrayModel.Convert(background).(color.Gray).Y > 127 {
		return color.RGBA{24, 24, 24, 255}
	}
	return white
}
