package gradcam

import (
	"math"

	"oscar/explain"
)

// combine is sum_k w_k A_ijk, the map that a weight for each channel makes.
func combine(weights []float64, activations explain.Volume) explain.Grid {
	channels := activations.Channels
	out := explain.NewGrid(activations.Height, activations.Width)
	for p := range out.Values {
		sum := 0.0
		for k, a := range activations.Values[p*channels : (p+1)*channels] {
			sum += weights[k] * float64(a)
		}
		out.Values[p] = float32(sum)
	}
	return out
}

// channelSums is sum_ij A_ijk for each channel.
func channelSums(v explain.Volume) []float64 {
	sums := make([]float64, v.Channels)
	for start := 0; start < len(v.Values); start += v.Channels {
		for k, x := range v.Values[start : start+v.Channels] {
			sums[k] += float64(x)
		}
	}
	return sums
}

// channel is one channel's map.
func channel(v explain.Volume, k int) explain.Grid {
	out := explain.NewGrid(v.Height, v.Width)
	for p := range out.Values {
		out.Values[p] = v.Values[p*v.Channels+k]
	}
	return out
}

// finite says that no value is NaN or infinite.
func finite(v explain.Volume) bool {
	for _, x := range v.Values {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// undefined is a volume's map where there is none: NaN, its status
// explain.NonFinite.
func undefined(v explain.Volume) explain.Grid {
	out := explain.NewGrid(v.Height, v.Width)
	for p := range out.Values {
		out.Values[p] = float32(math.NaN())
	}
	return out
}
