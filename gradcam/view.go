package gradcam

import (
	"fmt"
	"slices"

	"oscar/explain"
)

// A View is one image, its activations and gradients at one layer, and the class score to explain.
type View struct {
	Image       explain.Images // one image
	Layer       string
	Activations explain.Volume
	Gradients   explain.Volume
	Target      int           // the class
	Score       explain.Score // the score of the class; "": explain.Logit
	Value       float32       // the score of the unchanged image
}

// channelBatch is the number of channels per run of the model.
const channelBatch = 32

// scoreChannels runs the model for each of the channels, channelBatch at a time. It returns the
// class score of each channel, and zero for channels that are not listed.
func (v View) scoreChannels(channels []int, run func(batch []int) (explain.Prediction, error)) ([]float64, error) {
	out := make([]float64, v.Activations.Channels)
	for batch := range slices.Chunk(channels, channelBatch) {
		prediction, err := run(batch)
		if err != nil {
			return nil, fmt.Errorf("channels %d to %d: %w", batch[0], batch[len(batch)-1], err)
		}
		rows := prediction.Logits
		if v.Score == explain.Probability {
			rows = prediction.Probabilities
		}
		if len(rows) != len(batch) {
			return nil, fmt.Errorf("the model gave %d predictions for %d channels", len(rows), len(batch))
		}
		for i, k := range batch {
			if v.Target < 0 || v.Target >= len(rows[i]) {
				return nil, fmt.Errorf("no class %d in a prediction of %d", v.Target, len(rows[i]))
			}
			out[k] = float64(rows[i][v.Target])
		}
	}
	return out, nil
}

// checkImage returns an error unless there is one image whose pixels fill its shape.
func (v View) checkImage() error {
	image := v.Image
	if want := image.Size(); image.N != 1 || want < 1 || len(image.Pixels) != want {
		return fmt.Errorf("%d pixel values for an image of shape [%d,%d,%d,%d]; want one whole image",
			len(image.Pixels), image.N, image.Height, image.Width, image.Channels)
	}
	return nil
}
