package pipeline

import (
	"image"
	"image/color"
	"math"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/heatmap"
)

// sheet is the picture of an image with all that was made of it for one target
// side by side: the photograph, then the methods in their order, each with its
// layers together.
type sheet struct {
	photo  *image.RGBA
	blocks []block
}

// block are pictures that stand beside each other: those of a method.
type block struct {
	method string
	tiles  []heatmap.Tile
}

const (
	sheetHeight  = 280 // of a picture, in pixels
	sheetFoot    = 66  // about what stands below it
	sheetAspect  = 1.6 // about how wide a sheet is in proportion to its height
	sheetColumns = 8   // at most, to keep the layers of a method in one row
)

// newSheet makes the sheet of a row's image and target.
func newSheet(r Row, photo *image.RGBA) *sheet {
	small := reduced(photo)
	caption := filepath.Base(r.Image) + "\n" + r.Title()
	if r.Target != r.Predicted {
		caption += "\nexplained: " + r.Target
	}
	return &sheet{small, []block{{tiles: []heatmap.Tile{{Image: small, Caption: caption}}}}}
}

// reduced is an image at the height of a sheet's pictures; one that is very wide
// is lower.
func reduced(img *image.RGBA) *image.RGBA {
	size := img.Bounds().Size()
	height, width := sheetHeight, max(1, sheetHeight*size.X/size.Y)
	if width > 2*sheetHeight {
		height, width = max(1, 2*sheetHeight*size.Y/size.X), 2*sheetHeight
	}
	return dataset.Resize(img, height, width, dataset.Bilinear)
}

// add paints a map.
func (s *sheet) add(l look, o heatmap.Options) {
	o.Note = l.Name
	if l.At != AtImage {
		o.Note += " @ " + l.layer
	}
	i := slices.IndexFunc(s.blocks, func(b block) bool { return b.method == l.Name })
	if i < 0 {
		i = len(s.blocks)
		s.blocks = append(s.blocks, block{method: l.Name})
	}
	s.blocks[i].tiles = append(s.blocks[i].tiles, heatmap.Paint(s.photo, o))
}

// rows fills rows with blocks, in order. There are so many columns that the
// whole is about as wide as a screen.
func (s *sheet) rows() (rows [][]heatmap.Tile) {
	pictures, longest := 0, 0
	for _, b := range s.blocks {
		pictures += len(b.tiles)
		longest = max(longest, len(b.tiles))
	}
	shape := float64(sheetHeight+sheetFoot) / float64(s.photo.Bounds().Dx())
	columns := int(math.Round(math.Sqrt(sheetAspect * shape * float64(pictures))))
	columns = max(columns, min(longest, sheetColumns), min(pictures, 4))
	var row []heatmap.Tile
	for _, b := range s.blocks {
		if len(row)+len(b.tiles) > columns && len(row) > 0 {
			rows, row = append(rows, row), nil
		}
		row = append(row, b.tiles...)
		for len(row) > columns {
			rows, row = append(rows, row[:columns]), row[columns:]
		}
	}
	return append(rows, row)
}

// draw sets the sheet.
func (s *sheet) draw() *image.RGBA {
	return heatmap.Montage(s.rows(), image.Pt(s.photo.Bounds().Dx(), sheetHeight), color.White)
}
