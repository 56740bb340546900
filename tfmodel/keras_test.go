package tfmodel

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/npy"
)

// keras runs testdata/in_keras.py, and says which Keras it was.
func keras(t *testing.T, verb, folder string) (version string) {
	t.Helper()
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	interpreter := os.Getenv("OSCAR_PYTHON")
	if interpreter == "" {
		interpreter = "python3"
	}
	command := exec.CommandContext(t.Context(), interpreter, filepath.Join("testdata", "in_keras.py"), verb, folder)
	command.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1",
		"CUDA_VISIBLE_DEVICES=-1", "TF_CPP_MIN_LOG_LEVEL=2")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("in_keras.py %s: %v\n%s", verb, err, output[max(0, len(output)-4000):])
	}
	text, err := os.ReadFile(filepath.Join(folder, "version.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a network learns from three batches is what Keras learns from them,
// with the same weights to begin with: losses, gradients, AdamW, penalties and
// moving averages together.
func TestTrainingEqualsKeras(t *testing.T) {
	still := func(a Architecture) Architecture { // Keras draws its masks in its own way
		a, err := a.Without("dropout")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	penalised := still(branched(4))
	for _, l := range penalised.Layers {
		switch layer := l.Layer.(type) {
		case *Conv2D:
			layer.L2 = 0.02
		case *Dense:
			layer.L2 = 0.01
		}
	}
	decay := DefaultAdam()
	decay.WeightDecay = 0.3
	for name, job := range map[string]kerasJob{
		"branched, hinge": {Architecture: penalised, Adam: DefaultAdam(), Loss: Loss{Kind: CategoricalHinge}, Rate: 1e-3},
		"branched, AdamW": {Architecture: penalised, Adam: decay, Loss: Loss{LabelSmoothing: 0.1}, Rate: 1e-3},
		"tiny, weighted":  {Architecture: still(Tiny(4)), Adam: DefaultAdam(), Loss: Loss{LabelSmoothing: 0.1}, Rate: 1e-3, Weighted: true},
		"branched, focal": {Architecture: penalised, Adam: DefaultAdam(), Loss: Loss{Kind: FocalCrossEntropy, Gamma: 1.5, LabelSmoothing: 0.1}, Rate: 1e-3, Weighted: true},
		"tiny, AdamW":     {Architecture: still(Tiny(4)), Adam: decay, Loss: Loss{}, Rate: 1e-3},
		// Adam's first steps follow a gradient's sign however small it is, and what
		// rounds a gradient of nothing depends on the processor: with a rate of 2e-3
		// that alone moves the third loss of so deep a network by 3e-4 on one of two.
		"resnet10": {Architecture: still(ResNet10(4)), Adam: decay, Loss: Loss{LabelSmoothing: 0.1}, Rate: 2e-4},
	} {
		t.Run(name, func(t *testing.T) { job.check(t, name) })
	}
}

type kerasJob struct {
	Architecture Architecture `json:"architecture"`
	Adam         Adam         `json:"adam"`
	Loss         Loss         `json:"loss"`
	Rate         float64      `json:"rate"`
	Weighted     bool         `json:"weighted"` // each image's loss has a factor
}

func (j kerasJob) check(t *testing.T, name string) {
	const steps, batch, classes = 3, 8, 4
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	trainer, err := NewTrainer(j.Architecture, j.Adam, j.Loss, 3, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := trainer.SaveWeights(t.Context(), at("weights")); err != nil {
		t.Fatal(err)
	}
	before := weights(t, trainer)
	var images, labels, factors, each []float32
	var batches []Batch
	for step := range steps {
		b := toy(batch, j.Architecture, classes, uint64(step))
		if j.Weighted {
			for i := range batch {
				b.Weights = append(b.Weights, 0.25+float32(i*(step+1))/4)
			}
			factors = append(factors, b.Weights...)
		}
		batches = append(batches, b)
		for _, v := range b.Images {
			images = append(images, float32(v))
		}
		for _, c := range b.Labels {
			labels = append(labels, float32(c))
		}
		_, one, err := trainer.Evaluate(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		each = append(each, one...)
	}
	var losses []float32
	for step, b := range batches {
		loss, _ := learn(t, trainer, b, step, j.Rate)
		losses = append(losses, float32(loss))
	}
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(at("job.json"), text, 0o666),
		npy.Write(at("images.npy"), append([]int{steps, batch}, j.Architecture.Input...), images),
		npy.Write(at("labels.npy"), []int{steps, batch}, labels),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if j.Weighted {
		if err := npy.Write(at("weights.npy"), []int{steps, batch}, factors); err != nil {
			t.Fatal(err)
		}
	}
	version := keras(t, "train", folder)

	read := func(name string) []float32 {
		_, values, err := npy.Read(at(name + ".npy"))
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	line := agreement.Line{Group: agreement.Layer, Subject: "training", Model: name, Oracle: version, Of: "the largest"}
	check := func(compared string, got, want []float32, bound float64) {
		t.Helper()
		line.Compared, line.Difference, line.Bound = compared, agreement.Apart(got, want), bound
		agreement.Check(t, line)
	}
	check("each image's loss before it", each, read("each"), 1e-5)
	theirs := read("losses")
	check("the first loss", losses[:1], theirs[:1], 1e-6)
	check("losses of 3 steps", losses, theirs, 1e-4)
	furthest := 0.0
	for name, got := range weights(t, trainer) {
		furthest = max(furthest, strayed(before[name], got, read(filepath.Join("out", name))))
	}
	line.Compared, line.Difference, line.Of, line.Bound = "weights after 3 steps", furthest, "the way they went", 0.05
	agreement.Check(t, line)
}

// strayed is the distance of two ends of a path from start, as a share of its
// length. Adam's first steps follow a gradient's sign however small it is, so
// rounding alone turns single weights around; the losses are the sharp check.
func strayed(start, got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
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
