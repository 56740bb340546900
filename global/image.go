package global

import (
	"slices"

	"oscar/dataset"
	"oscar/explain"
)

// Image is an image with its prediction and explanation.
type Image struct {
	dataset.Item              // Class is the true class
	Predicted    int          // the model's class
	Map          explain.Grid // pooled map for the predicted class; empty if no method needs it
	Features     []float64    // [MeasureImage] and [MeasureMap]; nil without a tree
}

// Recognized reports whether the model predicts the true class.
func (i Image) Recognized() bool { return i.Predicted == i.Class }

// countOf returns the number of images of a class, and the number of recognized ones.
func countOf(images []Image, class int) (all, recognized int) {
	for _, i := range images {
		if i.Class == class {
			all++
			if i.Recognized() {
				recognized++
			}
		}
	}
	return all, recognized
}

// maxMaps is the maximum number of clustered maps. The time for eigenvalues grows with its cube.
const maxMaps = 1000

// drawn returns the images for which keep is true, in order. If there are more than maxMaps, it
// selects maxMaps of them by content and seed.
func drawn(images []Image, seed uint64, keep func(Image) bool) []Image {
	var list []Image
	var items []dataset.Item
	for _, i := range images {
		if keep(i) {
			list = append(list, i)
			items = append(items, dataset.Item{Path: i.Path, SHA256: i.SHA256})
		}
	}
	if len(items) <= maxMaps {
		return list
	}
	kept := map[string]bool{}
	for _, item := range dataset.Draw(items, maxMaps, seed) {
		kept[item.Path] = true
	}
	return slices.DeleteFunc(list, func(i Image) bool { return !kept[i.Path] })
}

// mapsOf returns the maps of the images.
func mapsOf(images []Image) []explain.Grid {
	out := make([]explain.Grid, len(images))
	for i, image := range images {
		out[i] = image.Map
	}
	return out
}
