package pipeline

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/methods"
	"oscar/savedmodel"
)

// contract explains with one method on the real model of a small run.
type contract struct {
	bundle *savedmodel.Bundle
	images explain.Images
	seed   uint64
	// shown counts the images of each run of the model.
	shown []int
}

const contractBatch = 3

// contractImages are smooth pictures with some noise, so that no map is empty.
func contractImages(in savedmodel.Image, n int) explain.Images {
	random := rand.New(rand.NewPCG(7, 7))
	images := explain.Images{N: n, Height: in.Height, Width: in.Width, Channels: 3}
	for i := range n {
		for y := range in.Height {
			for x := range in.Width {
				for c := range 3 {
					v := 128 + 90*math.Sin(float64(x*(i+1)+y*(c+1))/9) + 20*random.Float64()
					images.Pixels = append(images.Pixels, float32(math.Round(v)))
				}
			}
		}
	}
	return images
}

func one(images explain.Images, i int) explain.Images {
	size := images.Height * images.Width * images.Channels
	images.N, images.Pixels = 1, images.Pixels[i*size:(i+1)*size]
	return images
}

// explain makes a method's maps of all images.
func (c *contract) explain(t *testing.T, at methods.At, images explain.Images, targets ...int) []explain.Attribution {
	t.Helper()
	s := DefaultSettings()
	s.Seed, s.Samples, s.Batch = c.seed, 7, contractBatch
	c.shown = nil
	before := 0
	e, err := methods.NewExplainer(methods.Model{Bundle: c.bundle}, []methods.At{at}, explainerOptions(s, func(done, _ int) {
		c.shown = append(c.shown, done-before)
		before = done
	}))
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Explain(t.Context(), images, targets)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != images.N {
		t.Fatalf("%d maps of %d images", len(out), images.N)
	}
	return out
}

// What holds of every method of the table, whatever package it is from, on a
// trained network in TensorFlow. The packages' own contracts say it of made-up
// models, and more.
func TestContractOfEveryMethod(t *testing.T) {
	bundle, err := Open(trained(t).Dir, oneThread.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	broken := diverged(t)
	images := contractImages(bundle.Metadata.Image, 5)
	var list []methods.At
	for _, m := range methods.Table {
		if m.At == explain.AtImage || m.At == explain.AtEither {
			list = append(list, methods.At{Method: m.Name, Layer: explain.Image})
		}
		if m.At != explain.AtImage {
			list = append(list, methods.At{Method: m.Name, Layer: "conv1"}, methods.At{Method: m.Name, Layer: "conv5"})
		}
	}
	for _, at := range list {
		t.Run(at.String(), func(t *testing.T) {
			c := &contract{bundle: bundle, images: images, seed: 1}
			m := must(methods.Lookup(at.Method))
			c.bits(t, at, m)
			c.batches(t, at, m)
			c.targets(t, at, m)
			c.states(t, at, m, broken)
			c.stops(t, at)
		})
	}
}

// bits: the same seed gives the same bits, another one others where anything is
// drawn, and the images stay as they are. Maps are raw: signed where the method
// is, of the resolution that they should have.
func (c *contract) bits(t *testing.T, at methods.At, m methods.Method) {
	before := slices.Clone(c.images.Pixels)
	targets := []int{0, 1, 2, 3, explain.Predicted}
	first, again := c.explain(t, at, c.images, targets...), c.explain(t, at, c.images, targets...)
	if !slices.Equal(before, c.images.Pixels) {
		t.Error("the images were changed")
	}
	c.seed = 2
	other := c.explain(t, at, c.images, targets...)
	c.seed = 1
	same, low, high := true, math.Inf(1), math.Inf(-1)
	for i, a := range first {
		if !slices.Equal(a.Map.Values, again[i].Map.Values) || !maps.Equal(a.Facts, again[i].Facts) {
			t.Errorf("image %d: another map with the same seed", i)
		}
		same = same && slices.Equal(a.Map.Values, other[i].Map.Values)
		from, to := a.Map.Range()
		low, high = min(low, float64(from)), max(high, float64(to))
		if a.Method != at.Method || a.Layer != at.Layer || targets[i] >= 0 && a.Target != targets[i] || len(a.Probabilities) != len(c.bundle.Metadata.Classes) {
			t.Errorf("image %d: method %s, layer %s, target %d, %d probabilities", i, a.Method, a.Layer, a.Target, len(a.Probabilities))
		}
		if size := len(a.Map.Values); size != a.Map.Height*a.Map.Width || m.Fine(at.Layer) != (a.Map.Height == c.images.Height) {
			t.Errorf("image %d: a map of %dx%d with %d values", i, a.Map.Height, a.Map.Width, size)
		}
	}
	if same == m.Stochastic {
		t.Errorf("another seed, the same maps: %v, want %v", same, !m.Stochastic)
	}
	// The activations of both layers are not negative.
	if negative := low < 0; negative == m.NonNegative || !(high > 0) || m.Signed && !negative {
		t.Errorf("maps from %g to %g", low, high)
	}
}

// batches: N images give what N calls give, but for what another size of batch
// changes in TensorFlow's sums; and the model never sees more than Batch images
// at once, those of a CAM's first run excepted, whose number is the caller's,
// nor more than 32 channels.
func (c *contract) batches(t *testing.T, at methods.At, m methods.Method) {
	tolerance := 1e-5 // of the map's largest value
	if m.Needs&explain.RunsFromLayer != 0 {
		// Its weights are (y - y_k)/y, where y_k hardly differs from y: what rounds a
		// score by 1e-7 rounds a difference of a hundredth of it by 1e-5.
		tolerance = 1e-4
	}
	targets := []int{0, 1, 2, 3, 4}
	together := c.explain(t, at, c.images, targets...)
	most := contractBatch
	if m.At == explain.AtLayer {
		most = max(c.images.N, 32)
	}
	if len(c.shown) == 0 || slices.Max(c.shown) > most || slices.Min(c.shown) < 1 {
		t.Errorf("the model was shown %v images at once, want at most %d", c.shown, most)
	}
	worst := 0.0
	for i, a := range together {
		alone := c.explain(t, at, one(c.images, i), targets[i])[0]
		low, high := a.Map.Range()
		for k, v := range a.Map.Values {
			worst = max(worst, math.Abs(float64(v-alone.Map.Values[k]))/float64(max(high, -low)))
		}
		if a.Status != alone.Status {
			t.Errorf("image %d: %s among others, %s alone", i, a.Status, alone.Status)
		}
	}
	t.Logf("among others and alone: %.1e of the largest value", worst)
	if worst > tolerance {
		t.Errorf("maps among others differ by %g of their largest value from those alone", worst)
	}
}

// targets: another class has another map, but for a method that knows none.
func (c *contract) targets(t *testing.T, at methods.At, m methods.Method) {
	a, b := c.explain(t, at, one(c.images, 0), 0)[0], c.explain(t, at, one(c.images, 0), 1)[0]
	if same := slices.Equal(a.Map.Values, b.Map.Values); same != m.ClassAgnostic {
		t.Errorf("two classes have the same map: %v", same)
	}
}

// states: each map has the status that its values have: of a picture that is
// black, of one that is gray, and of a model whose training ran away.
func (c *contract) states(t *testing.T, at methods.At, m methods.Method, diverged *savedmodel.Bundle) {
	size := c.images.Height * c.images.Width * 3
	odd := c.images
	odd.N, odd.Pixels = 2, make([]float32, 2*size)
	for i := range size {
		odd.Pixels[size+i] = 128
	}
	for i, a := range c.explain(t, at, odd, 0, 1) {
		want := explain.StatusOf(a.Map)
		// Of a black image next to nothing of the score may reach a map of relevance.
		if _, ok := a.Facts["conserved"]; ok && want == explain.OK && a.Map.Mass() < 0.01*math.Abs(float64(a.Score)) {
			want = explain.Faint
		}
		if a.Status != want {
			t.Errorf("image %d: status %s of a map that is %s", i, a.Status, want)
		}
	}
	c = &contract{bundle: diverged, seed: 1}
	for i, a := range c.explain(t, at, odd, 0, 1) {
		if m.ClassAgnostic { // it looks at activations alone
			continue
		}
		if a.Status != explain.NonFinite || !math.IsNaN(float64(a.Score)) {
			t.Errorf("image %d of a model that has diverged: status %s, score %g", i, a.Status, a.Score)
		}
	}
}

// Where the image is the baseline there is nothing to explain: the map is empty,
// not rounding of the model drawn large.
func TestNothingToExplain(t *testing.T) {
	bundle := must(Open(trained(t).Dir, oneThread.Config(0)))
	defer bundle.Close()
	in := bundle.Metadata.Image
	flat := explain.Images{N: 5, Height: in.Height, Width: in.Width, Channels: 3}
	for i := range flat.N {
		flat.Pixels = append(flat.Pixels, slices.Repeat([]float32{float32(64 * i)}, in.Height*in.Width*3)...)
	}
	black := one(flat, 0)
	for _, c := range []struct {
		explainer explain.Explainer
		images    explain.Images
	}{
		{explain.GradientTimesInput{Model: bundle}, black},
		{explain.IntegratedGradients{Model: bundle, Steps: 7, Batch: contractBatch}, black},
		{explain.LIME{Model: bundle, Samples: 7, Batch: contractBatch}, flat},
	} {
		for i, a := range must(c.explainer.Explain(t.Context(), c.images, make([]int, c.images.N))) {
			if a.Status != explain.Empty {
				low, high := a.Map.Range()
				t.Errorf("%s of flat image %d: status %s, from %g to %g, want empty", a.Method, i, a.Status, low, high)
			}
		}
	}
}

// diverged opens the model once more, with a last layer of NaNs.
func diverged(t *testing.T) *savedmodel.Bundle {
	t.Helper()
	bundle, err := Open(trained(t).Dir, oneThread.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bundle.Close() })
	values, err := bundle.Read(t.Context(), "fc3/kernel")
	if err != nil {
		t.Fatal(err)
	}
	for i := range values["fc3/kernel"] {
		values["fc3/kernel"][i] = float32(math.NaN())
	}
	if err := bundle.Assign(t.Context(), values); err != nil {
		t.Fatal(err)
	}
	return bundle
}

// stops: a method whose context has ended does nothing more.
func (c *contract) stops(t *testing.T, at methods.At) {
	ctx, cancel := context.WithCancel(t.Context())
	s := DefaultSettings()
	s.Samples, s.Batch = 7, contractBatch
	calls := 0
	e, err := methods.NewExplainer(methods.Model{Bundle: c.bundle}, []methods.At{at}, explainerOptions(s, func(int, int) {
		calls++
		cancel()
	}))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if out, err := e.Explain(ctx, c.images, make([]int, c.images.N)); err == nil || out != nil || calls > 0 {
		t.Errorf("%d maps, %d runs and error %v after the end", len(out), calls, err)
	}
}
