package methods_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/numeric"
	"oscar/internal/reference"
	"oscar/internal/testkit"
	"oscar/methods"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
	"oscar/score"
	"oscar/tfmodel"
)

func TestMain(m *testing.M) {
	os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2")
	agreement.Main(m)
}

// What a map in bfloat16 may differ by from one in float32: a tenth of its largest value, and
// what it may lack of correlation 1. A method beyond one of them in one of the networks is
// Exact.
const (
	apartBound       = 0.1
	correlationBound = 0.005
)

// Maps in bfloat16 are near those in float32, by every method that is not Exact. One that
// is Exact is further away in one of the networks.
func TestBFloat16BesideFloat32(t *testing.T) {
	testkit.BFloat16(t)
	resnet := trained(t, tfmodel.ResNet10(len(dataset.SyntheticClasses)), 64, 60)
	loses := map[string]bool{}
	for _, n := range []struct {
		name, dir string
		images    explain.Images
		samples   int
	}{
		{"tiny, trained", trained(t, tfmodel.Tiny(len(dataset.SyntheticClasses)), 32, 300), shapes(t, 32, 1000, 4), 200},
		{"resnet10, trained", resnet, shapes(t, 64, 1000, 4), 200},
		{"resnet10, adopted", adopted(t, resnet), shapes(t, 64, 1000, 4), 200},
		{"AlexNet02", "", explain.Images{}, 24},
	} {
		if n.name == "AlexNet02" {
			if testing.Short() {
				continue
			}
			n.dir, n.images = reference.Folder(t, n.name), reference.Images(n.name, 1)
		}
		exact, fast := open(t, n.dir, graph.Float32), open(t, n.dir, graph.BFloat16)
		checkPredictions(t, n.name, exact, fast, n.images)
		lacking := methods.Lacking(exact)
		for _, m := range methods.Table {
			if slices.Contains(lacking, m.Name) || n.name == "AlexNet02" && loses[m.Name] { // it takes its time
				continue
			}
			apart, uncorrelated := compare(t, m, exact, fast, n.images, n.samples)
			t.Logf("%s of %s: apart by %.4f, 1 less the correlation %.5f", m.Name, n.name, apart, uncorrelated)
			if m.Exact {
				if apart > apartBound || uncorrelated > correlationBound {
					loses[m.Name] = true
				}
				continue
			}
			line := agreement.Line{
				Group: agreement.BFloat16, Subject: m.Name, Model: n.name, Oracle: "oscar in float32",
				Compared: "map", Difference: apart, Of: "its largest value", Bound: apartBound,
			}
			agreement.Check(t, line)
			line.Compared, line.Of, line.Difference, line.Bound = "1 less the correlation of the maps", "", max(0, uncorrelated), correlationBound
			agreement.Check(t, line)
		}
	}
	for _, m := range methods.Table {
		if m.Exact && !loses[m.Name] && !testing.Short() {
			t.Errorf("%s is Exact, and loses nothing by bfloat16", m.Name)
		}
	}
}

// Scores of Grad-CAM's maps in bfloat16, judged by the model in bfloat16, are near those in
// float32.
func TestScoresInBFloat16(t *testing.T) {
	testkit.BFloat16(t)
	resnet := trained(t, tfmodel.ResNet10(len(dataset.SyntheticClasses)), 64, 60)
	loses := map[string]bool{}
	scoresBeside(t, "resnet10, trained", resnet, 64, loses)
	scoresBeside(t, "resnet10, adopted", adopted(t, resnet), 64, loses)
	scoresBeside(t, "tiny, trained", trained(t, tfmodel.Tiny(len(dataset.SyntheticClasses)), 32, 300), 32, loses)
	for _, m := range score.Metrics {
		if m.Exact && !loses[m.Name] {
			t.Errorf("%s is Exact, and loses nothing by bfloat16", m.Name)
		}
	}
}

// What a score in bfloat16 may differ by from one in float32, as a share. A metric beyond it in
// one of the networks is Exact.
const scoreBound = 0.02

// scoresBeside compares a model's scores in both precisions. loses has the Exact metrics that
// are beyond the bound.
func scoresBeside(t *testing.T, model, dir string, side int, loses map[string]bool) {
	t.Helper()
	cases := score.Cases{Images: shapes(t, side, 1000, 12), Targets: slices.Repeat([]int{explain.Predicted}, 12)}
	var metrics []string
	for _, m := range score.Metrics {
		if m.Needs&(score.NeedsMasks|score.NeedsMosaics|score.NeedsRandomized) == 0 {
			metrics = append(metrics, m.Name)
		}
	}
	judged := func(p graph.Precision) []score.Cell {
		b := open(t, dir, p)
		e, err := methods.NewExplainer(methods.Model{Bundle: b}, []methods.At{{Method: "gradcam", Layer: b.Metadata.Explain}}, methods.Options{})
		if err != nil {
			t.Fatal(err)
		}
		table, err := score.Evaluation{
			Model: b, Methods: []score.Method{{Name: "gradcam", Explainer: e}}, Controls: []score.Method{},
			Metrics: metrics, Settings: score.SettingsFor(side, side), Batch: 32, Seed: 1,
		}.Run(t.Context(), score.Parts(cases))
		if err != nil {
			t.Fatal(err)
		}
		return table.Rows[0].Cells
	}
	want, got := judged(graph.Float32), judged(graph.BFloat16)
	for i, name := range metrics {
		mean := float64(want[i].Mean)
		apart := math.Abs(float64(got[i].Mean)-mean) / max(math.Abs(mean), 0.1)
		t.Logf("%s of %s: apart by %.4f", name, model, apart)
		if m, err := score.Lookup(name); err != nil {
			t.Fatal(err)
		} else if m.Exact {
			loses[name] = loses[name] || apart > scoreBound
			continue
		}
		agreement.Check(t, agreement.Line{
			Group: agreement.BFloat16, Subject: name, Model: model, Oracle: "oscar in float32",
			Compared: "mean of 12 images, Grad-CAM", Difference: apart, Of: "its value, 0.1 at least", Bound: scoreBound,
		})
	}
}

func open(t *testing.T, dir string, p graph.Precision) *savedmodel.Bundle {
	t.Helper()
	b, err := savedmodel.Open(dir, graph.Config{Precision: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// checkPredictions compares probabilities, and counts predictions that are other ones.
func checkPredictions(t *testing.T, model string, exact, fast *savedmodel.Bundle, images explain.Images) {
	want, err := exact.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	got, err := fast.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	apart, changed := 0.0, 0.0
	for i := range want.Probabilities {
		if numeric.ArgMax(got.Logits[i]) != numeric.ArgMax(want.Logits[i]) {
			changed++
		}
		for c, v := range want.Probabilities[i] {
			apart = max(apart, math.Abs(float64(v-got.Probabilities[i][c])))
		}
	}
	line := agreement.Line{Group: agreement.BFloat16, Subject: "predictions", Model: model, Oracle: "oscar in float32", Compared: "probabilities", Difference: apart, Bound: 0.02}
	agreement.Check(t, line)
	line.Compared, line.Difference, line.Bound = "predictions that are others", changed, 0
	agreement.Check(t, line)
}

// compare explains the images by both models, the class that the first predicts. It
// returns the largest difference of their maps as a share of the largest value, and 1 less
// the correlation.
func compare(t *testing.T, m methods.Method, exact, fast *savedmodel.Bundle, images explain.Images, samples int) (apart, uncorrelated float64) {
	t.Helper()
	explained := func(b *savedmodel.Bundle, targets []int) []explain.Attribution {
		layer := explain.Image
		if m.UsesLayer() {
			layer = b.Metadata.Explain
		}
		o := methods.Options{Options: explain.Options{Seed: 1, Batch: 32}, Rules: tfmodel.DefaultLRP}
		if m.Samples && (m.Name != "smoothgrad" || samples < 50) {
			o.Samples = samples
		}
		e, err := methods.NewExplainer(methods.Model{Bundle: b}, []methods.At{{Method: m.Name, Layer: layer}}, o)
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Explain(t.Context(), images, targets)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		return out
	}
	want := explained(exact, slices.Repeat([]int{explain.Predicted}, images.N))
	targets := make([]int, images.N)
	for i, a := range want {
		targets[i] = a.Target
	}
	for i, got := range explained(fast, targets) {
		apart = max(apart, agreement.Apart(got.Map.Values, want[i].Map.Values))
		uncorrelated = max(uncorrelated, 1-correlation(got.Map.Values, want[i].Map.Values))
	}
	return apart, uncorrelated
}

// correlation is Pearson's, 1 of maps that are equal.
func correlation(a, b []float32) float64 {
	if slices.Equal(a, b) {
		return 1
	}
	var meanA, meanB, ab, aa, bb float64
	for i := range a {
		meanA += float64(a[i]) / float64(len(a))
		meanB += float64(b[i]) / float64(len(b))
	}
	for i := range a {
		x, y := float64(a[i])-meanA, float64(b[i])-meanB
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// shapes draws n images, class after class, from the index on.
func shapes(t *testing.T, side, from, n int) explain.Images {
	t.Helper()
	images := explain.Images{N: n, Height: side, Width: side, Channels: 3}
	for i := range n {
		img, _, err := dataset.SyntheticImage(i%len(dataset.SyntheticClasses), from+i/len(dataset.SyntheticClasses), dataset.SyntheticOptions{PerClass: 1, Width: side, Height: side, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		rgb := make([]uint8, side*side*3)
		dataset.CopyRGB(rgb, img)
		for _, v := range rgb {
			images.Pixels = append(images.Pixels, float32(v))
		}
	}
	return images
}

// trained trains a network for square images on shapes and returns its SavedModel.
func trained(t *testing.T, a tfmodel.Architecture, side, steps int) string {
	t.Helper()
	a.Input = tfmodel.Shape{side, side, 3}
	trainer, err := tfmodel.NewTrainer(a, tfmodel.Training{}, 1, tfmodel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	ctx, dir := t.Context(), t.TempDir()
	if err := trainer.Init(ctx); err != nil {
		t.Fatal(err)
	}
	const batch = 24
	var loss float64
	for step := range steps {
		images := shapes(t, side, step%10*batch/len(dataset.SyntheticClasses), batch)
		b := tfmodel.Batch{N: batch, Images: make([]uint8, len(images.Pixels)), Labels: make([]int, batch)}
		for i, v := range images.Pixels {
			b.Images[i] = uint8(v)
		}
		for i := range b.Labels {
			b.Labels[i] = i % len(dataset.SyntheticClasses)
		}
		if loss, _, err = trainer.Step(ctx, b, step, 1e-3); err != nil {
			t.Fatal(err)
		}
	}
	if !(loss < 0.7) { // ln(6) is 1.8
		t.Fatalf("the network has learned little: loss %g", loss)
	}
	weights := filepath.Join(dir, "weights")
	if err := trainer.SaveWeights(ctx, weights); err != nil {
		t.Fatal(err)
	}
	n, err := tfmodel.Compile(a)
	if err != nil {
		t.Fatal(err)
	}
	session, err := n.Restore(ctx, weights, tfmodel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	layers, err := n.Layers()
	if err != nil {
		t.Fatal(err)
	}
	experiment, err := json.Marshal(map[string]any{"architecture": a, "seed": 1})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "model")
	err = savedmodel.Write(ctx, out, n.SavedModel(session, map[string]savedmodel.Signature{"serving_default": n.Serving()}, savedmodel.Metadata{
		Format: 1, Model: a.Name, Classes: dataset.SyntheticClasses, Explain: a.Focus(), Layers: layers,
		Image:      savedmodel.Image{Height: side, Width: side, Interpolation: string(dataset.Bilinear)},
		Experiment: experiment,
	}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// adopted takes a model of oscar's for one of somebody else.
func adopted(t *testing.T, dir string) string {
	t.Helper()
	theirs, out := filepath.Join(t.TempDir(), "theirs"), filepath.Join(t.TempDir(), "adopted")
	if err := os.CopyFS(theirs, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(theirs, "assets.extra")); err != nil {
		t.Fatal(err)
	}
	options := foreign.Options{Output: "logits", Classes: strings.Split("abcdef", ""), Image: foreign.Image{Scale: "0..255"}}
	if _, err := foreign.Adopt(t.Context(), theirs, out, options); err != nil {
		t.Fatal(err)
	}
	return out
}
