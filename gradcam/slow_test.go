package gradcam_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
)

// slow are the methods' equations, index by index, one channel at a time.
var slow = map[string]func(a, g explain.Volume, x explain.Images, model *fake) []float64{
	"gradcam": func(a, g explain.Volume, _ explain.Images, _ *fake) []float64 {
		return weighted(a, func(k int) float64 {
			return over(a, func(i, j int) float64 { return at(g, i, j, k) }) / float64(a.Height*a.Width)
		})
	},
	"gradcam++": func(a, g explain.Volume, _ explain.Images, _ *fake) []float64 {
		return weighted(a, func(k int) float64 {
			total := over(a, func(i, j int) float64 { return at(a, i, j, k) })
			return over(a, func(i, j int) float64 {
				d := at(g, i, j, k)
				alpha := math.Pow(d, 2) / (2*math.Pow(d, 2) + total*math.Pow(d, 3) + 1e-6)
				return alpha * max(d, 0)
			})
		})
	},
	"hirescam": func(a, g explain.Volume, _ explain.Images, _ *fake) []float64 {
		return everywhere(a, func(i, j int) (sum float64) {
			for k := range a.Channels {
				sum += at(g, i, j, k) * at(a, i, j, k)
			}
			return sum
		})
	},
	"layercam": func(a, g explain.Volume, _ explain.Images, _ *fake) []float64 {
		return everywhere(a, func(i, j int) (sum float64) {
			for k := range a.Channels {
				if at(g, i, j, k) > 0 {
					sum += at(g, i, j, k) * at(a, i, j, k)
				}
			}
			return sum
		})
	},
	"xgradcam": func(a, g explain.Volume, _ explain.Images, _ *fake) []float64 {
		return weighted(a, func(k int) float64 {
			total := over(a, func(i, j int) float64 { return at(a, i, j, k) }) + 1e-7
			return over(a, func(i, j int) float64 { return at(a, i, j, k) / total * at(g, i, j, k) })
		})
	},
	// By power iteration: v becomes the largest singular vector of O, however it
	// began.
	"eigencam": func(a, _ explain.Volume, _ explain.Images, _ *fake) []float64 {
		mean, v := make([]float64, a.Channels), make([]float64, a.Channels)
		for k := range v {
			mean[k] = over(a, func(i, j int) float64 { return at(a, i, j, k) }) / float64(a.Height*a.Width)
			v[k] = 1 + 1/float64(k+2)
		}
		project := func(i, j int) (sum float64) {
			for k := range v {
				sum += (at(a, i, j, k) - mean[k]) * v[k]
			}
			return sum
		}
		for range 300 {
			next, size := make([]float64, len(v)), 0.0
			for k := range next {
				next[k] = over(a, func(i, j int) float64 { return (at(a, i, j, k) - mean[k]) * project(i, j) })
				size += next[k] * next[k]
			}
			for k := range next {
				v[k] = next[k] / max(math.Sqrt(size), 1e-300)
			}
		}
		out := everywhere(a, project)
		if math.Abs(slices.Min(out)) > math.Abs(slices.Max(out)) {
			for p := range out {
				out[p] = -out[p]
			}
		}
		return out
	},
	"scorecam": func(a, _ explain.Volume, x explain.Images, model *fake) []float64 {
		return weighted(a, func(k int) float64 {
			total := 0.0
			for other := range a.Channels {
				total += math.Exp(maskedScore(a, other, x, model))
			}
			return math.Exp(maskedScore(a, k, x, model)) / total
		})
	},
	"ablationcam": func(a, _ explain.Volume, _ explain.Images, model *fake) []float64 {
		y := float64(model.head(a))
		return weighted(a, func(k int) float64 {
			without := a
			without.Values = slices.Clone(a.Values)
			for i := range without.Values {
				if i%a.Channels == k {
					without.Values[i] = 0
				}
			}
			return (y - float64(model.head(without))) / math.Abs(y)
		})
	},
}

// maskedScore is what the model says of the image masked by a channel, which a
// tent around each of its positions enlarges.
func maskedScore(a explain.Volume, k int, x explain.Images, model *fake) float64 {
	tent := func(in, out, i, at int) float64 {
		where := (float64(at)+0.5)*float64(in)/float64(out) - 0.5
		where = min(max(where, 0), float64(in-1)) // clamped edges
		return max(0, 1-math.Abs(float64(i)-where))
	}
	wide := explain.Volume{Height: x.Height, Width: x.Width}
	h := everywhere(wide, func(y, x int) float64 {
		return over(a, func(i, j int) float64 {
			return tent(a.Height, wide.Height, i, y) * tent(a.Width, wide.Width, j, x) * at(a, i, j, k)
		})
	})
	low, high := slices.Min(h), slices.Max(h)
	pixels := slices.Clone(x.Pixels)
	for i := range pixels {
		share := 0.0
		if high-low > 1e-5 {
			share = (h[i/x.Channels] - low) / (high - low)
		}
		pixels[i] = float32(float64(pixels[i]) * share)
	}
	return float64(model.see(pixels))
}

func at(v explain.Volume, i, j, k int) float64 {
	return float64(v.Values[i*v.Width*v.Channels+j*v.Channels+k])
}

// over is the sum over a volume's positions.
func over(v explain.Volume, f func(i, j int) float64) (sum float64) {
	for i := range v.Height {
		for j := range v.Width {
			sum += f(i, j)
		}
	}
	return sum
}

// everywhere is f of every position.
func everywhere(v explain.Volume, f func(i, j int) float64) []float64 {
	out := make([]float64, 0, v.Height*v.Width)
	over(v, func(i, j int) float64 { out = append(out, f(i, j)); return 0 })
	return out
}

// weighted is sum_k w_k A_k.
func weighted(a explain.Volume, weight func(k int) float64) []float64 {
	out := make([]float64, a.Height*a.Width)
	for k := range a.Channels {
		w := weight(k)
		over(a, func(i, j int) float64 { out[i*a.Width+j] += w * at(a, i, j, k); return 0 })
	}
	return out
}

func TestEqualsSlowTwin(t *testing.T) {
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		twin, ok := slow[entry.Name]
		if !ok {
			t.Fatalf("slow_test.go has no slow twin of %s", entry.Name)
		}
		largest := 0.0
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 0))
			height, width, channels := r.IntN(6)+1, r.IntN(6)+1, r.IntN(40)+1
			a, g := noise(r, height, width, channels), noise(r, height, width, channels)
			separate(r, a)
			for i := range a.Values { // two channels that are blank, one of them zero
				switch i % channels {
				case 7:
					a.Values[i] = 0
				case 9:
					a.Values[i] = 3
				}
			}
			x := photos(r, 1, height+r.IntN(9), width+r.IntN(9))
			seen, weights := noise(r, x.Height, x.Width, x.Channels).Values, noise(r, height, width, channels).Values
			model := &fake{
				activations: []explain.Volume{a},
				gradients:   []explain.Volume{g},
				see:         func(pixels []float32) float32 { return dot(pixels, seen) / 2000 },
				head:        func(v explain.Volume) float32 { return dot(v.Values, weights) },
			}
			view := gradcam.View{Image: x, Activations: a, Gradients: g, Target: 1, Value: model.head(a)}
			got := run(t, entry, model, view)
			want := twin(a, g, x, model)
			if got.Height != height || got.Width != width || !near(got, want, 1e-4) {
				t.Errorf("[%d,%d,%d]: off by %.1g", height, width, channels, difference(got, want))
			}
			largest = max(largest, agreement.Apart(got.Values, want))
		}
		if o, _ := readOracle(t); o.ReLU1.Maps[entry.Name] == nil {
			agreement.Check(t, agreement.Line{
				Group: agreement.CAM, Subject: entry.Name, Model: "hand-made", Oracle: agreement.TwinOnly,
				Compared: "map of 20 random layers", Difference: largest, Of: "its largest value", Bound: 1e-4,
			})
		}
	})
}

// separate adds a pattern of one kind to all channels, so that one singular
// value is much larger than the others.
func separate(r *rand.Rand, a explain.Volume) {
	pattern, strength := make([]float32, a.Height*a.Width), make([]float32, a.Channels)
	for p := range pattern {
		pattern[p] = float32(r.NormFloat64())
	}
	for k := range strength {
		strength[k] = 3 * float32(r.NormFloat64())
	}
	for i := range a.Values {
		a.Values[i] += pattern[i/a.Channels] * strength[i%a.Channels]
	}
}

func dot(a, b []float32) float32 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return float32(sum)
}

// A wider layer runs in batches of 32; of channels of one value one is shown,
// channels that are zero are not ablated.
func TestBatchesOfChannels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a := noise(r, 3, 3, 70)
	for i := range a.Values {
		switch i % 70 {
		case 3, 50:
			a.Values[i] = 0
		case 69:
			a.Values[i] = -2
		}
	}
	view := gradcam.View{Image: photos(r, 1, 4, 4), Layer: "conv5", Activations: a, Value: 1}
	for _, test := range []struct {
		name string
		want []int
	}{
		{"scorecam", []int{32, 32, 4}},    // 67 and a blank one
		{"ablationcam", []int{32, 32, 4}}, // all but two
	} {
		model := &fake{}
		run(t, lookup(t, test.name), model, view)
		if !slices.Equal(model.batches, test.want) {
			t.Errorf("%s: runs of %v channels, want %v", test.name, model.batches, test.want)
		}
	}
}
