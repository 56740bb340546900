package pipeline

import (
	"fmt"
	"image"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/numeric"
	"oscar/savedmodel"
)

// Framing returns how an image becomes a model's input. Its Check returns an error if the
// metadata names an unknown interpolation or aspect.
func Framing(in savedmodel.Image) dataset.Framing {
	return dataset.Framing{
		Height: in.Height, Width: in.Width, Interpolation: dataset.Interpolation(in.Interpolation),
		Aspect: dataset.Aspect(in.Aspect), Padding: in.Padding,
	}
}

// ImageSize returns the size of an image file, upright.
func ImageSize(path string, limits dataset.Limits) (image.Point, error) {
	data, err := dataset.ReadFile(path, limits)
	if err != nil {
		return image.Point{}, fmt.Errorf("%s: %w", path, err)
	}
	header, err := dataset.ReadHeader(data, limits)
	if err != nil {
		return image.Point{}, fmt.Errorf("%s: %w", path, err)
	}
	return header.Upright(), nil
}

// Input returns decoded images as a model's input: fitted to its size, [N,Height,Width,3], 0..255.
func Input(meta *savedmodel.Metadata, photos ...*image.RGBA) (explain.Images, error) {
	in := meta.Image
	framing := Framing(in)
	if err := framing.Check(); err != nil {
		return explain.Images{}, fmt.Errorf("the model's metadata: %w", err)
	}
	size := in.Height * in.Width * 3
	images := explain.Images{N: len(photos), Height: in.Height, Width: in.Width, Channels: 3, Pixels: make([]float32, len(photos)*size)}
	rgb := make([]uint8, size)
	for i, photo := range photos {
		dataset.CopyRGB(rgb, framing.Apply(photo))
		numeric.Float32s(images.Pixels[i*size:(i+1)*size], rgb)
	}
	return images, nil
}
