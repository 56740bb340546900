// Package heatmap draws attribution maps: it resizes a signed map to the image, converts it
// to colors, and draws an overlay with its scale and caption. It does not depend on
// TensorFlow.
//
// # Example
//
//	picture := heatmap.Overlay(photo, heatmap.Options{
//		Heat:  attribution.Map,
//		Title: "glass 0.93",
//		Note:  "grad-cam conv5, target glass",
//	})
//	err := heatmap.WritePNG("bottle.png", picture)
//
// # Parts
//
// [Overlay] consists of steps that can be called separately: [Positive] (ReLU and division by
// the maximum), or [Signed] for a diverging color map; a [ColorMap] by name; [Blend], which
// resizes the map to the image. [Montage] arranges pictures in a grid.
//
// # Guarantees
//
//   - A picture has the size of its photograph. Grids are [Height,Width] everywhere.
//   - A map covers the part of the picture that the model got ([Options.Framing]).
//   - Inputs are never changed.
//   - There is no division by zero. If a map cannot be drawn (all zero, negative, constant, or
//     not finite), the photograph is unchanged and the caption has the reason.
//   - Jet is RGB: red is high.
//
// # Adding a color map
//
// Add a line to the table of colormap.go and run colormaps/generate.py.
package heatmap
