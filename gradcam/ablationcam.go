package gradcam

import (
	"context"
	"math"

	"oscar/explain"
)

// AblationCAM is Ablation-CAM (Desai and Ramaswamy 2020, WACV). With y the
// class score and y_k what it is when channel k is set to zero,
//
//	w_k = (y - y_k) / |y|
//
// and the map is sum_k w_k A_ijk, signed, without the paper's ReLU. The paper
// divides by y, which for y < 0 would turn every sign: what speaks for the
// class would be shown as speaking against it. oscar divides by |y|; where
// y > 0 the two are one. If y is zero or not finite there is no share of it to
// measure: the map is NaN, its status explain.NonFinite.
//
// The model runs from the layer on, once for every channel that is not zero
// already (one that is has y_k = y and no weight), in batches of 32; it must
// not keep the activations. Ones with a NaN or an infinity give a map of NaN and no run.
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
	ablated := room(a, min(channelBatch, len(live)))
	weights, err := view.scoreChannels(live, func(batch []int) (explain.Prediction, error) {
		for i, k := range batch {
			ablate(ablated[i], a, k)
		}
		return model.PredictFrom(ctx, view.Layer, ablated[:len(batch)])
	})
	if err != nil {
		return explain.Grid{}, err
	}
	for _, k := range live {
		weights[k] = (y - weights[k]) / math.Abs(y)
	}
	return combine(weights, a), nil
}

// liveChannels are those that are not zero everywhere.
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

// ablate writes v without channel k.
func ablate(out, v explain.Volume, k int) {
	copy(out.Values, v.Values)
	for i := k; i < len(out.Values); i += v.Channels {
		out.Values[i] = 0
	}
}
