package pipeline

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/heatmap"
)

// sheets are the pictures of a shard's images with all methods side by side, by
// their names: the photograph first.
type sheets map[string][]heatmap.Tile

// sheetHeight is the height of a picture on a sheet, sheetColumns how many
// stand in a row.
const sheetHeight, sheetColumns = 280, 5

// add puts a method's overlay on its image's sheet, at the sheet's size.
func (s sheets) add(r Row, photo, overlay *image.RGBA) {
	if len(s[r.Sheet]) == 0 {
		s[r.Sheet] = []heatmap.Tile{{Image: reduced(photo), Caption: r.Predicted}}
	}
	s[r.Sheet] = append(s[r.Sheet], heatmap.Tile{Image: reduced(overlay), Caption: r.Method})
}

func reduced(img *image.RGBA) *image.RGBA {
	size := img.Bounds().Size()
	return dataset.Resize(img, sheetHeight, max(1, sheetHeight*size.X/size.Y), dataset.Bilinear)
}

// write draws the sheets.
func (s sheets) write(out string) error {
	for name, tiles := range s {
		path := filepath.Join(out, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		width := min(tiles[0].Image.Bounds().Dx(), sheetHeight*2)
		rows := slices.Collect(slices.Chunk(tiles, sheetColumns))
		if err := heatmap.WriteJPEG(path, heatmap.Montage(rows, image.Pt(width, sheetHeight), color.White)); err != nil {
			return err
		}
	}
	return nil
}
