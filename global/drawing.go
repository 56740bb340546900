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

// Drawing says where the pictures of global explanations go and how they look.
type Drawing struct {
	Dir       string
	Colours   heatmap.ColorMap // of the clustered maps; diverging if they have signs
	Diverging heatmap.ColorMap // of mean maps
	Alpha     float64          // share of the colours where Diverging is not used
	// Photo reads an image of the data by its path, at a size for a sheet.
	Photo func(path string) (*image.RGBA, error)
	// Framing is how an image became the model's input.
	Framing dataset.Framing
	// Name is a class's name in captions, whose font lacks many scripts; nil: itself.
	Name func(class string) string
}

// tileSide is the side of a picture on a sheet, in pixels.
const tileSide = 280

// PaleAlpha is the share of the colours where they are pale about zero.
const PaleAlpha = 0.6

// DeviationColors and DeviationAlpha are the colour map of standard deviations, which are
// no evidence for or against a class, and its share.
const (
	DeviationColors = "gray"
	DeviationAlpha  = 0.85
)

// Sub-folders of a folder of global explanations.
const (
	averagesDir = "averages"
	sprayDir    = "spray"
)

// Files are the names in a folder of global explanations, but for global.json.
var Files = []string{averagesDir, sprayDir, "averages.png", "tree.txt", featuresFile}

// fileOf names a class's file, relative to the folder.
func fileOf(dir, class, ending string) string {
	return filepath.Join(dir, paths.Shorten(class)+ending)
}

func (d Drawing) writeGrid(name string, g explain.Grid) error {
	return npy.Write(filepath.Join(d.Dir, name), []int{g.Height, g.Width}, g.Values)
}

// Blank returns a white picture to draw a map on.
func Blank() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, tileSide, tileSide))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	return img
}
