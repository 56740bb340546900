package pipeline

import (
	"errors"
	"fmt"
	"image"
	"math"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/report/page"
	"oscar/result"
)

// wall is a method's maps of the same images in every variant: in one scale a
// row, and folded away, each in its own.
func (v *varied) wall(w result.Wall) page.Section {
	wall := func(own bool) page.Wall {
		var out page.Wall
		for _, row := range w.Rows[:min(len(w.Rows), mostShelves)] {
			out = append(out, v.shelf(w, row, own))
		}
		return out
	}
	return page.Section{Title: "Where they look: " + w.Method, Blocks: []page.Block{
		page.Text(fmt.Sprintf("The same test image in every variant, of the runs with seed %d, explained for the class that it has. "+
			"The maps of a row share one colour scale, so that a map without red is a weak one.", w.Seed)),
		wall(false),
		page.Fold{Title: "The same, each map on a scale of its own", Blocks: []page.Block{wall(true)}},
	}}
}

func (v *varied) shelf(w result.Wall, row result.WallRow, own bool) page.Shelf {
	s := page.Shelf{Title: row.Class, Note: row.Image}
	if row.Picture != "" {
		s.Plates = append(s.Plates, page.Plate{Title: "photograph", Pictures: []page.Picture{{
			Alt:  fmt.Sprintf("Photograph of class %s, %s", row.Class, row.Image),
			Load: func() (image.Image, error) { return v.photo(row) },
		}}})
	}
	for _, cell := range row.Cells {
		alt := fmt.Sprintf("Map of %s at %s for class %s in the variant %s, which predicts %s; class %s has %.2f",
			w.Method, cell.Layer, row.Class, cell.Variant, cell.Predicted, row.Class, cell.Probability)
		note := fmt.Sprintf("%s %.2f", row.Class, cell.Probability)
		if cell.Predicted != row.Class {
			note += ", says " + cell.Predicted
		}
		if cell.Status != string(explain.OK) {
			alt, note = alt+"; the map is "+cell.Status, note+"; the map is "+cell.Status
		} else {
			note += fmt.Sprintf("; peak %s", page.Number(float64(cell.RawMax)))
		}
		scale := float64(row.Scale)
		if own {
			scale = 0
		}
		s.Plates = append(s.Plates, page.Plate{Title: cell.Variant, Note: note, Pictures: []page.Picture{{
			Alt: alt, Load: func() (image.Image, error) { return v.drawn(w.Method, row, cell, scale) },
		}}})
	}
	return s
}

func (v *varied) photo(row result.WallRow) (*image.RGBA, error) {
	img, err := dataset.DecodeFile(filepath.Join(v.dir, filepath.FromSlash(row.Picture)), dataset.Limits{})
	if err != nil {
		return nil, errors.New("the photograph is gone")
	}
	return fitted(img, gallerySide), nil
}

// drawn draws a cell; scale is the value of the full colour, 0 the map's own largest.
func (v *varied) drawn(method string, row result.WallRow, cell result.WallCell, scale float64) (image.Image, error) {
	photo, err := v.photo(row)
	if err == nil {
		if grid, err := readGrid(filepath.Join(v.dir, filepath.FromSlash(cell.Map))); err == nil {
			o := heatmap.Options{Heat: grid, Faint: cell.Status == string(explain.Faint)}
			for _, m := range Methods() {
				if m.Name == method && m.Signed {
					o.Map, err = heatmap.LookupColorMap(DefaultSettings().SignedColorMap)
				}
			}
			if !math.IsNaN(scale) && !math.IsInf(scale, 0) {
				o.Scale = float32(max(scale, 0))
			}
			return heatmap.Paint(photo, o).Image, err
		}
	}
	overlay, err := dataset.DecodeFile(filepath.Join(v.dir, filepath.FromSlash(cell.Overlay)), dataset.Limits{})
	if err != nil {
		return nil, errors.New("the map is gone")
	}
	return fitted(overlay, gallerySide), nil
}
