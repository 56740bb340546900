// Package heatmap makes pictures of attribution maps: it resizes a signed map to
// the image, turns it into colours, and draws an overlay with its scale and
// caption. It does not depend on TensorFlow.
//
// # First call
//
//	picture := heatmap.Overlay(photo, heatmap.Options{
//		Heat:  attribution.Map,
//		Title: "glass 0.93",
//		Note:  "grad-cam conv5, target glass",
//	})
//	err := heatmap.WritePNG("bottle.png", picture)
//
// # The parts
//
// [Overlay] consists of steps that can be called one by one: [Positive] (ReLU and
// division by the maximum), or [Signed] for a diverging colour map; a [ColorMap]
// by name; [Blend], which resizes the map to the image. [Montage] arranges
// pictures in a grid.
//
// # What holds
//
//   - A picture has the size of its photograph. Height and width are never
//     swapped: grids are [Height,Width] everywhere.
//   - A map lies where the model saw the picture ([Options.Framing]).
//   - Inputs are never changed.
//   - Nothing divides by zero. A map with nothing to show (all zero, negative,
//     constant, or not finite) leaves the photograph unchanged, and the caption
//     says why.
//   - Jet is RGB: red is high.
//
// # To add a colour map
//
// Add a line to the table of colormap.go and run colormaps/generate.py.
package heatmap
