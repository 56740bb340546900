package report

import (
	"fmt"
	"image"
	"math"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/checksum"
	"oscar/report/page"
	"oscar/result"
)

// wall shows a method's maps of the same images in every variant, each row on a common scale. A fold
// shows each map on its own scale.
func (v *studyChapter) wall(w result.Wall) page.Section {
	wall := func(own bool) page.Wall {
		var out page.Wall
		for _, row := range w.Rows[:min(len(w.Rows), result.ShownClasses)] {
			out = append(out, v.shelf(w, row, own))
		}
		return out
	}
	blocks := []page.Block{page.Text(fmt.Sprintf("One test image of each class, drawn at random by its content, in the runs with seed %d. The maps explain the true class. "+
		"Maps in a row share one color scale.", w.Seed))}
	if v.signedWalls() {
		blocks = append(blocks, bars(signedColors, "", "")...)
	} else {
		blocks = append(blocks, bars(plainColors, "low", "high")...)
	}
	return page.Section{Title: "Where they look: " + w.Method, Blocks: append(blocks, wall(false),
		page.Fold{Title: "The same images, each map on its own scale", Blocks: []page.Block{wall(true)}})}
}

// signedWalls reports whether a wall has maps with evidence against the class. Then all walls have
// the colors of signed maps.
func (v *studyChapter) signedWalls() bool {
	for _, w := range v.Walls {
		for _, row := range w.Rows {
			for _, cell := range row.Cells {
				if cell.IsSigned(w.Method) {
					return true
				}
			}
		}
	}
	return false
}

// The color maps of a study.
const plainColors, signedColors = "jet", "rdbu_r"

// bars returns the bar of a color map as blocks.
func bars(name, low, high string) (blocks []page.Block) {
	for _, bar := range colorBar(name, "", low, high) {
		blocks = append(blocks, bar)
	}
	return blocks
}

func (v *studyChapter) shelf(w result.Wall, row result.WallRow, own bool) page.Shelf {
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
			note += ", predicted " + cell.Predicted
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
		numbers := fmt.Sprintf("full color: %s; values from %s to %s", page.Number(scale), page.Number(float64(cell.RawMin)), page.Number(float64(cell.RawMax)))
		if own {
			numbers = fmt.Sprintf("full color: the map's largest value; values from %s to %s", page.Number(float64(cell.RawMin)), page.Number(float64(cell.RawMax)))
		}
		s.Plates = append(s.Plates, page.Plate{Title: cell.Variant, Note: note, Pictures: []page.Picture{{
			Alt: alt, Note: numbers, Load: func() (image.Image, error) { return v.paint(w.Method, row, cell, scale) },
		}}})
	}
	return s
}

func (v *studyChapter) photo(row result.WallRow) (*image.RGBA, error) {
	img, err := picture(v.dir, row.Picture)
	if err != nil {
		return nil, lacking(err, "the photograph is missing")
	}
	return dataset.Fit(img, gallerySide), nil
}

// paint draws a cell. scale is the value with the full color; 0: the map's largest value.
func (v *studyChapter) paint(method string, row result.WallRow, cell result.WallCell, scale float64) (image.Image, error) {
	photo, err := v.photo(row)
	if err == nil {
		grid, err := readGrid(v.dir, cell.Map)
		if checksum.Is(err) {
			return nil, lacking(err, "the map is missing")
		} else if err == nil {
			o := heatmap.Options{Heat: grid, Framing: cell.Framing, Faint: cell.Status == string(explain.Faint)}
			name := plainColors
			if cell.IsSigned(method) {
				name = signedColors
			}
			if !math.IsNaN(scale) && !math.IsInf(scale, 0) {
				o.Scale = float32(max(scale, 0))
			}
			if o.Map, err = heatmap.LookupColorMap(name); err != nil {
				return nil, err
			}
			if name == plainColors && v.signedWalls() {
				diverging, err := heatmap.LookupColorMap(signedColors)
				if err != nil {
					return nil, err
				}
				o = o.OneSided(diverging)
			}
			return heatmap.Paint(photo, o).Image, nil
		}
	}
	overlay, err := picture(v.dir, cell.Overlay)
	if err != nil {
		return nil, lacking(err, "the map is missing")
	}
	return dataset.Fit(overlay, gallerySide), nil
}
