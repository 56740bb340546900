package foreign

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"oscar/internal/graph"
)

// Tolerances of the checks, relative to the largest logit.
const (
	sameAnswer   = 1e-3 // between an image alone and in a batch
	sameAnswer16 = 3e-2 // the same, if the model computes in 16 bits
	amplified    = 10   // factor of the effect of rounding, if that is large
)

// probe runs the adopted graph on random images. The output for an image must be the same alone and
// in a batch, and equal to the original's.
func (a *adoption) probe(ctx context.Context) error {
	if !a.options.TrainingGraph {
		if err := a.checkBatch(ctx); err != nil {
			return err
		}
	}
	return a.compare(ctx)
}

// drawn returns n images with smooth random colors and integer values.
func (a *adoption) drawn(n int) graph.Value {
	s := a.image.Shape()
	height, width := s[1], s[2]
	r := rand.New(rand.NewPCG(1, 2))
	const coarse = 8
	pixels := make([]float32, 0, n*height*width*3)
	for range n {
		var corners [coarse * coarse * 3]float64
		for i := range corners {
			corners[i] = r.Float64() * 200
		}
		for y := range height {
			for x := range width {
				for c := range 3 {
					at := (y*coarse/height*coarse+x*coarse/width)*3 + c
					pixels = append(pixels, float32(math.Floor(corners[at]+r.Float64()*55)))
				}
			}
		}
	}
	return graph.FromFloat32s(graph.Shape{n, height, width, 3}, pixels)
}

// first returns the first element of a batch.
func first(v graph.Value) graph.Value {
	s := v.Shape()
	size := s.Elements() / s[0]
	s[0] = 1
	return graph.FromFloat32s(s, v.Float32s()[:size])
}

// checkBatch returns an error if an image's output depends on the rest of the batch, or changes from
// run to run.
func (a *adoption) checkBatch(ctx context.Context) error {
	images := a.drawn(4)
	answer := func(v graph.Value) ([]float32, error) {
		out, err := a.session.Run(ctx, []graph.Feed{{To: a.image, Value: v}}, []graph.Tensor{a.logits})
		if err != nil {
			return nil, fmt.Errorf("the model does not run: %w", err)
		}
		return out[0].Float32s(), nil
	}
	together, err := answer(images)
	if err != nil {
		return err
	}
	again, err := answer(images)
	if err != nil {
		return err
	}
	alone, err := answer(first(images))
	if err != nil {
		return err
	}
	bound := sameAnswer
	if a.short() {
		bound = sameAnswer16
	}
	if difference(together, again) > bound {
		return trainingError("two runs on the same images give different answers")
	}
	apart := difference(together[:len(alone)], alone)
	if apart <= bound {
		return nil
	}
	// TensorFlow sums in another order for another batch size. Some networks amplify this rounding, as
	// they amplify rounding of the image.
	rounded := slices.Clone(images.Float32s())
	for i := range rounded {
		rounded[i] *= 1 + 1e-6
	}
	nearly, err := answer(graph.FromFloat32s(images.Shape(), rounded))
	if err != nil {
		return err
	}
	noise := difference(together, nearly)
	if apart > amplified*noise {
		return trainingError("an image has another answer alone than among others")
	}
	a.noise = noise
	a.Notes = append(a.Notes, fmt.Sprintf("the model amplifies rounding: of images that differ by a millionth the answers differ by %.2g of the largest", noise))
	return nil
}

// difference returns the largest difference, relative to the largest number. If only one of two
// numbers is NaN, it is infinite.
func difference(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	largest, apart := 1e-30, 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		if math.IsNaN(x) && math.IsNaN(y) || x == y {
			continue
		}
		if d := math.Abs(x - y); d > apart || math.IsNaN(d) {
			apart = d
		}
		largest = max(largest, math.Abs(x), math.Abs(y))
	}
	if math.IsNaN(apart) {
		return math.Inf(1)
	}
	return apart / largest
}

// compare runs the original with TensorFlow's loader, if it is harmless and the loader supports it.
func (a *adoption) compare(ctx context.Context) error {
	note := func(why string) {
		a.Notes = append(a.Notes, "not compared with the original: "+why)
	}
	if a.options.TrainingGraph && len(a.updates()) > 0 {
		note("its answers depend on chance")
		return nil
	}
	if a.frozen {
		note("a frozen graph is not run by itself")
		return nil
	}
	if err := a.checkLoading(); err != nil {
		note(err.Error())
		return nil
	}
	g, session, err := graph.Load(a.dir, a.tag(), graph.Config{})
	if err != nil {
		note("TensorFlow's loader says " + plain(err))
		return nil
	}
	defer session.Close()
	out, _ := a.signature.output(a.options.Output)
	in, err1 := g.Tensor(a.signature.Inputs[0].Tensor)
	want, err2 := g.Tensor(out.Tensor)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("the original has no %s or no %s", a.signature.Inputs[0].Tensor, out.Tensor)
	}
	if !graph.IsFloat(a.original.DType()) || !graph.IsFloat(want.DType()) {
		note("its output is not of floating point")
		return nil
	}
	original := wide(a.graph.In("check"), a.original)
	want = wide(g.In("check"), want)
	if err := cmp.Or(a.graph.Err(), g.Err()); err != nil {
		return err
	}
	images := a.drawn(2)
	ours, err := a.session.Run(ctx, []graph.Feed{{To: a.image, Value: images}}, []graph.Tensor{a.scaledImage, original})
	if err != nil {
		return fmt.Errorf("the model does not run: %w", err)
	}
	fed := ours[0]
	if in.DType() == graph.Uint8 {
		fed = graph.FromUint8s(fed.Shape(), bytesOfFloats(fed.Float32s()))
	}
	theirs, err := session.Run(ctx, []graph.Feed{{To: in, Value: fed}}, []graph.Tensor{want})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		note("TensorFlow's loader says " + plain(err))
		return nil
	}
	d := difference(ours[1].Float32s(), theirs[0].Float32s())
	bound := sameAnswer
	if a.short() {
		bound = sameAnswer16
	}
	if d > max(bound, amplified*a.noise) {
		return fmt.Errorf("the outputs of the adopted graph differ from the original's by %.2g of the largest: this model cannot be adopted; please report it", d)
	}
	a.Metadata.Origin.Difference = &d
	return nil
}

// wide returns a tensor in float32, the only floating-point type that can be fetched.
func wide(g *graph.Graph, t graph.Tensor) graph.Tensor {
	if t.DType() == graph.Float {
		return t
	}
	return g.Cast(t, graph.Float)
}

// short reports whether the model computes in 16 bits.
func (a *adoption) short() bool {
	for _, n := range a.flat.nodes {
		if t := graph.DType(n.Attr["T"].GetType()); t == graph.Half || t == graph.Bfloat16 {
			return true
		}
	}
	return false
}

func bytesOfFloats(v []float32) []uint8 {
	out := make([]uint8, len(v))
	for i, x := range v {
		out[i] = uint8(math.RoundToEven(float64(x)))
	}
	return out
}

// plain returns the first line of an error.
func plain(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	text, _, _ = strings.Cut(text, " [[")
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return text
}

// checkLoading returns an error if restoring or initializing the variables would run operations that
// are not allowed.
func (a *adoption) checkLoading() error {
	if a.options.Trust {
		return nil
	}
	out, _ := a.signature.output(a.options.Output)
	for op := range a.reached(append(a.loaded(), out.Tensor)...) {
		if op != "RestoreV2" && a.suspicious(op) {
			return fmt.Errorf("loading it runs %s", op)
		}
	}
	return nil
}

// checkScaled returns an error if the model's own scaling does not fit pixels from 0 to 255. Then it
// is only a part of the preprocessing.
func (a *adoption) checkScaled(ctx context.Context, scaled ref) error {
	t, err := a.tensor(scaled)
	if err != nil {
		return err
	}
	if t = wide(a.graph.In("check"), t); a.graph.Err() != nil {
		return a.graph.Err()
	}
	s := a.image.Shape()
	white := make([]float32, s[1]*s[2]*3)
	for i := range white {
		white[i] = 255
	}
	out, err := a.session.Run(ctx, []graph.Feed{{To: a.image, Value: graph.FromFloat32s(graph.Shape{1, s[1], s[2], 3}, white)}}, []graph.Tensor{t})
	if err != nil {
		return fmt.Errorf("the model does not run: %w", err)
	}
	for _, v := range out[0].Float32s() {
		if !(math.Abs(float64(v)) <= 256) {
			return needsOption("%w: it makes %[2]g of a white pixel of 255, which is no usual range; give the scale of its training with --input-scale:\n%[3]s", ErrScale, v, scaleHelp)
		}
	}
	a.Metadata.Origin.Scaled = "the model scales by itself (" + scaled.node + ")"
	return nil
}
