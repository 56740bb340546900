package gradcam_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/quick"

	"oscar/explain"
	"oscar/gradcam"
)

// Two positions high, three wide, two channels.
//
//	A_0 = 1 2 3   A_1 = 6 5 4     w_0 = (1+2+3+4+5+3)/6 =  3
//	      4 5 6         3 2 1     w_1 = (0-6+0+0-6+0)/6 = -2
//
//	L = 3 A_0 - 2 A_1 = -9 -4  1
//	                     6 11 16
func TestGradCAMByHand(t *testing.T) {
	activations := explain.Volume{Height: 2, Width: 3, Channels: 2, Values: []float32{
		1, 6, 2, 5, 3, 4,
		4, 3, 5, 2, 6, 1,
	}}
	gradients := explain.Volume{Height: 2, Width: 3, Channels: 2, Values: []float32{
		1, 0, 2, -6, 3, 0,
		4, 0, 5, -6, 3, 0,
	}}
	got := gradcam.GradCAM(activations, gradients)
	want := []float32{-9, -4, 1, 6, 11, 16}
	if got.Height != 2 || got.Width != 3 {
		t.Fatalf("the map is %dx%d, want 2x3", got.Height, got.Width)
	}
	for i := range want {
		if got.Values[i] != want[i] {
			t.Errorf("map %v, want %v", got.Values, want)
			break
		}
	}
}

// slowGradCAM is equations 1 and 2 written down index by index.
func slowGradCAM(a, g explain.Volume) explain.Grid {
	at := func(v explain.Volume, i, j, k int) float64 {
		return float64(v.Values[i*v.Width*v.Channels+j*v.Channels+k])
	}
	out := explain.NewGrid(a.Height, a.Width)
	for k := range a.Channels {
		w := 0.0
		for i := range a.Height {
			for j := range a.Width {
				w += at(g, i, j, k)
			}
		}
		w /= float64(a.Height * a.Width)
		for i := range a.Height {
			for j := range a.Width {
				out.Values[i*a.Width+j] += float32(w * at(a, i, j, k))
			}
		}
	}
	return out
}

func TestGradCAMEqualsSlowTwin(t *testing.T) {
	same := func(seed uint64, h, w, c uint8) bool {
		r := rand.New(rand.NewPCG(seed, 0))
		height, width, channels := int(h%14)+1, int(w%14)+1, int(c%40)+1
		a, g := noise(r, height, width, channels), noise(r, height, width, channels)
		got, want := gradcam.GradCAM(a, g), slowGradCAM(a, g)
		for i := range want.Values {
			if math.Abs(float64(got.Values[i]-want.Values[i])) > 1e-4 {
				return false
			}
		}
		return got.Height == height && got.Width == width
	}
	if err := quick.Check(same, &quick.Config{MaxCount: 200}); err != nil {
		t.Error(err)
	}
}

// In float32, adding 1 to 2^24 changes nothing.
func TestGradCAMAddsInFloat64(t *testing.T) {
	const big = 1 << 24
	a := explain.Volume{Height: 1, Width: 1, Channels: 4, Values: []float32{1, 1, 1, 1}}
	g := explain.Volume{Height: 1, Width: 1, Channels: 4, Values: []float32{big, 1, 1, -big}}
	if got := gradcam.GradCAM(a, g).Values[0]; got != 2 {
		t.Errorf("2^24 + 1 + 1 - 2^24 = %v, want 2", got)
	}
}

func BenchmarkGradCAM(b *testing.B) { // AlexNet's conv5
	r := rand.New(rand.NewPCG(1, 2))
	activations, gradients := noise(r, 13, 13, 256), noise(r, 13, 13, 256)
	for b.Loop() {
		gradcam.GradCAM(activations, gradients)
	}
}
