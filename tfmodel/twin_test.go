package tfmodel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
)

// The twins: each layer once more, slowly and plainly, in float64.

// grid is a float64 image [h,w,c].
type grid struct {
	h, w, c int
	v       []float64
}

func newGrid(h, w, c int) grid { return grid{h, w, c, make([]float64, h*w*c)} }

func (g grid) at(y, x, c int) *float64 { return &g.v[(y*g.w+x)*g.c+c] }

// images cuts a batch.
func images(flat []float32, s Shape) []grid {
	var out []grid
	for size := s.Elements(); len(flat) > 0; flat = flat[size:] {
		g := newGrid(s[0], s[1], s[2])
		for i := range g.v {
			g.v[i] = float64(flat[i])
		}
		out = append(out, g)
	}
	return out
}

func flat(gs []grid) []float32 {
	var out []float32
	for _, g := range gs {
		for _, v := range g.v {
			out = append(out, float32(v))
		}
	}
	return out
}

// slide calls visit for every output position and every input position in its
// window, (i,j) within the window. With SAME, ceil(n/stride) windows are laid
// so that what they lack lies half before the image and half, or one more,
// after it.
func slide(g grid, size, stride int, p Padding, visit func(oy, ox, i, j, y, x int)) (h, w int) {
	axis := func(n int) (count, before int) {
		if p == Valid {
			return (n-size)/stride + 1, 0
		}
		count = int(math.Ceil(float64(n) / float64(stride)))
		return count, max((count-1)*stride+size-n, 0) / 2
	}
	h, top := axis(g.h)
	w, left := axis(g.w)
	for oy := range h {
		for ox := range w {
			for i := range size {
				for j := range size {
					y, x := oy*stride+i-top, ox*stride+j-left
					if y >= 0 && y < g.h && x >= 0 && x < g.w {
						visit(oy, ox, i, j, y, x)
					}
				}
			}
		}
	}
	return h, w
}

func convolve(g grid, l *Conv2D, kernel, bias []float32) grid {
	h, w := slide(g, l.Kernel, l.Stride, l.Padding, func(int, int, int, int, int, int) {})
	out := newGrid(h, w, l.Filters)
	for i := range out.v {
		if l.hasBias() {
			out.v[i] = float64(bias[i%l.Filters])
		}
	}
	slide(g, l.Kernel, l.Stride, l.Padding, func(oy, ox, i, j, y, x int) {
		for c := range g.c {
			for f := range l.Filters {
				*out.at(oy, ox, f) += *g.at(y, x, c) * float64(kernel[((i*l.Kernel+j)*g.c+c)*l.Filters+f])
			}
		}
	})
	return out
}

// pool reduces every window of every channel.
func pool(g grid, size, stride int, p Padding, reduce func([]float64) float64) grid {
	type place struct{ y, x, c int }
	windows := map[place][]float64{}
	h, w := slide(g, size, stride, p, func(oy, ox, _, _, y, x int) {
		for c := range g.c {
			windows[place{oy, ox, c}] = append(windows[place{oy, ox, c}], *g.at(y, x, c))
		}
	})
	out := newGrid(h, w, g.c)
	for p, values := range windows {
		*out.at(p.y, p.x, p.c) = reduce(values)
	}
	return out
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// moments returns each channel's mean and variance over the batch.
func moments(gs []grid) (means, variances []float64) {
	for c := range gs[0].c {
		var values []float64
		for _, g := range gs {
			for i := c; i < len(g.v); i += g.c {
				values = append(values, g.v[i])
			}
		}
		m := mean(values)
		for i, v := range values {
			values[i] = (v - m) * (v - m)
		}
		means, variances = append(means, m), append(variances, mean(values))
	}
	return means, variances
}

// normalize is gamma (x - mean) / sqrt(variance + epsilon) + beta.
func normalize(g grid, means, variances []float64, gamma, beta []float32, epsilon float64) grid {
	out := newGrid(g.h, g.w, g.c)
	for i, v := range g.v {
		c := i % g.c
		out.v[i] = float64(gamma[c])*(v-means[c])/math.Sqrt(variances[c]+epsilon) + float64(beta[c])
	}
	return out
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// each maps a batch.
func each(gs []grid, f func(grid) grid) []float32 {
	out := make([]grid, len(gs))
	for i, g := range gs {
		out[i] = f(g)
	}
	return flat(out)
}

// twin notes a line of docs/correctness.md.
func twin(t *testing.T, l Layer, compared string, got, want []float32) {
	t.Helper()
	agreement.Check(t, agreement.Line{
		Group: agreement.Layer, Subject: l.Kind(), Oracle: "a slow twin in float64", Compared: compared,
		Difference: agreement.Apart(got, want), Of: "its largest value", Bound: 1e-5,
	})
}

func forEachWindow(test func(size, stride int, p Padding)) {
	for _, p := range []Padding{Same, Valid} {
		for _, size := range []int{1, 2, 3, 5} {
			for stride := 1; stride <= 4; stride++ {
				test(size, stride, p)
			}
		}
	}
}

func TestConvolutionTwin(t *testing.T) {
	in := Shape{7, 6, 3}
	forEachWindow(func(size, stride int, p Padding) {
		l := &Conv2D{Filters: 4, Kernel: size, Stride: stride, Padding: p}
		r := newRig(t, l, in, false)
		at := r.point(2)
		want := each(images(at.x, in), func(g grid) grid { return convolve(g, l, at.params["kernel"], at.params["bias"]) })
		twin(t, l, "output, windows and strides", r.apply(at), want)
	})
}

func TestPoolingTwins(t *testing.T) {
	in := Shape{7, 6, 3}
	forEachWindow(func(size, stride int, p Padding) {
		for _, test := range []struct {
			layer  Layer
			reduce func([]float64) float64
		}{
			{&MaxPool2D{size, stride, p}, slices.Max[[]float64]},
			{&AveragePool2D{size, stride, p}, mean},
		} {
			r := newRig(t, test.layer, in, false)
			at := r.point(2)
			for i := range at.x {
				at.x[i] -= 10 // all negative: a border of zeros would show
			}
			want := each(images(at.x, in), func(g grid) grid { return pool(g, size, stride, p, test.reduce) })
			twin(t, test.layer, "output, windows and strides", r.apply(at), want)
		}
	})
	r := newRig(t, &GlobalAveragePool2D{}, in, false)
	at := r.point(2)
	want := each(images(at.x, in), func(g grid) grid {
		m, _ := moments([]grid{g})
		return grid{1, 1, g.c, m}
	})
	twin(t, r.layer, "output", r.apply(at), want)
}

func TestUnbiasedConvolutionTwin(t *testing.T) {
	in := Shape{5, 4, 2}
	l := &Conv2D{Filters: 3, Kernel: 3, Stride: 2, Padding: Same, UseBias: new(false)}
	r := newRig(t, l, in, false)
	at := r.point(2)
	want := each(images(at.x, in), func(g grid) grid { return convolve(g, l, at.params["kernel"], nil) })
	twin(t, l, "output, without bias", r.apply(at), want)
}

func TestDenseTwin(t *testing.T) {
	r := newRig(t, &Dense{Units: 5}, Shape{7}, false)
	at := r.point(3)
	var want []float32
	for n := range at.n {
		for u := range 5 {
			sum := float64(at.params["bias"][u])
			for i := range 7 {
				sum += float64(at.x[n*7+i]) * float64(at.params["kernel"][i*5+u])
			}
			want = append(want, float32(sum))
		}
	}
	twin(t, r.layer, "output", r.apply(at), want)
}

func TestBatchNormalizationTwin(t *testing.T) {
	in := Shape{4, 3, 2}
	for _, l := range []*BatchNormalization{{}, {Momentum: 0.7, Epsilon: 0.25}} {
		momentum, epsilon := 0.99, 1e-3 // Keras's
		if l.Momentum != 0 {
			momentum, epsilon = l.Momentum, l.Epsilon
		}
		t.Run(fmt.Sprintf("%+v", *l), func(t *testing.T) {
			r := newRig(t, l, in, false)
			at := r.point(3)
			gamma, beta := at.params["gamma"], at.params["beta"]
			want := each(images(at.x, in), func(g grid) grid {
				return normalize(g, wide(at.params["moving_mean"]), wide(at.params["moving_variance"]), gamma, beta, epsilon)
			})
			twin(t, l, "output in inference, with the moving moments", r.apply(at), want)

			r = newRig(t, l, in, true)
			means, variances := moments(images(at.x, in))
			want = each(images(at.x, in), func(g grid) grid { return normalize(g, means, variances, gamma, beta, epsilon) })
			twin(t, l, "output in training, with the batch's moments", r.apply(at), want)
			checkMovingMoments(t, r, at, momentum)
		})
	}
}

// checkMovingMoments runs the updates of two batches and holds the moving
// moments against moving = momentum * moving + (1 - momentum) * batch, where
// the batch variance has Bessel's correction.
func checkMovingMoments(t *testing.T, r *rig, at point, momentum float64) {
	at.params = nil // the variables' own values
	var init []graph.Op
	var moving []graph.Tensor
	for _, v := range r.vars.all {
		init = append(init, v.Init)
	}
	for _, role := range []string{"moving_mean", "moving_variance"} {
		moving = append(moving, r.vars.byName[rigName+"/"+role].Value)
	}
	r.run(at, nil, nil, init...)
	channels := r.in[2]
	wantMean, wantVariance := make([]float32, channels), make([]float32, channels)
	for c := range channels {
		wantVariance[c] = 1
	}
	for range 2 {
		for i := range at.x {
			at.x[i] += float32(3 + i%channels)
		}
		r.run(at, nil, nil, r.updates...)
		means, variances := moments(images(at.x, r.in))
		n := float64(at.n * r.in[0] * r.in[1])
		for c := range channels {
			wantMean[c] = float32(momentum*float64(wantMean[c]) + (1-momentum)*means[c])
			wantVariance[c] = float32(momentum*float64(wantVariance[c]) + (1-momentum)*variances[c]*n/(n-1))
		}
		got := r.run(at, nil, moving)
		twin(t, r.layer, "moving mean after two steps", got[0], wantMean)
		twin(t, r.layer, "moving variance after two steps", got[1], wantVariance)
	}
}

func TestDropout(t *testing.T) {
	const rate, n = 0.3, 20_000
	l, in := &Dropout{Rate: rate}, Shape{n}
	r := newRig(t, l, in, true)
	at := r.point(2)
	for i := range at.x {
		at.x[i] = float32(i%100 + 1)
	}
	masked := r.apply(at)
	kept := 0
	for i, v := range masked {
		if v != 0 {
			kept++
			if want := float64(at.x[i]) / (1 - rate); math.Abs(float64(v)-want) > 1e-5*want {
				t.Fatalf("%g is kept as %g, want %g", at.x[i], v, want)
			}
		}
	}
	// Five standard deviations of a binomial.
	if mean, deviation := (1-rate)*2*n, math.Sqrt(rate*(1-rate)*2*n); math.Abs(float64(kept)-mean) > 5*deviation {
		t.Errorf("%d of %d kept, want %.0f +- %.0f", kept, 2*n, mean, 5*deviation)
	}
	if agree(masked[:n], masked[n:]) > 0.7 {
		t.Error("both examples of a batch have one mask")
	}
	if !slices.Equal(r.apply(at), masked) {
		t.Error("the same seed gives another mask")
	}
	at.seed++
	if agree(r.apply(at), masked) > 0.7 {
		t.Error("another seed gives the same mask")
	}
	at.seed--

	if got := newRig(t, l, in, false).apply(at); !slices.Equal(got, at.x) {
		t.Error("in inference it changes its input")
	}
	if got := newRig(t, &Dropout{}, in, true).apply(at); !slices.Equal(got, at.x) {
		t.Error("at rate 0 it changes its input")
	}
}

// agree returns the share of places where both are zero or both are not; of
// independent masks at rate 0.3 it is 0.58.
func agree(a, b []float32) float64 {
	n := 0
	for i := range a {
		if (a[i] == 0) == (b[i] == 0) {
			n++
		}
	}
	return float64(n) / float64(len(a))
}

// Two dropout layers of one network are not to have one mask.
func TestDropoutLayersHaveMasksOfTheirOwn(t *testing.T) {
	g := graph.New()
	seed := g.Const(graph.FromInt64s(graph.Shape{2}, []int64{7, 0}))
	x := g.Fill(graph.Shape{1, 20_000}, 1)
	layers, _ := steps(nil).appendLayers("", []Named{{"dropout1", &Dropout{Rate: 0.3}}, {"dropout2", &Dropout{Rate: 0.3}}}, Shape{20_000}, -1)
	masked := layers.apply(&Builder{Graph: g, Training: true, seed: seed}, x)
	ratio := g.DivNoNan(masked[1], masked[0])
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := g.NewSession(graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(t.Context(), nil, []graph.Tensor{masked[0], ratio})
	if err != nil {
		t.Fatal(err)
	}
	kept, both := 0, 0
	second := out[1].Float32s()
	for i, first := range out[0].Float32s() {
		if first != 0 {
			kept++
			if second[i] != 0 {
				both++
			}
		}
	}
	if share := float64(both) / float64(kept); share < 0.65 || share > 0.75 {
		t.Errorf("the second keeps %.3f of what the first kept, want 0.7", share)
	}
}
