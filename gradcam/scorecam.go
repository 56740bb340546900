package gradcam

import (
	"context"
	"math"

	"oscar/explain"
)

// ScoreCAM is Score-CAM (Wang et al. 2020, arXiv:1910.01279). Each channel is
// resized to the image ([explain.Grid.Resize]), scaled to 0..1, and masks the
// image x. S_k is the class score of the masked image:
//
//	H_k = (up(A_k) - min) / (max - min)
//	S_k = f_c(x * H_k) - f_c(baseline)
//	w_k = exp(S_k) / sum_j exp(S_j)
//
// The map is sum_k w_k A_ijk. The baseline's score is the same for all channels and cancels in the
// softmax, so it is not computed. Masked pixels are black, because the image has raw values. A
// constant channel masks everything. Weights are positive, so the map, without the paper's ReLU, has
// the signs of the activations. f_c is the view's score. A probability is at most 1 and makes the
// weights nearly equal.
//
// The model runs once for every channel, in batches of 32. It must not keep the images. If an
// activation is NaN or infinite, the map is NaN and the model does not run.
func ScoreCAM(ctx context.Context, model explain.Predictor, view View) (explain.Grid, error) {
	a := view.Activations
	if err := checkVolume(a); err != nil {
		return explain.Grid{}, err
	}
	if err := view.checkImage(); err != nil {
		return explain.Grid{}, err
	}
	if !finite(a) {
		return undefined(a), nil
	}
	shown, blank := masks(a)
	size := len(view.Image.Pixels)
	masked := make([]float32, min(channelBatch, len(shown))*size)
	scores, err := view.scoreChannels(shown, func(batch []int) (explain.Prediction, error) {
		images := view.Image
		images.N = len(batch)
		images.Pixels = masked[:len(batch)*size]
		for i, k := range batch {
			mask(images.Pixels[i*size:(i+1)*size], view.Image, channel(a, k))
		}
		return model.Predict(ctx, images)
	})
	if err != nil {
		return explain.Grid{}, err
	}
	for _, k := range blank {
		scores[k] = scores[blank[0]]
	}
	softmax(scores)
	return combine(scores, a), nil
}

// masks returns the channels that the model runs on, and the blank ones, which have a single value.
// All blank channels mask everything, so the model runs only on the first.
func masks(v explain.Volume) (shown, blank []int) {
	for k := range v.Channels {
		low, high := channel(v, k).Range()
		if low == high {
			blank = append(blank, k)
		}
		if low != high || len(blank) == 1 {
			shown = append(shown, k)
		}
	}
	return shown, blank
}

// mask writes the image times a channel, resized and scaled to 0..1.
func mask(out []float32, image explain.Images, channel explain.Grid) {
	wide := channel.Resize(image.Height, image.Width)
	low, high := wide.Range()
	if low == high { // not 0/0
		clear(out)
		return
	}
	for p, value := range wide.Values {
		share := (value - low) / (high - low)
		for c := p * image.Channels; c < (p+1)*image.Channels; c++ {
			out[c] = image.Pixels[c] * share
		}
	}
}

// softmax replaces each value by its share of the exponentials.
func softmax(values []float64) {
	top := math.Inf(-1)
	for _, v := range values {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range values {
		values[i] = math.Exp(v - top)
		sum += values[i]
	}
	for i := range values {
		values[i] /= sum
	}
}
