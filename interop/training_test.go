package interop

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/tfmodel"
)

// TestTraining trains from the same weights on the same batches in Keras: loss,
// gradients, Adam and batch normalization's averages together.
func TestTraining(t *testing.T) {
	tiny, err := tfmodel.Tiny(classes).Without("dropout1") // Keras draws its masks in its own way
	if err != nil {
		t.Fatal(err)
	}
	t.Run("tiny", func(t *testing.T) { checkTraining(t, "tiny", tiny, 10, 32, 1e-4) })
	t.Run("alexnet02", func(t *testing.T) {
		if testing.Short() {
			t.Skip("AlexNet02 takes its time")
		}
		checkTraining(t, "AlexNet02", tfmodel.AlexNet02(classes), 3, 8, 5e-6)
	})
}

func checkTraining(t *testing.T, name string, a tfmodel.Architecture, steps, batch int, rate float64) {
	folder := t.TempDir()
	trainer := must(tfmodel.NewTrainer(a, tfmodel.Training{}, 3, graph.Config{}))(t)
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := trainer.SaveWeights(t.Context(), filepath.Join(folder, "weights")); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	var images, labels []float32
	var losses []float64
	for step := range steps {
		b := tfmodel.Batch{N: batch}
		for range batch {
			class := random.IntN(classes)
			b.Labels = append(b.Labels, class)
			b.Images = append(b.Images, picture(random, a.Input, class)...)
			labels = append(labels, float32(class))
		}
		for _, v := range b.Images {
			images = append(images, float32(v))
		}
		loss, _, err := trainer.Step(t.Context(), b, step, rate)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
	}
	if err := trainer.SaveWeights(t.Context(), filepath.Join(folder, "after")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "images.npy"), append([]int{steps, batch}, a.Input...), images)
	write(t, filepath.Join(folder, "labels.npy"), []int{steps, batch}, labels)
	write(t, filepath.Join(folder, "rate.npy"), nil, []float32{float32(rate)})
	if err := os.WriteFile(filepath.Join(folder, "architecture.json"), must(json.Marshal(a))(t), 0o666); err != nil {
		t.Fatal(err)
	}
	python(t, "OSCAR_PYTHON_TENSORFLOW", "train.py", []model{{name: a.Name, folder: folder}})

	version := string(must(os.ReadFile(filepath.Join(folder, "version.txt")))(t))
	_, theirs, err := npy.Read(filepath.Join(folder, "losses.npy"))
	if err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for i, loss := range losses {
		largest = max(largest, math.Abs(loss-float64(theirs[i]))/loss)
	}
	line := agreement.Line{
		Group: agreement.Layer, Subject: "training", Model: name, Oracle: version,
		Compared: fmt.Sprintf("losses of %d steps of %d images", steps, batch), Difference: largest, Of: "their value", Bound: tolerance,
	}
	agreement.Check(t, line)

	n := must(tfmodel.Compile(a))(t)
	session := must(n.Restore(t.Context(), filepath.Join(folder, "after"), graph.Config{}))(t)
	defer session.Close()
	start := must(tfmodel.Compile(a))(t)
	before := must(start.Restore(t.Context(), filepath.Join(folder, "weights"), graph.Config{}))(t)
	defer before.Close()
	was := must(start.Values(t.Context(), before))(t)
	furthest := 0.0
	for name, got := range must(n.Values(t.Context(), session))(t) {
		_, want, err := npy.Read(filepath.Join(folder, "out", name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		furthest = max(furthest, moved(was[name], got, want))
	}
	line.Compared, line.Difference, line.Of, line.Bound = fmt.Sprintf("weights after %d steps", steps), furthest, "the way they went", 0.05
	agreement.Check(t, line)
}

// moved is the distance of two ends of a path from start, as a share of its
// length. Adam's first steps follow a gradient's sign however small it is, so
// rounding alone turns single weights around: 1 to 3 % were measured. The losses
// are the sharp check.
func moved(start, got, want []float32) float64 {
	var apart, length float64
	for i, s := range start {
		apart += math.Pow(float64(got[i]-want[i]), 2)
		length += math.Pow(float64(want[i]-s), 2)
	}
	if length == 0 && slices.Equal(got, want) {
		return 0
	}
	return math.Sqrt(apart / length)
}
