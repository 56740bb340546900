package heatmap_test

import (
	"fmt"
	"image"
	"image/color"

	"oscar/explain"
	"oscar/heatmap"
)

// The picture for people: a photograph, its map, what was predicted.
func ExampleOverlay() {
	photo := image.NewRGBA(image.Rect(0, 0, 512, 384))
	attribution := explain.Grid{Height: 2, Width: 2, Values: []float32{0, 0.01, -0.02, 0.032}}

	viridis, err := heatmap.LookupColorMap("viridis")
	if err != nil {
		fmt.Println(err)
		return
	}
	picture := heatmap.Overlay(photo, heatmap.Options{
		Heat:  attribution,
		Map:   viridis,
		Title: "glass 0.93",
		Note:  "grad-cam conv5, target glass",
	})
	fmt.Println(picture.Rect.Size())
	// Output: (512,384)
}

func ExamplePositive() {
	scaled := heatmap.Positive(explain.Grid{Height: 1, Width: 4, Values: []float32{-2, 0, 1, 4}})
	fmt.Println(scaled.Values)
	// Output: [0 0 0.25 1]
}

// A class in each row: its picture, and the overlay beside it.
func ExampleMontage() {
	photo := image.NewRGBA(image.Rect(0, 0, 512, 384))
	overlay := heatmap.Overlay(photo, heatmap.Options{Title: "glass 0.93"})
	sheet := heatmap.Montage([][]heatmap.Tile{
		{{Image: photo, Caption: "glass"}, {Image: overlay, Caption: "glass 0.93"}},
	}, image.Pt(256, 192), color.White)
	fmt.Println(sheet.Rect.Dx() > 2*256)
	// Output: true
}
