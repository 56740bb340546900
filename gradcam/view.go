package gradcam

import (
	"fmt"
	"slices"

	"oscar/explain"
)

// A View is one image at one layer, and the class score asked about.
type View struct {
	Image       explain.Images // one image
	Layer       string
	Activations explain.Volume
	Gradients   explain.Volume
	Target      int           // the class
	Score       explain.Score // which of the class's scores; "" is explain.Logit
	Value       float32       // that score of the image as it is
}

// channelBatch is how many channels a run of the model takes at once.
const channelBatch = 32

// scoreChannels runs the model for each of the channels, channelBatch at once,
// and returns the class score by channel; of those not asked for it is zero.
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

// room are n volumes of v's shape.
func room(v explain.Volume, n int) []explain.Volume {
	out := make([]explain.Volume, n)
	for i := range out {
		out[i] = v
		out[i].Values = make([]float32, len(v.Values))
	}
	return out
}
