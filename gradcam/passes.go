package gradcam

import "oscar/explain"

// A LayerShaper knows the shape of its layers' outputs, [Height,Width,Channels].
type LayerShaper interface {
	LayerShape(layer string) (height, width, channels int, err error)
}

var _ explain.PassCounter = Explainer{}

// Passes implements [explain.PassCounter]. A method with a Mask or a Head runs the model once per
// channel. The number of channels is the model's if it is a [LayerShaper], else 0.
func (e Explainer) Passes(images explain.Images) int {
	var layer explain.Volume
	if shaper, ok := e.Model.(LayerShaper); ok {
		layer.Height, layer.Width, layer.Channels, _ = shaper.LayerShape(e.Layer)
	}
	passes := 1
	for _, entry := range e.Methods {
		passes += entry.channelRuns(layer)
	}
	return images.N * passes
}

// Passes implements [explain.PassCounter]. Both models run on the image.
func (g GuidedGradCAM) Passes(images explain.Images) int { return 2 * images.N }
