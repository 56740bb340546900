package heatmap

import (
	"image"

	"oscar/dataset"
	"oscar/explain"
)

// partOf returns the part of an image that the model saw, and the part of the map that lies on it.
// An empty or invalid framing, such as that of a damaged file, means that the image was stretched.
func partOf(f dataset.Framing, size image.Point) (seen image.Rectangle, part explain.Part) {
	if f.Stretches() || f.Check() != nil {
		return image.Rectangle{Max: size}, explain.Whole
	}
	seen, placed := f.Place(size)
	height, width := float64(f.Height), float64(f.Width)
	return seen, explain.Part{
		Top: float64(placed.Min.Y) / height, Left: float64(placed.Min.X) / width,
		Bottom: float64(placed.Max.Y) / height, Right: float64(placed.Max.X) / width,
	}
}

// OnImage returns a map on an image of that size, at height x width: the bars of a letterbox are cut
// off, and the part outside of a crop is 0.
func OnImage(heat explain.Grid, f dataset.Framing, size image.Point, height, width int) explain.Grid {
	seen, part := partOf(f, size)
	if !heat.Filled() {
		return heat.Resize(height, width)
	}
	scale := func(x, to, from int) int { return (x*to + from/2) / from }
	top, left := scale(seen.Min.Y, height, size.Y), scale(seen.Min.X, width, size.X)
	bottom, right := max(scale(seen.Max.Y, height, size.Y), top+1), max(scale(seen.Max.X, width, size.X), left+1)
	out := explain.NewGrid(height, width)
	rows := heat.PartRows(part, bottom-top, right-left)
	for y := range bottom - top {
		rows.Row(out.Values[(top+y)*width+left:][:right-left], y)
	}
	return out
}

// unseenShade is how much pixels that the model did not see are darkened, 0 to 1.
const unseenShade = 0.6

// shadeUnseen darkens the pixels that the model did not see.
func shadeUnseen(img *image.RGBA, seen image.Rectangle) {
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
		for x := range img.Rect.Dx() {
			if (image.Point{x, y}).In(seen) {
				continue
			}
			for c := range 3 {
				row[4*x+c] = uint8(float64(row[4*x+c])*(1-unseenShade) + 0.5)
			}
		}
	}
}
