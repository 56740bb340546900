package gradcam

import (
	"context"
	"math"

	"oscar/explain"
)

// AblationCAM is Ablation-CAM (Desai and Ramaswamy 2020, WACV). y is the class
// score, y_k the class score with channel k set to zero:
//
//	w_k = (y - y_k) / |y|
//
// The map is sum_k w_k A_ijk, signed, without the paper's ReLU. The paper
// divides by y. For y < 0 that reverses every sign, so that evidence for the
// class looks like evidence against it. oscar divides by |y|, which is the same
// for y > 0. If y is zero or not finite, the map is NaN and its status
// explain.NonFinite.
//
// Paths that avoid the layer, such as shortcuts, keep their values. The model runs from the layer
// on, in batches of 32, once for every channel that is not zero everywhere (zero channels have y_k =
// y and weight zero). The model must not keep the activations. If an activation is NaN or infinite,
// the map is NaN and the model does not run.
func AblationCAM(ctx context.Context, model explain.Head, view View) (explain.Grid, error) {
	a := view.Activations
	if err := checkVolume(a); err != nil {
		return explain.Grid{}, err
	}
	y := float64(view.Value)
	if y == 0 || y-y != 0 || !finite(a) {
		return undefined(a), nil
	}
	live := liveChannels(a)
	ablated := make([]explain.Volume, min(channelBatch, len(live)))
	for i := range ablated {
		ablated[i] = a
		ablated[i].Values = make([]float32, len(a.Values))
	}
	weights, err := view.scoreChannels(live, func(batch []int) (explain.Prediction, error) {
		for i, k := range batch {
			ablate(ablated[i], a, k)
		}
		return model.PredictFrom(ctx, view.Image, view.Layer, ablated[:len(batch)])
	})
	if err != nil {
		return explain.Grid{}, err
	}
	for _, k := range live {
		weights[k] = (y - weights[k]) / math.Abs(y)
	}
	return combine(weights, a), nil
}

// liveChannels returns the channels that are not zero everywhere.
func liveChannels(v explain.Volume) (live []int) {
	seen := make([]bool, v.Channels)
	for i, x := range v.Values {
		seen[i%v.Channels] = seen[i%v.Channels] || x != 0
	}
	for k, ok := range seen {
		if ok {
			live = append(live, k)
		}
	}
	return live
}

// ablate writes v with channel k set to zero.
func ablate(out, v explain.Volume, k int) {
	copy(out.Values, v.Values)
	for i := k; i < len(out.Values); i += v.Channels {
		out.Values[i] = 0
	}
}
