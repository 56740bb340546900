package gradcam

import (
	"fmt"
	"math"

	"oscar/explain"
	"oscar/internal/numeric"
)

// combine returns sum_k w_k A_ijk: the map with one weight per channel.
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

// channelSums returns sum_ij A_ijk for each channel.
func channelSums(v explain.Volume) []float64 {
	sums := make([]float64, v.Channels)
	for start := 0; start < len(v.Values); start += v.Channels {
		for k, x := range v.Values[start : start+v.Channels] {
			sums[k] += float64(x)
		}
	}
	return sums
}

// channel returns the map of one channel.
func channel(v explain.Volume, k int) explain.Grid {
	out := explain.NewGrid(v.Height, v.Width)
	for p := range out.Values {
		out.Values[p] = v.Values[p*v.Channels+k]
	}
	return out
}

// finite reports whether no value is NaN or infinite.
func finite(v explain.Volume) bool { return numeric.Finite(v.Values...) }

// undefined returns a map of NaN, whose status is explain.NonFinite.
func undefined(v explain.Volume) explain.Grid {
	out := explain.NewGrid(v.Height, v.Width)
	for p := range out.Values {
		out.Values[p] = float32(math.NaN())
	}
	return out
}

// checkCounts returns an error for a differential that does not have one of everything for
// each of n images.
func checkCounts(d explain.Differential, n int) error {
	for _, part := range []struct {
		name  string
		count int
	}{
		{"activations", len(d.Activations)},
		{"gradients", len(d.Gradients)},
		{"targets", len(d.Targets)},
		{"scores", len(d.Scores)},
	} {
		if part.count != n {
			return fmt.Errorf("the model gave %d %s for %d images", part.count, part.name, n)
		}
	}
	return nil
}

// checkPair returns an error for activations and gradients of different shapes, or whose
// values do not fill their shape.
func checkPair(a, g explain.Volume) error {
	if a.Height != g.Height || a.Width != g.Width || a.Channels != g.Channels {
		return fmt.Errorf("activations are %s but gradients %s; want one shape", shape(a), shape(g))
	}
	if err := checkVolume(a); err != nil {
		return err
	}
	if len(g.Values) != len(a.Values) {
		return fmt.Errorf("%d gradients for the shape %s; want %d", len(g.Values), shape(g), len(a.Values))
	}
	return nil
}

// checkVolume returns an error for activations whose values do not fill their shape.
func checkVolume(a explain.Volume) error {
	if a.Height < 1 || a.Width < 1 || a.Channels < 1 {
		return fmt.Errorf("activations are %s; want [height,width,channels] of at least 1", shape(a))
	}
	if want := a.Height * a.Width * a.Channels; len(a.Values) != want {
		return fmt.Errorf("%d activations for the shape %s; want %d", len(a.Values), shape(a), want)
	}
	return nil
}

func shape(v explain.Volume) string {
	return fmt.Sprintf("[%d,%d,%d]", v.Height, v.Width, v.Channels)
}
