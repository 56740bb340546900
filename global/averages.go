package global

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/score"
)

// ClassAverage is the mean map of a class's recognized images. Each map is divided by its L1 norm
// before.
type ClassAverage struct {
	Class      string       `json:"class"`
	Images     int          `json:"images"`              // number of images of the class
	Recognized int          `json:"recognized"`          // images that the model recognizes
	N          int          `json:"n"`                   // recognized images with a usable map
	Dispersion score.Number `json:"dispersion"`          // see explain.Averager.Dispersion
	Center     score.Number `json:"center"`              // see explain.Averager.Center
	Map        string       `json:"map,omitempty"`       // .npy, relative to the folder; none if n is 0
	Deviation  string       `json:"deviation,omitempty"` // .npy, the standard deviation at each position
	Photo      string       `json:"photo,omitempty"`     // .jpg, the mean of the photographs
}

// ClassMean sums the maps and the photographs of a class. Its zero value is empty.
type ClassMean struct {
	maps  explain.Averager
	photo []uint32 // sums of pixels
}

// Add adds a map, and the image's RGB pixels at the model's size. A map with L1 norm zero is left
// out.
func (m *ClassMean) Add(g explain.Grid, pixels []uint8) error {
	if m.photo == nil {
		m.photo = make([]uint32, len(pixels))
	}
	before := m.maps.N
	if err := m.maps.Add(g); err != nil || m.maps.N == before {
		return err
	}
	for i, v := range pixels {
		m.photo[i] += uint32(v)
	}
	return nil
}

// Average returns the description of a class's mean.
func (m *ClassMean) Average(images []Image, class int, name string) ClassAverage {
	a := ClassAverage{Class: name, N: m.maps.N, Dispersion: score.Number(m.maps.Dispersion()), Center: score.Number(m.maps.Center())}
	a.Images, a.Recognized = countOf(images, class)
	if a.N > 0 {
		a.Map, a.Deviation, a.Photo = fileOf(averagesDir, name, ".npy"), fileOf(averagesDir, name, ".deviation.npy"), fileOf(averagesDir, name, ".jpg")
	}
	return a
}

// meanPhoto returns the mean of the photographs at the model's size.
func (m *ClassMean) meanPhoto(height, width int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		for c := range 3 {
			img.Pix[4*i+c] = uint8((m.photo[3*i+c] + uint32(m.maps.N)/2) / uint32(m.maps.N))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// WriteAverages writes the mean maps, and a sheet with three pictures per class: the mean
// photograph, the signed mean map on it, and the standard deviation. height and width are the
// model's image size.
func (d Drawing) WriteAverages(averages []ClassAverage, means []*ClassMean, height, width int) error {
	if err := os.Mkdir(filepath.Join(d.Dir, averagesDir), 0o777); err != nil {
		return err
	}
	gray, err := heatmap.LookupColorMap(DeviationColors)
	if err != nil {
		return err
	}
	var tiles []heatmap.Tile
	for i, a := range averages {
		if a.N == 0 {
			continue
		}
		mean, deviation := means[i].maps.Mean(), means[i].maps.Deviation()
		photo := dataset.Resize(means[i].meanPhoto(height, width), tileSide, tileSide, dataset.Bilinear)
		if err := errors.Join(d.writeGrid(a.Map, mean), d.writeGrid(a.Deviation, deviation), heatmap.WriteJPEG(filepath.Join(d.Dir, a.Photo), photo)); err != nil {
			return err
		}
		tiles = append(tiles,
			heatmap.Tile{Image: photo, Caption: fmt.Sprintf("%s, mean of %d photographs", d.name(a.Class), a.N)},
			heatmap.Paint(photo, heatmap.Options{Heat: mean, Map: d.Diverging, Alpha: PaleAlpha, Note: fmt.Sprintf("dispersion %.2g, center %.2g", a.Dispersion, a.Center)}),
			heatmap.Paint(photo, heatmap.Options{Heat: deviation, Map: gray, Alpha: DeviationAlpha, Note: "standard deviation"}))
	}
	if len(tiles) == 0 {
		return nil
	}
	across := 3
	if len(tiles) > 9 {
		across = 6
	}
	rows := slices.Collect(slices.Chunk(tiles, across))
	return heatmap.WritePNG(filepath.Join(d.Dir, "averages.png"), heatmap.Montage(rows, image.Pt(tileSide, tileSide), color.White))
}
