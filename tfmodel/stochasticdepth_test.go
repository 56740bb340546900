package tfmodel

import (
	"math"
	"testing"

	"oscar/internal/graph"
)

// In training each image keeps a block's body, scaled up, or loses it: so often as the rate of
// the block says, by the step's seed. In inference nothing is lost.
func TestStochasticDepth(t *testing.T) {
	const depth, images = 0.8, 2000
	conv := func() []Named { return []Named{{"conv", &Conv2D{Filters: 3, Kernel: 1, Stride: 1, Padding: Same}}} }
	a := Architecture{Name: "blocks", Input: Shape{2, 2, 3}, Layers: []Named{
		{"block1", &Residual{Body: conv()}}, {"block2", &Residual{Body: conv()}},
		{"flatten", &Flatten{}}, {"fc", &Dense{Units: 2}},
	}}
	s := laid(t, a)
	g := graph.New()
	vars, err := s.declare(g, 1)
	if err != nil {
		t.Fatal(err)
	}
	seed := g.Placeholder("seed", graph.Int64, Shape{2})
	x := g.Placeholder("x", graph.Float, Shape{-1, 2, 2, 3})
	train := s.apply(&Builder{Graph: g.In("train"), Training: true, vars: vars, seed: seed, depth: depth}, x)
	infer := s.apply(&Builder{Graph: g.In("infer"), vars: vars, depth: depth}, x)
	session, err := g.NewSession(graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, v := range vars.all {
		if _, err := session.Run(t.Context(), nil, nil, v.Init); err != nil {
			t.Fatal(err)
		}
	}
	pixels := make([]float32, images*12)
	for i := range pixels {
		pixels[i] = float32(i%7) - 2.5
	}
	run := func(step int64, outputs []Tensor) [][]float32 {
		t.Helper()
		out, err := session.Run(t.Context(), []graph.Feed{
			{To: x, Value: graph.FromFloat32s(Shape{images, 2, 2, 3}, pixels)}, {To: seed, Value: graph.FromInt64s(Shape{2}, []int64{9, step})},
		}, outputs)
		if err != nil {
			t.Fatal(err)
		}
		values := make([][]float32, len(out))
		for i, v := range out {
			values[i] = v.Float32s()
		}
		return values
	}
	names := []string{"block1/conv", "block1", "block2/conv", "block2"}
	fetch := func(outputs []Tensor) (list []Tensor) {
		for _, name := range names {
			list = append(list, outputs[s.index(name)])
		}
		return list
	}
	// kept returns for each image whether a block has kept its body; rate 0: all have.
	kept := func(in, body, out []float32, rate float64) (list [images]bool) {
		t.Helper()
		for n := range images {
			for i := n * 12; i < (n+1)*12; i++ {
				whole := float64(in[i]) + float64(body[i])/(1-rate)
				list[n] = math.Abs(float64(out[i])-whole) < 1e-4
				if !list[n] && out[i] != in[i] {
					t.Fatalf("image %d: %g of %g and a body of %g", n, out[i], in[i], body[i])
				}
			}
		}
		return list
	}
	first := run(1, fetch(train))
	one, two := kept(pixels, first[0], first[1], depth/2), kept(first[1], first[2], first[3], depth)
	count := func(list [images]bool) (share float64) {
		for _, k := range list {
			if k {
				share += 1.0 / images
			}
		}
		return share
	}
	if a, b := count(one), count(two); math.Abs(a-0.6) > 0.04 || math.Abs(b-0.2) > 0.04 {
		t.Errorf("%g and %g of the images keep a body, want 0.6 and 0.2", a, b)
	}
	again, later := run(1, fetch(train)), run(2, fetch(train))
	if kept(pixels, again[0], again[1], depth/2) != one || kept(pixels, later[0], later[1], depth/2) == one {
		t.Error("what is dropped does not follow the step")
	}
	plain := run(1, fetch(infer))
	if count(kept(pixels, plain[0], plain[1], 0)) < 0.999 {
		t.Error("inference drops a body")
	}

	for words, test := range map[string]struct {
		a    Architecture
		rate float64
	}{
		"stochastic_depth is 1, want above 0 to below 1":           {a, 1},
		"stochastic_depth is 0.1, but tiny has no residual blocks": {Tiny(2), 0.1},
	} {
		_, err := NewTrainer(test.a, Training{StochasticDepth: test.rate}, 1, graph.Config{})
		wantError(t, words, err, words)
	}
}
