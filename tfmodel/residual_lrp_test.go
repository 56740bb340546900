package tfmodel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/internal/graph"
)

// The twin of LRP on a block: what arrives is shared in proportion to what the
// branches add, and what they hand on is added.
func TestRelevanceOfABlockByHand(t *testing.T) {
	a := Architecture{Name: "hand", Input: Shape{1, 2, 1}, Layers: []Named{
		{"flatten", &Flatten{}},
		{"block", &Residual{
			Body:     []Named{{"fc", &Dense{Units: 2}}},
			Shortcut: []Named{{"twice", &Rescaling{Scale: 2}}},
		}},
		{"out", &Dense{Units: 2}},
	}}
	n, err := CompileFrozen(a, map[string][]float32{
		"block/fc/kernel": {1, 3, 2, -1}, "block/fc/bias": {0, 0},
		"out/kernel": {1, 0, 1, 1}, "out/bias": {0, 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	target := n.Graph.Const(graph.FromInt64s(graph.Shape{1}, []int64{0}))
	c := lrp("epsilon")
	r, err := c.start(n.Graph, n, target, explain.Logit)
	if err != nil {
		t.Fatal(err)
	}
	var fetch []graph.Tensor
	for _, to := range []string{"", "flatten", "block/fc", "block/twice", "block"} {
		signal, err := n.propagate(n.Graph.In("to_"+to), c, r, n.steps.index(to))
		if err != nil {
			t.Fatal(err)
		}
		fetch = append(fetch, signal)
	}
	// Of x = (3, 1) the body gives (3+2, 9-1) = (5, 8), the shortcut (6, 2), the
	// block (11, 10) and the score 21. Relevance at the block is (11, 10), of
	// which the body's share is (5, 8) and the shortcut's (6, 2). The body hands
	// on 3 (1 + 3) to the first pixel and 1 (2 - 1) to the second.
	got := runGraph(t, n.Graph, []graph.Feed{{To: n.Image, Value: graph.FromFloat32s(graph.Shape{1, 1, 2, 1}, []float32{3, 1})}}, fetch)
	for i, want := range [][]float32{{12 + 6, 1 + 2}, {18, 3}, {5, 8}, {6, 2}, {11, 10}} {
		near(t, fmt.Sprint(i), got[i], want, 1e-5)
	}
}

// Relevance is conserved through blocks, at every layer that all of it passes.
// By what is positive alone it is not: where a branch's output is negative there
// may be nothing positive to share it among.
func TestConservationThroughBlocks(t *testing.T) {
	a, err := branched(4).Replace("scale", &Rescaling{Scale: 1 / 127.5})
	if err != nil {
		t.Fatal(err)
	}
	m := frozen(t, a, false)
	images := noisyImages(3, a.Input)
	for _, name := range []string{"epsilon", "epsilon_gamma_box"} {
		c, err := LookupLRP(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range []string{explain.Image, "scale", "conv1", "relu1", "block1", "block2"} {
			if name == "epsilon_gamma_box" && layer == "scale" {
				continue // its rule is about the image, which has been rescaled there
			}
			d := signal(t, m, c, images, []int{1, 2, explain.Predicted}, layer)
			for i, score := range d.Scores {
				sum := total(d.Gradients[i].Values)
				if !(math.Abs(sum/float64(score)-1) < 5e-4) {
					t.Errorf("%s at %s, image %d: relevance %g of a logit of %g", name, layer, i, sum, score)
				}
			}
		}
		// What the branches get is together what the block has.
		whole := signal(t, m, c, images, []int{0, 0, 0}, "relu_block2")
		body := signal(t, m, c, images, []int{0, 0, 0}, "block2/inner")
		shortcut := signal(t, m, c, images, []int{0, 0, 0}, "block2/bn0")
		for i := range whole.Scores {
			near(t, name, []float32{float32(total(body.Gradients[i].Values) + total(shortcut.Gradients[i].Values))},
				[]float32{float32(total(whole.Gradients[i].Values))}, 5e-4)
		}
	}
}

func TestRouteThroughBlocks(t *testing.T) {
	s := laid(t, branched(6))
	c, err := LookupLRP("")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := c.rules(s)
	if err != nil {
		t.Fatal(err)
	}
	const top = "fc gap relu_block2 block2(to 2) block2/bn0 block2/conv0+block2/bn0 block2/inner(to 2) block2/inner/relu block2/inner/conv" +
		" block2/relu1 block2/bn1 block2/conv1+block2/bn1"
	for _, test := range []struct{ to, want string }{
		{"relu_block1", top},
		{"", top + " relu_block1 block1(to 2) block1/bn2 block1/conv2+block1/bn2 block1/drop block1/relu1 block1/bn1 block1/conv1+block1/bn1" +
			" relu1 bn1 scale>conv1+bn1"},
		// Into a branch the others do not lead.
		{"block2/inner/relu", "fc gap relu_block2 block2 block2/inner"},
		{"block2/conv0", "fc gap relu_block2 block2 block2/bn0"},
		{"block2/relu1", "fc gap relu_block2 block2 block2/inner(to 2) block2/inner/relu block2/inner/conv"},
	} {
		if got := pathText(s, rules, s.index(test.to)); got != test.want {
			t.Errorf("to %q:\n got %s\nwant %s", test.to, got, test.want)
		}
	}
	// A normalization whose input a shortcut takes, too, is a layer of its own.
	fork := Architecture{Name: "fork", Input: Shape{4, 4, 3}, Layers: []Named{
		{"conv", &Conv2D{Filters: 3, Kernel: 3, Stride: 1, Padding: Same}},
		{"block", &Residual{Body: []Named{{"bn", &BatchNormalization{}}, {"relu", &ReLU{}}, {"conv", &Conv2D{Filters: 3, Kernel: 3, Stride: 1, Padding: Same}}}}},
		{"gap", &GlobalAveragePool2D{}}, {"fc", &Dense{Units: 2}},
	}}
	s = laid(t, fork)
	if rules, err = c.rules(s); err != nil {
		t.Fatal(err)
	}
	if got, want := pathText(s, rules, -1), "fc gap block(to 2) block/conv block/relu block/bn conv"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What an exported residual network says of itself is what Go makes of
// TensorFlow's own gradients and of relevance.
func TestExplanationsOfBlocksEqualTheExplainers(t *testing.T) {
	a := branched(4)
	n, session, constants := trained(t, a)
	images, targets := toyImages(3, a), []int{2, explain.Predicted, 0}
	m := attach(t, constants, nil, nil)
	for _, e := range Explanations {
		s, err := e.New(n, "block2")
		if err != nil {
			t.Fatal(err)
		}
		attributions, err := explainerOf(t, m, e.Name, "block2").Explain(t.Context(), images, targets)
		if err != nil {
			t.Fatal(err)
		}
		raw := call(t, n, session, s, images, targets)["raw"].Float32s()
		size := len(raw) / images.N
		for i, attribution := range attributions {
			near(t, e.Name, scaled(raw[i*size:(i+1)*size]), scaled(attribution.Map.Values), 1e-5)
		}
	}
	for _, layer := range []string{"block2", "block1/conv2", "block2/inner/conv"} {
		s, err := n.GradCAM(layer)
		if err != nil {
			t.Fatal(err)
		}
		got := call(t, n, session, s, images, targets)["raw"].Float32s()
		d, err := m.Bundle.Differentiate(t.Context(), images, targets, layer, explain.Logit)
		if err != nil {
			t.Fatal(err)
		}
		var maps []float32
		for i, activations := range d.Activations {
			maps = append(maps, camTwin(activations, d.Gradients[i])...)
		}
		near(t, "gradcam at "+layer, scaled(got), scaled(maps), 1e-5)
	}
	for kind := range n.Graph.Operations() {
		if slices.Contains([]string{"ReluGrad", "FusedBatchNormGradV3", "BroadcastGradientArgs", "AddN"}, kind) {
			t.Errorf("the graph has a %s", kind)
		}
	}
}

// camTwin is Grad-CAM's map before its ReLU.
func camTwin(activations, gradients explain.Volume) []float32 {
	positions := activations.Height * activations.Width
	out := make([]float32, positions)
	for c := range activations.Channels {
		var weight float64
		for p := range positions {
			weight += float64(gradients.Values[p*activations.Channels+c]) / float64(positions)
		}
		for p := range positions {
			out[p] += float32(weight * float64(activations.Values[p*activations.Channels+c]))
		}
	}
	return out
}
