package pipeline

import (
	"encoding/csv"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/text"
	"oscar/metric"
)

// CheckFigureFile returns an error for a path that [WriteConfusion] and [ClassCurves.Write] cannot
// write to.
func CheckFigureFile(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".csv" && ext != ".png" {
		return fmt.Errorf("%s: want a name that ends with .csv or .png", path)
	}
	return atomicfile.CheckNew(path)
}

// WriteConfusion writes a confusion matrix to a new file: as CSV with a row for each true
// class and a column for each predicted one, or as a PNG picture.
func WriteConfusion(path string, c *metric.Confusion) error {
	if err := CheckFigureFile(path); err != nil {
		return err
	}
	return atomicfile.Output(path, func(f *os.File) error {
		if strings.EqualFold(filepath.Ext(path), ".png") {
			return png.Encode(f, heatmap.Confusion(c.Classes, c.Counts))
		}
		rows := [][]string{{"true"}}
		for i, class := range c.Classes {
			rows[0] = append(rows[0], text.Cell(class))
			row := []string{text.Cell(class)}
			for _, n := range c.Counts[i] {
				row = append(row, strconv.Itoa(n))
			}
			rows = append(rows, row)
		}
		return csv.NewWriter(f).WriteAll(rows)
	})
}
