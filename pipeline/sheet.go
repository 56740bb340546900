package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/checksum"
	"oscar/methods"
	"oscar/metric"
)

// sheet draws all maps of an image for one target side by side: the photograph, then the methods in
// order, each with all its layers.
type sheet struct {
	photo  *image.RGBA
	blocks []block
}

// block holds the pictures of a method, drawn side by side.
type block struct {
	method string
	tiles  []heatmap.Tile
}

const (
	sheetHeight  = 280 // of a picture, in pixels
	sheetFoot    = 66  // approximate height of the text below a picture
	sheetAspect  = 1.6 // approximate ratio of a sheet's width to its height
	sheetColumns = 8   // maximum, to keep the layers of a method in one row
)

// newSheet makes the sheet of a row's image and target.
func newSheet(r Row, photo *image.RGBA) *sheet {
	small := reduced(photo)
	r = spelled(r)
	caption := r.Image + "\n" + r.Title()
	if r.Target != r.Predicted {
		caption += "\nexplained: " + r.Target
	}
	return &sheet{small, []block{{tiles: []heatmap.Tile{{Image: small, Caption: caption}}}}}
}

// reduced scales an image to the height of a sheet's pictures. Very wide images become lower.
func reduced(img *image.RGBA) *image.RGBA {
	size := img.Bounds().Size()
	height, width := sheetHeight, max(1, sheetHeight*size.X/size.Y)
	if width > 2*sheetHeight {
		height, width = max(1, 2*sheetHeight*size.Y/size.X), 2*sheetHeight
	}
	return dataset.Resize(img, height, width, dataset.Bilinear)
}

// add draws a row's map.
func (s *sheet) add(r Row, o heatmap.Options) {
	o.Note = r.Method
	if m, err := methods.Lookup(r.Method); err == nil && m.At != explain.AtImage {
		o.Note += " @ " + r.Layer
	}
	i := slices.IndexFunc(s.blocks, func(b block) bool { return b.method == r.Method })
	if i < 0 {
		i = len(s.blocks)
		s.blocks = append(s.blocks, block{method: r.Method})
	}
	s.blocks[i].tiles = append(s.blocks[i].tiles, heatmap.Paint(s.photo, o))
}

// rows arranges the blocks in rows, in order. The number of columns makes the sheet about as wide as
// a screen.
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

// draw returns the sheet.
func (s *sheet) draw() *image.RGBA {
	return heatmap.Montage(s.rows(), image.Pt(s.photo.Bounds().Dx(), sheetHeight), color.White)
}

// montage picks one explained image per class: the first whose map is ok and whose
// prediction is correct, or else the first of the class, or else the first image of unknown
// class that is predicted as this class.
type montage struct {
	rows  map[string]Row // by class
	worth map[string]int // rank of each row, see consider
	shown int            // number of classes that write has drawn
}

func newMontage() *montage { return &montage{rows: map[string]Row{}, worth: map[string]int{}} }

func (m *montage) consider(r Row) {
	if r.Status != string(explain.OK) {
		return
	}
	class, worth := r.Truth, 1
	if class == "" {
		class = r.Predicted
	} else {
		worth += 2
	}
	if r.Predicted == class && r.Target == class {
		worth++
	}
	if worth > m.worth[class] {
		m.rows[class], m.worth[class] = r, worth
	}
}

// caption returns an image's class, or its file name if the class is unknown.
func (m *montage) caption(r Row) string {
	return cmp.Or(r.Truth, filepath.Base(r.Image)+", class unknown")
}

// montageHeight is the height of a picture in the montage. montageWidth is the approximate width of
// the montage. Both are in pixels.
const montageHeight, montageWidth = 240, 1320

const montageFile = "montage.png"

// classes returns the classes to draw, by name: at most [metric.MostClasses], evenly spaced, because
// viewers cannot open very tall pictures.
func (m *montage) classes() []string {
	names := slices.Sorted(maps.Keys(m.rows))
	n := min(len(names), metric.MostClasses)
	for i := range n {
		names[i] = names[i*len(names)/n]
	}
	return names[:n]
}

// write draws the montage, each picture next to its map, in the order of the class names. It returns
// the path, or "" if there is nothing to show.
func (m *montage) write(ctx context.Context, p *painter) (string, error) {
	var tiles []heatmap.Tile
	width := 0
	for _, class := range m.classes() {
		r := m.rows[class]
		picture, err := p.decode(ctx, r)
		if ctx.Err() != nil {
			return "", interrupted(ctx, err)
		}
		if err != nil {
			continue // changed or removed since it was explained
		}
		o, err := p.options(r)
		if err != nil {
			return "", fmt.Errorf("montage: %w", err)
		}
		r = spelled(r)
		o.Note = fmt.Sprintf("%s\n%s %s", r.Title(), r.Method, r.Layer)
		if r.Target != r.Predicted {
			o.Note += "\nexplained: " + r.Target
		}
		tiles = append(tiles, heatmap.Tile{Image: picture, Caption: m.caption(r)}, heatmap.Paint(picture, o))
		size := picture.Bounds().Size()
		width = max(width, min(montageHeight*size.X/size.Y, montageHeight*3/2), montageHeight/2)
	}
	m.shown = len(tiles) / 2
	path := filepath.Join(p.dir, montageFile)
	if len(tiles) == 0 {
		return "", checksum.Delete(p.dir, montageFile)
	}
	if err := checksum.Remove(p.dir, montageFile); err != nil {
		return "", err
	}
	pairs := max(1, montageWidth/(2*width))
	rows := slices.Collect(slices.Chunk(tiles, 2*pairs))
	return path, heatmap.WritePNG(path, heatmap.Montage(rows, image.Pt(width, montageHeight), color.White))
}
