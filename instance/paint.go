package instance

import (
	"fmt"
	"image"
	"image/color"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/instance/mask"
	"oscar/internal/paths"
	"oscar/internal/text"
	"oscar/methods"
	"oscar/result"
)

// painter draws the pictures of explanations.
type painter struct {
	dir           string
	drawing       result.Drawing
	plain, signed heatmap.ColorMap
	full          map[methods.At]float32 // the value that has the full color, for a shared scale
	several       bool                   // several methods: the sheet has a row for each object
}

// newPainter checks the settings of a drawing.
func newPainter(dir string, d result.Drawing, several bool) (*painter, error) {
	p := &painter{dir: dir, drawing: d, several: several}
	for _, c := range []struct {
		name string
		to   *heatmap.ColorMap
	}{{d.ColorMap, &p.plain}, {d.SignedColorMap, &p.signed}} {
		if c.name == "" {
			continue
		}
		var err error
		if *c.to, err = heatmap.LookupColorMap(c.name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// options returns the drawing options for a map with the size of its picture.
func (p *painter) options(row Row, grid explain.Grid) heatmap.Options {
	o := heatmap.Options{
		Heat: grid, Map: p.plain, Alpha: p.drawing.Alpha, Scale: p.full[methods.At{Method: row.Method, Layer: row.Layer}],
		Note: fmt.Sprintf("%d %s %.2f, %s", row.Object, row.Class, row.Detection, row.Method), Faint: row.Status == explain.Faint,
	}
	if p.drawsNegative(row.Method) {
		o.Map, o.Alpha = p.signed, p.drawing.SignedAlpha
	}
	return o
}

// drawsNegative reports whether the negative values of a method's maps are drawn.
func (p *painter) drawsNegative(method string) bool {
	m, err := methods.Lookup(method)
	return p.drawing.SignedColorMap != "" && err == nil && m.Signed
}

// shape is an object's outline.
type shape struct {
	object int // of the picture, from 1
	box    mask.Box
	pixels []uint8
}

// canvas draws the explanations of one picture.
type canvas struct {
	*painter
	img    *image.RGBA
	stem   string
	shapes map[int]shape
	sheet  [][]heatmap.Tile
	last   int      // the number of the last drawn object
	files  []string // written so far
}

// stemOf returns the start of the file names of a picture.
func stemOf(id int64) string { return fmt.Sprintf("%06d", id) }

// outlinedFile returns the name of the picture with outlines of all objects.
func outlinedFile(id int64) string { return "pictures/" + stemOf(id) + ".png" }

// canvas outlines all objects on the picture with that id, and writes the result.
func (p *painter) canvas(img *image.RGBA, id int64, shapes []shape) (*canvas, error) {
	c := &canvas{painter: p, img: img, stem: stemOf(id), shapes: map[int]shape{}}
	all := clone(img)
	for _, s := range shapes {
		c.shapes[s.object] = s
		heatmap.Outline(all, s.pixels, heatmap.OutlineColor(s.object-1))
	}
	for _, s := range shapes {
		heatmap.Number(all, s.object, int(s.box[0]), int(s.box[1]), heatmap.OutlineColor(s.object-1))
	}
	c.sheet = [][]heatmap.Tile{{{Image: all, Caption: text.Count(len(shapes), "object")}}}
	return c, c.write(outlinedFile(id), all)
}

func (c *canvas) write(name string, img image.Image) error {
	path, err := paths.Local(c.dir, name)
	if err != nil {
		return err
	}
	c.files = append(c.files, name)
	return heatmap.WritePNG(path, img)
}

// add draws the map of a row. The map has the picture's size.
func (c *canvas) add(row Row, grid explain.Grid) error {
	if last := len(c.sheet) - 1; row.Object != c.last && (c.several || len(c.sheet[last]) == perRow) {
		c.sheet = append(c.sheet, nil)
	}
	c.last = row.Object
	tile := heatmap.Paint(c.img, c.options(row, grid))
	painted := clone(tile.Image)
	heatmap.Outline(painted, c.shapes[row.Object].pixels, heatmap.OutlineColor(row.Object-1))
	tile.Image = painted
	last := len(c.sheet) - 1
	c.sheet[last] = append(c.sheet[last], tile)
	return c.write(row.Overlay, painted)
}

// close writes the sheet.
func (c *canvas) close() error {
	return c.write("sheets/"+c.stem+".png", heatmap.Montage(c.sheet, image.Pt(256, 256), color.White))
}
