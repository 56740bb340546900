package pipeline

import (
	"fmt"
	"image"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/numeric"
	"oscar/savedmodel"
)

// Input returns decoded images as the model takes them: resized to its size,
// [N,Height,Width,3], 0..255.
func Input(meta *savedmodel.Metadata, photos ...*image.RGBA) (explain.Images, error) {
	in := meta.Image
	how, err := dataset.ParseInterpolation(in.Interpolation)
	if err != nil {
		return explain.Images{}, fmt.Errorf("the model's metadata: %w", err)
	}
	size := in.Height * in.Width * 3
	images := explain.Images{N: len(photos), Height: in.Height, Width: in.Width, Channels: 3, Pixels: make([]float32, len(photos)*size)}
	rgb := make([]uint8, size)
	for i, photo := range photos {
		dataset.CopyRGB(rgb, dataset.Resize(photo, in.Height, in.Width, how))
		numeric.Float32s(images.Pixels[i*size:(i+1)*size], rgb)
	}
	return images, nil
}
