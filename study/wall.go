package study

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// wallSide is the longer side of a wall's pictures, in pixels.
const wallSide = 512

// walls writes a wall for every method: one image of each class, explained by all variants side by
// side. It uses the runs of the first seed. The image is the explained one with the smallest content
// hash.
func (c *comparison) walls(res *result.Study) {
	seed := c.Study.Seeds[0]
	shown := c.wallImages()
	for i, row := range shown {
		row.Picture = wallDir + "/" + row.Class + ".jpg"
		if err := c.picture(row); err != nil {
			c.note(fmt.Sprintf("%s cannot be shown: %v", row.Image, err))
			row.Picture = ""
		}
		shown[i] = row
	}
	for _, method := range c.Study.Explain.Methods {
		w := result.Wall{Method: method, Seed: seed, Rows: []result.WallRow{}}
		for _, row := range shown {
			row.Cells = []result.WallCell{}
			for _, r := range c.rows {
				cell, ok := c.wallCell(r, method, row.Image, row.Class)
				if !ok {
					continue
				}
				row.Cells = append(row.Cells, cell)
				if cell.RawMax > row.Scale {
					row.Scale = cell.RawMax
				}
			}
			w.Scale = max(w.Scale, row.Scale)
			w.Rows = append(w.Rows, row)
		}
		res.Walls = append(res.Walls, w)
	}
}

// wallImages returns the image of each class.
func (c *comparison) wallImages() []result.WallRow {
	split := c.splits[c.Study.Seeds[0]]
	explained := map[string]bool{}
	for _, row := range c.rows {
		if d := c.data[row.runs[0]]; d != nil {
			for _, x := range d.explanations {
				explained[x.image] = true
			}
		}
	}
	byHash := slices.Clone(split.Test)
	slices.SortFunc(byHash, func(a, b dataset.Item) int {
		return cmp.Or(cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.Path, b.Path))
	})
	var out []result.WallRow
	for class, name := range split.Classes {
		i := slices.IndexFunc(byHash, func(item dataset.Item) bool { return item.Class == class && explained[item.Path] })
		if i >= 0 {
			out = append(out, result.WallRow{Class: name, Image: byHash[i].Path, SHA256: byHash[i].SHA256})
		}
	}
	return out
}

// wallCell returns a variant's explanation of an image.
func (c *comparison) wallCell(row *row, method, image, class string) (result.WallCell, bool) {
	r := row.runs[0]
	d := c.data[r]
	if d == nil {
		return result.WallCell{}, false
	}
	for _, x := range d.explained(method) {
		if x.image != image {
			continue
		}
		dir := explanationsDir + "/" + r.name() + "/"
		cell := result.WallCell{
			Variant: row.variant.Name, Layer: x.Layer, Status: x.Status, Map: dir + x.Map, Signed: &x.Signed, Overlay: dir + x.Overlay,
			Predicted: x.Predicted, Probability: x.Probabilities[class], RawMin: number(x.RawMin), RawMax: number(x.RawMax),
		}
		if f := d.framing(); !f.Stretches() {
			cell.Framing = f
		}
		return cell, true
	}
	return result.WallCell{}, false
}

// number returns *v, or NaN if v is nil.
func number(v *float32) result.Number {
	if v == nil {
		return result.Number(math.NaN())
	}
	return result.Number(*v)
}

// picture writes a reduced copy of an image of the wall.
func (c *comparison) picture(row result.WallRow) error {
	path := c.path(filepath.FromSlash(row.Picture))
	d := checksum.Check(c.Out, row.Picture)
	if d == nil && paths.Exists(path) {
		return checksum.UpdateUnlisted(c.Out, row.Picture)
	} else if checksum.Is(d) {
		c.Listener.Note(fmt.Sprintf("%v; it is made again", d))
	}
	if err := paths.CheckLocal(row.Image); err != nil {
		return err
	}
	data := c.rows[0].experiment.Data
	img, err := dataset.DecodeFile(filepath.Join(c.plan.images(), filepath.FromSlash(row.Image)), dataset.Limits{MaxPixels: data.MaxPixels, MaxBytes: data.MaxBytes})
	if err != nil {
		return err
	}
	size := img.Bounds().Size()
	if longest := max(size.X, size.Y); longest > wallSide {
		size = image.Pt(max(1, size.X*wallSide/longest), max(1, size.Y*wallSide/longest))
		img = dataset.Resize(img, size.Y, size.X, data.Interpolation)
	}
	if err := heatmap.WriteJPEG(path, img); err != nil {
		return err
	}
	return checksum.Update(c.Out, row.Picture)
}
