package maskrcnn

import (
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/tfmodel"
)

func TestMain(m *testing.M) { agreement.Main(m) }

// small is a detector for pictures of 64 x 64 pixels, with strides 4, 8 and 16 as that of
// oracles/maskrcnn/make.py.
func small(classes int) Architecture {
	a := ResNet10(classes)
	a.Name, a.Input = "small", tfmodel.Shape{64, 64, 3}
	conv := func(name string) []tfmodel.Named {
		return []tfmodel.Named{
			{Name: name, Layer: &tfmodel.Conv2D{Filters: 6, Kernel: 3, Stride: 2, Padding: tfmodel.Same, Initializer: tfmodel.HeNormal}},
			{Name: "relu_" + name, Layer: &tfmodel.ReLU{}},
		}
	}
	a.Backbone = []tfmodel.Named{{Name: "rescaling", Layer: &tfmodel.Rescaling{Scale: 1 / 127.5, Offset: -1}}}
	for _, name := range []string{"conv1", "conv2", "conv3", "conv4"} {
		a.Backbone = append(a.Backbone, conv(name)...)
	}
	a.Taps = []string{"relu_conv2", "relu_conv3", "relu_conv4"}
	a.Pyramid = Pyramid{Filters: 5, TopDown: true, Canonical: 32}
	a.Anchors.Sizes = []float64{8, 16, 32}
	a.RegionHead, a.MaskHead = conv("conv"), conv("conv1")
	for _, head := range [][]tfmodel.Named{a.RegionHead, a.MaskHead} {
		head[0].Layer = &tfmodel.Conv2D{Filters: 5, Kernel: 3, Stride: 1, Padding: tfmodel.Same}
	}
	a.BoxHead = []tfmodel.Named{{Name: "flatten", Layer: &tfmodel.Flatten{}}, {Name: "fc1", Layer: &tfmodel.Dense{Units: 8}}, {Name: "relu_fc1", Layer: &tfmodel.ReLU{}}}
	a.MaskSize, a.MaskChannels = 7, 4
	r := &a.Regions
	r.TrainCandidates, r.TrainProposals, r.TestCandidates, r.TestProposals = 40, 20, 40, 20
	r.Positives, r.Negatives, r.AnchorSamples, r.Detections = 4, 12, 32, 12
	return a
}

// evaluate runs a graph that has no placeholders.
func evaluate(t *testing.T, g *tfmodel.Graph, fetch ...tfmodel.Tensor) [][]float32 {
	t.Helper()
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	s, err := g.NewSession(tfmodel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(t.Context(), nil, fetch)
	if err != nil {
		t.Fatal(err)
	}
	var values [][]float32
	for _, v := range out {
		values = append(values, v.Float32s())
	}
	return values
}

func constant(g *tfmodel.Graph, v []float32, shape ...int) tfmodel.Tensor {
	return g.Const(tfmodel.Floats(shape, v))
}

func floats(g *tfmodel.Graph, x tfmodel.Tensor) tfmodel.Tensor { return g.Cast(x, graph.Float) }
