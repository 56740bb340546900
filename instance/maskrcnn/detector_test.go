package maskrcnn

import (
	"math"
	"path/filepath"
	"testing"

	"oscar/explain"
	"oscar/tfmodel"
)

// detector returns one with initial weights, and a picture.
func detector(t *testing.T) (*Detector, []float32) {
	t.Helper()
	a := small(3)
	trainer, err := NewTrainer(a, 3, tfmodel.DefaultAdam(), 5, tfmodel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := trainer.SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	d, err := NewDetector(t.Context(), a, prefix, tfmodel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	pixels := make([]float32, a.Input.Elements())
	for i := range pixels {
		pixels[i] = float32(128 + 100*math.Sin(float64(i*i%977)))
	}
	return d, pixels
}

// A training step lowers the loss of the scene that it learned from, also without objects and with
// ignored ones.
func TestStepsLearn(t *testing.T) {
	a := small(3)
	trainer, err := NewTrainer(a, 3, tfmodel.DefaultAdam(), 5, tfmodel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	pixels, mask := make([]uint8, 64*64*3), make([]uint8, 64*64)
	for y := 20; y < 40; y++ {
		for x := 10; x < 35; x++ {
			mask[y*64+x] = 1
			pixels[(y*64+x)*3] = 255
		}
	}
	box := Box{10, 20, 35, 40}
	b, err := trainer.NewBatch([]Example{
		{Pixels: pixels, Objects: []Object{{Box: box, Class: 2, Mask: mask}}},
		{Pixels: make([]uint8, 64*64*3)},
		{Pixels: pixels, Objects: []Object{{Box: box, Class: 2, Mask: mask, Ignore: true}}},
	}, []uint64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	var first, last Losses
	for i := range 30 {
		if last, err = trainer.Step(t.Context(), b, i, 3e-3); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = last
		}
	}
	if last.Sum() > first.Sum()/2 || first.Positives == 0 || last.Mask >= first.Mask {
		t.Errorf("from %+v to %+v", first, last)
	}
}

// Anchors near an ignored box are neither objects nor background.
func TestIgnoredAnchors(t *testing.T) {
	anchors := []Box{{0, 0, 10, 10}, {20, 20, 30, 30}, {21, 20, 31, 30}, {50, 50, 60, 60}}
	got := match(anchors, []Box{{0, 0, 9, 10}}, []Box{{20, 20, 30, 30}})
	for i, want := range []int{0, neither, neither, background} {
		if got[i] != want {
			t.Errorf("anchor %d is %d, want %d", i, got[i], want)
		}
	}
}

// The layer's gradients predict how the score of a fixed box changes, and to start at a layer
// gives what the picture gives.
func TestAtIsAClassifier(t *testing.T) {
	d, pixels := detector(t)
	at := d.At(pixels, Box{8, 12, 44, 52})
	images := explain.Images{N: 1, Height: 64, Width: 64, Channels: 3, Pixels: pixels}
	for _, layer := range []string{"relu_conv1", "relu_conv3", explain.Image} {
		diff, err := at.Differentiate(t.Context(), images, []int{1}, layer, explain.Logit)
		if err != nil {
			t.Fatal(err)
		}
		if layer == explain.Image {
			continue
		}
		from, err := at.PredictFrom(t.Context(), images, layer, diff.Activations)
		if err != nil || math.Abs(float64(from.Logits[0][1]-diff.Logits[0][1])) > 1e-5 {
			t.Errorf("%s: %v from the layer, %v from the picture, %v", layer, from.Logits, diff.Logits, err)
		}
		moved, norm := append([]float32(nil), diff.Activations[0].Values...), 0.0
		for i, g := range diff.Gradients[0].Values {
			moved[i] += 1e-2 * g
			norm += float64(g) * float64(g)
		}
		v := diff.Activations[0]
		v.Values = moved
		after, err := at.PredictFrom(t.Context(), images, layer, []explain.Volume{v})
		if err != nil {
			t.Fatal(err)
		}
		rise, want := float64(after.Logits[0][1]-diff.Logits[0][1]), 1e-2*norm
		if norm == 0 || math.Abs(rise-want) > 0.05*want {
			t.Errorf("%s: the logit rises by %g, by the gradient it would by %g", layer, rise, want)
		}
	}
	p, err := at.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range p.Probabilities[0] {
		sum += float64(v)
	}
	if !(sum > 0 && sum < 1) {
		t.Errorf("the probabilities of the classes add up to %g, want less than 1: there is background", sum)
	}
}

// Detect finds what is there in each of several pictures, whatever the batch.
func TestDetectInBatches(t *testing.T) {
	d, pixels := detector(t)
	other := make([]float32, len(pixels))
	for i := range other {
		other[i] = pixels[len(pixels)-1-i]
	}
	both, err := d.Detect(t.Context(), append(append([]float32{}, pixels...), other...))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range [][]float32{pixels, other} {
		alone, err := d.Detect(t.Context(), p)
		if err != nil || len(alone[0]) != len(both[i]) || len(alone[0]) == 0 {
			t.Fatalf("%d alone, %d in a batch, %v", len(alone[0]), len(both[i]), err)
		}
		for k, f := range alone[0] {
			g := both[i][k]
			if f.Class != g.Class || math.Abs(f.Score-g.Score) > 1e-5 {
				t.Errorf("picture %d, detection %d: %v alone, %v in a batch", i, k, f, g)
			}
		}
	}
}

// A detection is one of the proposals, with the same box and probability.
func TestProposalsHoldTheDetections(t *testing.T) {
	d, pixels := detector(t)
	found, err := d.Detect(t.Context(), pixels)
	if err != nil {
		t.Fatal(err)
	}
	proposals, err := d.Propose(t.Context(), explain.Images{N: 1, Height: 64, Width: 64, Channels: 3, Pixels: pixels})
	if err != nil || len(proposals) != 1 || len(proposals[0]) < len(found[0])/3 {
		t.Fatalf("%d proposals, %v", len(proposals), err)
	}
	same := 0
	for _, f := range found[0] {
		for _, p := range proposals[0] {
			if p.Objectness <= 0 || p.Objectness > 1.0001 {
				t.Fatalf("%+v", p)
			}
			if p.Box == f.Box && math.Abs(float64(p.Probabilities[f.Class])-f.Score) < 1e-6 {
				same++
			}
		}
	}
	if same == 0 {
		t.Error("no detection is a proposal")
	}
	own, err := d.At(pixels, found[0][0].Box).Proposal(t.Context())
	if err != nil || own.Box != found[0][0].Box || len(own.Probabilities) != 3 {
		t.Errorf("%+v %v", own, err)
	}
	if s := explain.Similarity(own, own); math.Abs(s-own.Objectness) > 1e-6 {
		t.Errorf("the similarity with itself is %g, want the objectness %g", s, own.Objectness)
	}
}

// A mask of ones in a box is pasted as that box, in pixels of a picture of another size.
func TestPaste(t *testing.T) {
	ones := make([]float32, 4*4)
	for i := range ones {
		ones[i] = 1
	}
	f := Detection{Box: Box{4, 8, 12, 24}, Mask: ones}
	m := f.Paste(20, 10, Place{Wide: 2, High: 2})
	if m.Box() != [4]float64{2, 4, 4, 8} || m.Area() != 32 {
		t.Errorf("box %v, area %d", m.Box(), m.Area())
	}
	m = f.Paste(20, 10, Place{Left: 2, Top: 4, Wide: 1, High: 2})
	if m.Box() != [4]float64{2, 2, 8, 8} {
		t.Errorf("moved and stretched: box %v", m.Box())
	}
	if m := (Detection{Box: Box{30, 30, 30, 30}, Mask: ones}).Paste(20, 10, Place{Wide: 1, High: 1}); m.Area() != 0 {
		t.Errorf("an empty box has %d pixels", m.Area())
	}
}
