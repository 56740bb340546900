package global

import (
	"image"
	"image/draw"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/npy"
	"oscar/internal/paths"
)

// Drawing has the paths and the style of the pictures of global explanations.
type Drawing struct {
	Dir       string
	Colors    heatmap.ColorMap // of the clustered maps; diverging if the maps are signed
	Diverging heatmap.ColorMap // of mean maps
	Alpha     float64          // opacity of the colors for Colors
	// Photo reads an image of the data by its path, resized for a sheet.
	Photo func(path string) (*image.RGBA, error)
	// Framing is how images become the model's input.
	Framing dataset.Framing
	// Name returns a class's name for captions, whose font lacks many scripts; nil: unchanged.
	Name func(class string) string
}

// tileSide is the side of a picture on a sheet, in pixels.
const tileSide = 280

// PaleAlpha is the opacity of colors that are pale near zero.
const PaleAlpha = 0.6

// DeviationColors and DeviationAlpha are the color map and the opacity of standard
// deviations, which are not evidence for or against a class.
const (
	DeviationColors = "gray"
	DeviationAlpha  = 0.85
)

// Sub-folders of a folder of global explanations.
const (
	averagesDir = "averages"
	sprayDir    = "spray"
)

// Files are the names in a folder of global explanations, without global.json.
var Files = []string{averagesDir, sprayDir, "averages.png", "tree.txt", featuresFile}

// fileOf returns the name of a class's file relative to the folder.
func fileOf(dir, class, ending string) string {
	return filepath.Join(dir, paths.Shorten(class)+ending)
}

func (d Drawing) writeGrid(name string, g explain.Grid) error {
	return npy.Write(filepath.Join(d.Dir, name), []int{g.Height, g.Width}, g.Values)
}

// Blank returns a white picture, as background of a map.
func Blank() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, tileSide, tileSide))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	return img
}
