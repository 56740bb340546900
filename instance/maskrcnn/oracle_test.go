package maskrcnn

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/tfmodel"
)

// As oracles/maskrcnn/make.py says.
const torchvision = "torchvision 0.17.2"

type oracle struct {
	Anchors []float32
	Matches []struct {
		Boxes   []float32
		Matched []int
	}
	Codes struct{ From, To, Shifts, PlainEncoded, PlainDecoded, HeadEncoded, HeadDecoded []float32 }
	Align struct {
		Features, Regions, Cells, CellsGradient, FeaturesGradient []float32
		Level                                                     []int
	}
	NMS        []struct{ Boxes, Kept []float32 }
	Proposals  struct{ Logits, Shifts, Boxes, Scores []float32 }
	Detections struct {
		Regions, Logits, Corrections, Boxes, Scores []float32
		Counts, Classes                             []int
	}
	Losses struct {
		Logits, Shifts, Labels, WantedShifts, Names, Corrections, WantedCorrections, Regions, Masks, Drawn, Cut, Five []float32
		Classes, Matched                                                                                              []int32
	}
}

func load(t *testing.T) (o oracle) {
	t.Helper()
	b, err := os.ReadFile("../../oracles/maskrcnn/testdata/maskrcnn.json")
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	if err != nil || len(o.Anchors) == 0 {
		t.Fatal(err)
	}
	return o
}

// agree notes a line of docs/correctness.md, with the largest difference of two lists.
func agree(t *testing.T, what, compared string, got, want []float32, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	difference := 0.0
	for i := range got {
		difference = max(difference, math.Abs(float64(got[i])-float64(want[i])))
	}
	agreement.Check(t, agreement.Line{Group: agreement.Instances, Subject: what, Model: "Mask R-CNN", Oracle: torchvision, Compared: compared, Difference: difference, Bound: bound})
}

func boxesOf(flat []float32) (out []Box) {
	for i := 0; i < len(flat); i += 4 {
		out = append(out, Box(flat[i:i+4]))
	}
	return out
}

func flatten(boxes []Box) (out []float32) {
	for _, b := range boxes {
		out = append(out, b[:]...)
	}
	return out
}

func TestAnchorsAsTorchvision(t *testing.T) {
	o := load(t)
	p, err := small(3).parts()
	if err != nil {
		t.Fatal(err)
	}
	var all []Box
	for _, level := range p.anchors() {
		all = append(all, level...)
	}
	agree(t, "anchors", "corners, in pixels", flatten(all), o.Anchors, 0)
	var got, want []float32
	for _, m := range o.Matches {
		for a, matched := range match(all, boxesOf(m.Boxes), nil) {
			got, want = append(got, float32(matched)), append(want, float32(m.Matched[a]))
		}
	}
	agree(t, "anchors", "the box that each is matched with", got, want, 0)
}

func TestCodesAsTorchvision(t *testing.T) {
	o := load(t).Codes
	g := graph.New()
	from, to, shifts := constant(g, o.From, 40, 4), constant(g, o.To, 40, 4), constant(g, o.Shifts, 40, 4)
	out := evaluate(t, g, encodeIn(g, from, to, plainWeights), encodeIn(g, from, to, headWeights), decode(g, from, shifts, plainWeights), decode(g, from, shifts, headWeights))
	agree(t, "box coding", "shifts of anchors", out[0], o.PlainEncoded, 1e-6)
	relative(out[1], o.HeadEncoded)
	agree(t, "box coding", "shifts of regions, as a share of their value above 1", out[1], o.HeadEncoded, 1e-6)
	for i, want := range [][]float32{o.PlainDecoded, o.HeadDecoded} {
		relative(out[2+i], want)
		agree(t, "box coding", "boxes, as a share of their value above 1", out[2+i], want, 2e-6)
	}
	var in []float32
	for i, b := range boxesOf(o.From) {
		shift := encode(b, boxesOf(o.To)[i])
		in = append(in, shift[:]...)
	}
	agree(t, "box coding", "shifts of anchors", in, o.PlainEncoded, 1e-6)
}

// relative divides both lists by the value wanted, where it is above 1.
func relative(got, want []float32) {
	for i, w := range want {
		by := max(1, float32(math.Abs(float64(w))))
		got[i], want[i] = got[i]/by, w/by
	}
}

func TestRoIAlignAsTorchvision(t *testing.T) {
	o := load(t).Align
	g := graph.New()
	features := g.Placeholder("features", graph.Float, tfmodel.Shape{2, 16, 16, 5})
	cells := roiAlign(g, features, constant(g, o.Regions, 2, 6, 4), tfmodel.Tensor{}, 4, 7)
	dy := constant(g, o.CellsGradient, 2, 6, 7, 7, 5)
	gradient := g.Grad(total(g, g.Mul(cells, dy)), features)[0]
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	s, err := g.NewSession(tfmodel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(t.Context(), []graph.Feed{{To: features, Value: graph.FromFloat32s(tfmodel.Shape{2, 16, 16, 5}, o.Features)}}, []tfmodel.Tensor{cells, gradient})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, "RoIAlign", "cells of unit noise", out[0].Float32s(), o.Cells, 1e-4)
	agree(t, "RoIAlign", "gradient", out[1].Float32s(), o.FeaturesGradient, 1e-4)

	// The level: features that hold its number.
	p, err := small(3).parts()
	if err != nil {
		t.Fatal(err)
	}
	g = graph.New()
	n := network{p, &tfmodel.Builder{Graph: g}}
	var levels []tfmodel.Tensor
	for i, l := range p.levels {
		levels = append(levels, g.Fill(tfmodel.Shape{2, l.height, l.width, p.Pyramid.Filters}, float32(i)))
	}
	got := evaluate(t, g, g.Mean(n.poolRegions(levels, constant(g, o.Regions, 2, 6, 4), 7), false, 1, 2, 3))
	var want []float32
	for _, l := range o.Level {
		want = append(want, float32(l))
	}
	agree(t, "RoIAlign", "the level of a region", got[0], want, 1e-5)
}

func TestSuppressionAsTorchvision(t *testing.T) {
	var got, want []float32
	for _, crowd := range load(t).NMS {
		g := graph.New()
		got = append(got, evaluate(t, g, suppress(g, constant(g, crowd.Boxes, 1, 60, 4), g.Fill(tfmodel.Shape{1, 60}, 1), 0.5))[0]...)
		want = append(want, crowd.Kept...)
	}
	agree(t, "non-maximum suppression", "boxes kept, of 20 crowds", got, want, 0)
}

func TestProposalsAsTorchvision(t *testing.T) {
	o := load(t).Proposals
	p, err := small(3).parts()
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	n := network{p, &tfmodel.Builder{Graph: g}}
	var logits, shifts []tfmodel.Tensor
	at, all := 0, len(o.Logits)/2
	for _, level := range p.anchors() {
		var l, s []float32
		for image := range 2 {
			first := image*all + at
			l, s = append(l, o.Logits[first:first+len(level)]...), append(s, o.Shifts[4*first:4*(first+len(level))]...)
		}
		logits, shifts = append(logits, constant(g, l, 2, len(level))), append(shifts, constant(g, s, 2, len(level), 4))
		at += len(level)
	}
	boxes, counts := n.proposals(logits, shifts, 40, 20)
	out := evaluate(t, g, boxes, total(g, counts))
	agree(t, "proposals", "corners, in pixels", out[0], o.Boxes, 1e-4)
	if out[1][0] != 40 {
		t.Errorf("%g proposals, want 40", out[1][0])
	}
}

func TestDetectionsAsTorchvision(t *testing.T) {
	o := load(t).Detections
	p, err := small(3).parts()
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	n := network{p, &tfmodel.Builder{Graph: g}}
	f := n.choose(constant(g, o.Regions, 2, 30, 4), g.Fill(tfmodel.Shape{2, 30}, 1), constant(g, o.Logits, 60, 4), constant(g, o.Corrections, 60, 3, 4))
	out := evaluate(t, g, f.boxes, f.scores, floats(g, f.classes))
	var boxes, scores, classes, wanted []float32
	for image, count := range o.Counts {
		first := image * p.Regions.Detections
		boxes, scores, classes = append(boxes, out[0][4*first:4*(first+count)]...), append(scores, out[1][first:first+count]...), append(classes, out[2][first:first+count]...)
	}
	for _, c := range o.Classes {
		wanted = append(wanted, float32(c))
	}
	agree(t, "detections", "corners, in pixels", boxes, o.Boxes, 1e-4)
	agree(t, "detections", "scores", scores, o.Scores, 1e-6)
	agree(t, "detections", "classes", classes, wanted, 0)
}

func TestLossesAsTorchvision(t *testing.T) {
	o := load(t).Losses
	g := graph.New()
	ones := func(shape ...int) tfmodel.Tensor { return g.Fill(shape, 1) }
	labels := constant(g, o.Labels, 2, 10)
	object, shift := anchorLosses(g, constant(g, o.Logits, 2, 10), constant(g, o.Shifts, 2, 10, 4), labels, constant(g, o.WantedShifts, 2, 10, 4), ones(2, 10))
	class := g.Const(graph.FromInt32s(tfmodel.Shape{12}, o.Classes))
	name, correction := regionLosses(g, constant(g, o.Names, 12, 4), constant(g, o.Corrections, 12, 3, 4), class, constant(g, o.WantedCorrections, 12, 4), ones(12))
	masks := g.Gather(constant(g, o.Masks, 1, 2, 64, 64), g.Const(graph.FromInt32s(tfmodel.Shape{1, 4}, o.Matched)))
	cut := cropMasks(g, masks, constant(g, o.Regions, 1, 4, 4), 14)
	first := g.Const(graph.FromInt32s(tfmodel.Shape{4}, []int32{ // of the true object of each region
		o.Classes[o.Matched[0]], o.Classes[o.Matched[1]], o.Classes[o.Matched[2]], o.Classes[o.Matched[3]],
	}))
	mask := maskLoss(g, constant(g, o.Drawn, 4, 14, 14, 3), first, g.Reshape(cut, tfmodel.Shape{4, 14, 14}), ones(4))
	out := evaluate(t, g, cut, object, shift, name, correction, mask)
	agree(t, "mask targets", "of masks of 0 and 1", out[0], o.Cut, 1e-5)
	var five []float32
	for _, l := range out[1:] {
		five = append(five, l[0])
	}
	relative(five, o.Five)
	agree(t, "losses", "of anchors, regions and masks, as a share of values above 1", five, o.Five, 1e-6)
}
