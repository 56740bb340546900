package heatmap

import (
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// Cells are shaded by the share of their row; with many classes the picture stays small.
func TestConfusion(t *testing.T) {
	classes := []string{"bottle", "a name that is much longer than a picture should have", "Ωüж"}
	img := Confusion(classes, [][]int{{9, 1, 0}, {0, 0, 0}, {2, 2, 0}})
	if dir := os.Getenv("OSCAR_SCREENSHOTS"); dir != "" {
		f, err := os.Create(filepath.Join(dir, "confusion.png"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
	}
	side := img.Bounds().Dx()
	at := func(row, column int) color.RGBA { // the corner of a cell, where no text is
		first := side - confusionSpace - 3*confusionCell
		return img.RGBAAt(first+column*confusionCell+2, first+row*confusionCell+2)
	}
	for _, test := range []struct {
		row, column int
		want        color.RGBA
	}{
		{0, 0, color.RGBA{52, 105, 174, 255}}, {0, 1, color.RGBA{239, 227, 222, 255}}, {0, 2, color.RGBA{244, 244, 244, 255}},
		{1, 1, color.RGBA{244, 244, 244, 255}}, {2, 0, color.RGBA{220, 161, 132, 255}},
	} {
		if got := at(test.row, test.column); got != test.want {
			t.Errorf("row %d, column %d is %v, want %v", test.row, test.column, got, test.want)
		}
	}
	many, counts := make([]string, 700), make([][]int, 700)
	for i := range many {
		many[i], counts[i] = fmt.Sprint(i), make([]int, 700)
	}
	if side := Confusion(many, counts).Bounds().Dx(); side > 1700 {
		t.Errorf("700 classes take %d pixels", side)
	}
}
