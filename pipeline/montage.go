package pipeline

import (
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
)

// montage picks one explained image a class: its folder's if that is a class,
// otherwise the predicted one. The first whose map is ok and whose prediction
// is right wins.
type montage struct {
	classes []string
	rows    map[string]Row
	right   map[string]bool
	limits  dataset.Limits
}

func newMontage(classes []string, limits dataset.Limits) *montage {
	return &montage{classes, map[string]Row{}, map[string]bool{}, limits}
}

func (m *montage) consider(r Row) {
	if r.Status != string(explain.OK) {
		return
	}
	class := filepath.Base(filepath.Dir(r.Image))
	if !slices.Contains(m.classes, class) {
		class = r.Predicted
	}
	right := r.Predicted == class && r.Target == class
	if _, taken := m.rows[class]; !taken || right && !m.right[class] {
		m.rows[class], m.right[class] = r, right
	}
}

// write draws the montage, a picture beside its overlay, and returns its path;
// none if there is nothing to show.
func (m *montage) write(out string) (string, error) {
	var rows [][]heatmap.Tile
	var row []heatmap.Tile
	for _, class := range m.classes {
		r, ok := m.rows[class]
		if !ok {
			continue
		}
		picture, err := dataset.DecodeFile(r.Image, m.limits)
		if err != nil {
			return "", fmt.Errorf("montage: %s: %w", r.Image, err)
		}
		overlay, err := dataset.DecodeFile(filepath.Join(out, r.Overlay), dataset.DefaultLimits)
		if err != nil {
			return "", fmt.Errorf("montage: %s: %w", r.Overlay, err)
		}
		row = append(row,
			heatmap.Tile{Image: picture, Caption: class},
			heatmap.Tile{Image: overlay, Caption: fmt.Sprintf("%s %.2f", r.Predicted, r.Probabilities[r.Predicted])})
		if len(row) == 4 {
			rows, row = append(rows, row), nil
		}
	}
	if len(row) > 0 {
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return "", nil
	}
	path := filepath.Join(out, "montage.png")
	return path, heatmap.WritePNG(path, heatmap.Montage(rows, image.Pt(320, 240), color.White))
}
