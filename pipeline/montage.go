package pipeline

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
)

// montage picks one explained image a class: the first whose map is ok and whose
// prediction is right, or else the first of the class. Where there is none, the
// first of no known class that is predicted so stands in.
type montage struct {
	classes []string
	rows    map[string]Row
	worth   map[string]int // of the rows, see consider
	limits  dataset.Limits
}

func newMontage(classes []string, limits dataset.Limits) *montage {
	return &montage{classes, map[string]Row{}, map[string]int{}, limits}
}

func (m *montage) consider(r Row) {
	if r.Status != string(explain.OK) {
		return
	}
	class, worth := m.truth(r), 1
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

// caption is an image's class, or its name where that is not known.
func (m *montage) caption(r Row) string {
	return cmp.Or(m.truth(r), filepath.Base(r.Image)+", class unknown")
}

// truth is the class that an image's folder is named after, "" if that is none.
func (m *montage) truth(r Row) string {
	if class := filepath.Base(filepath.Dir(r.Image)); slices.Contains(m.classes, class) {
		return class
	}
	return ""
}

// montageHeight and montageWidth are the height of a picture in the montage and
// about the width of the whole, in pixels.
const montageHeight, montageWidth = 240, 1320

// write draws the montage, a picture beside its map on it, and returns its path;
// none if there is nothing to show. options say how a row's map is shown.
func (m *montage) write(out string, options func(Row) (heatmap.Options, error)) (string, error) {
	var tiles []heatmap.Tile
	width := 0
	for _, class := range m.classes {
		r, ok := m.rows[class]
		if !ok {
			continue
		}
		picture, err := dataset.DecodeFile(r.Image, m.limits)
		if err != nil {
			continue // it was changed or taken away since it was explained
		}
		o, err := options(r)
		if err != nil {
			return "", fmt.Errorf("montage: %w", err)
		}
		o.Note = fmt.Sprintf("%s\n%s %s", r.Title(), r.Method, r.Layer)
		if r.Target != r.Predicted {
			o.Note += "\nexplained: " + r.Target
		}
		tiles = append(tiles, heatmap.Tile{Image: picture, Caption: m.caption(r)}, heatmap.Paint(picture, o))
		size := picture.Bounds().Size()
		width = max(width, min(montageHeight*size.X/size.Y, montageHeight*3/2), montageHeight/2)
	}
	if len(tiles) == 0 {
		return "", nil
	}
	pairs := max(1, montageWidth/(2*width))
	rows := slices.Collect(slices.Chunk(tiles, 2*pairs))
	path := filepath.Join(out, "montage.png")
	return path, heatmap.WritePNG(path, heatmap.Montage(rows, image.Pt(width, montageHeight), color.White))
}
