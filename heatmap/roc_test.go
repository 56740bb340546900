package heatmap

import (
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// Curves go where their points are; with many classes the picture keeps its size.
func TestROC(t *testing.T) {
	curves := []Curve{
		{"bottle", []float64{0, 0, 0.5, 0.5, 1}, []float64{0, 0.5, 0.5, 1, 1}, 0.75},
		{"a name that is much longer than a picture should have", []float64{0, 0, 1}, []float64{0, 1, 1}, 1},
		{"Ωüж", []float64{0, 0.2, 1}, []float64{0, 0.8, 1}, 0.8},
	}
	img := ROC(curves, 0.85)
	if dir := os.Getenv("OSCAR_SCREENSHOTS"); dir != "" {
		f, err := os.Create(filepath.Join(dir, "roc.png"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		x, y float64
		want color.RGBA
	}{
		{0.25, 0.5, rocColors[0]}, {0.5, 0.75, rocColors[0]}, {0.3, 1, rocColors[1]}, {0.5, 0.25, color.RGBA{255, 255, 255, 255}},
	} {
		if got := img.RGBAAt(rocLeft+int(test.x*rocSide), rocSpace+int((1-test.y)*rocSide)); got != test.want {
			t.Errorf("at %v, %v is %v, want %v", test.x, test.y, got, test.want)
		}
	}
	many := make([]Curve, 30)
	for i := range many {
		many[i] = Curve{fmt.Sprint(i), []float64{0, 1}, []float64{0, 1}, 0.5}
	}
	if ROC(many, 0.5).Bounds() != img.Bounds() {
		t.Error("the picture of 30 classes has another size")
	}
}
