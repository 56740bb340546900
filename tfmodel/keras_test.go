package tfmodel

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/internal/testkit"
)

// needsKeras skips the test if there are no Python packages.
func needsKeras(t *testing.T) (packages string) {
	t.Helper()
	packages = os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	return packages
}

// keras runs testdata/in_keras.py, and says which Keras it was.
func keras(t *testing.T, verb, folder string) (version string) {
	t.Helper()
	packages := needsKeras(t)
	command := testkit.Python(t.Context(), packages, filepath.Join("testdata", "in_keras.py"), verb, folder)
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
	several := func(a Architecture) Architecture {
		a.Output = Sigmoid
		return a
	}
	penalized := still(branched(4))
	for _, l := range penalized.Layers {
		switch layer := l.Layer.(type) {
		case *Conv2D:
			layer.L2 = 0.02
		case *Dense:
			layer.L2 = 0.01
		}
	}
	decay := DefaultAdam()
	decay.WeightDecay = 0.3
	needsKeras(t)
	folder := t.TempDir()
	jobs := map[string]kerasJob{
		"branched, hinge":             {Architecture: penalized, Optimizer: DefaultAdam(), Loss: Loss{Kind: CategoricalHinge}, Rate: 1e-3},
		"branched, AdamW":             {Architecture: penalized, Optimizer: decay, Loss: Loss{LabelSmoothing: 0.1}, Rate: 1e-3},
		"tiny, weighted":              {Architecture: still(Tiny(4)), Optimizer: DefaultAdam(), Loss: Loss{LabelSmoothing: 0.1}, Rate: 1e-3, Weighted: true},
		"branched, focal":             {Architecture: penalized, Optimizer: DefaultAdam(), Loss: Loss{Kind: FocalCrossEntropy, Gamma: 1.5, LabelSmoothing: 0.1}, Rate: 1e-3, Weighted: true},
		"branched, mixed labels":      {Architecture: penalized, Optimizer: DefaultAdam(), Loss: Loss{LabelSmoothing: 0.1}, Rate: 1e-3, Mixed: true},
		"branched, SGD":               {Architecture: penalized, Optimizer: SGD{Momentum: 0.9}, Rate: 1e-3},
		"tiny, Nesterov":              {Architecture: still(Tiny(4)), Optimizer: SGD{Momentum: 0.9, Nesterov: true, WeightDecay: 0.3}, Rate: 1e-2},
		"tiny, RMSprop":               {Architecture: still(Tiny(4)), Optimizer: RMSprop{Rho: 0.8, Momentum: 0.5, Epsilon: 1e-4, WeightDecay: 0.3}, Rate: 1e-3},
		"tiny, AdamW":                 {Architecture: still(Tiny(4)), Optimizer: decay, Loss: Loss{}, Rate: 1e-3},
		"tiny, several labels":        {Architecture: several(still(Tiny(4))), Optimizer: DefaultAdam(), Loss: Loss{Kind: BinaryCrossEntropy, LabelSmoothing: 0.1}, Rate: 1e-3, Weighted: true},
		"branched, factors of labels": {Architecture: several(penalized), Optimizer: decay, Loss: Loss{Kind: BinaryCrossEntropy}, Rate: 1e-3, Positive: []float32{2, 0.5, 1, 3}},
		// Adam's first steps follow a gradient's sign however small it is, and what
		// rounds a gradient of nothing depends on the processor: with a rate of 2e-3
		// that alone moves the third loss of so deep a network by 3e-4 on one of two.
		"resnet10": {Architecture: still(ResNet10(4)), Optimizer: decay, Loss: Loss{LabelSmoothing: 0.1}, Rate: 2e-4},
	}
	learned := map[string]kerasRun{}
	for name, job := range jobs {
		learned[name] = job.run(t, filepath.Join(folder, name))
	}
	version := keras(t, "train", folder)
	for name, run := range learned {
		t.Run(name, func(t *testing.T) { run.check(t, filepath.Join(folder, name), name, version) })
	}
}

type kerasJob struct {
	Architecture Architecture `json:"architecture"`
	Kind         string       `json:"kind"` // of the optimizer
	Optimizer    Optimizer    `json:"optimizer"`
	Loss         Loss         `json:"loss"`
	Rate         float64      `json:"rate"`
	Weighted     bool         `json:"weighted"`           // each image's loss has a factor
	Mixed        bool         `json:"mixed"`              // each image has two labels
	Positive     []float32    `json:"positive,omitempty"` // factors of labels
}

// kerasRun is what a trainer made of a job.
type kerasRun struct {
	before, after map[string][]float32 // weights
	each, losses  []float32
}

// run trains, and writes what Keras needs to do the same.
func (j kerasJob) run(t *testing.T, folder string) (r kerasRun) {
	t.Helper()
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	const steps, batch, classes = 3, 8, 4
	j.Kind = j.Optimizer.Kind()
	at := func(name string) string { return filepath.Join(folder, name) }
	trainer, err := NewTrainer(j.Architecture, Training{Optimizer: j.Optimizer, Loss: j.Loss}, 3, graph.Config{})
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
	r.before = weights(t, trainer)
	var images, labels, factors, targets []float32
	var batches []Batch
	for step := range steps {
		b := toy(batch, j.Architecture, classes, uint64(step))
		if j.Weighted {
			for i := range batch {
				b.Weights = append(b.Weights, 0.25+float32(i*(step+1))/4)
			}
			factors = append(factors, b.Weights...)
		}
		if b.Positive = j.Positive; j.Architecture.MultiLabel() { // some images have several labels, some none
			for i := range batch {
				for c := range classes {
					b.Targets = append(b.Targets, float32((b.Labels[i]*5+i*3+c*c+step)%3/2))
				}
			}
		}
		_, one, err := trainer.Evaluate(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		r.each = append(r.each, one...)
		if j.Architecture.MultiLabel() {
			targets = append(targets, b.Targets...)
		}
		if j.Mixed {
			for i := range batch {
				b.Others, b.Shares = append(b.Others, (b.Labels[i]+i)%classes), append(b.Shares, float32(i)/batch)
			}
			targets = append(targets, b.targets(classes)...)
		}
		batches = append(batches, b)
		for _, v := range b.Images {
			images = append(images, float32(v))
		}
		for _, c := range b.Labels {
			labels = append(labels, float32(c))
		}
	}
	for step, b := range batches {
		loss, _ := learn(t, trainer, b, step, j.Rate)
		r.losses = append(r.losses, float32(loss))
	}
	r.after = weights(t, trainer)
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
	if targets != nil {
		if err := npy.Write(at("targets.npy"), []int{steps, batch, classes}, targets); err != nil {
			t.Fatal(err)
		}
	}
	if j.Weighted {
		if err := npy.Write(at("weights.npy"), []int{steps, batch}, factors); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// check compares the run with what Keras made of the job.
func (r kerasRun) check(t *testing.T, folder, name, version string) {
	read := func(name string) []float32 {
		_, values, err := npy.Read(filepath.Join(folder, name+".npy"))
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
	check("each image's loss before it", r.each, read("each"), 1e-5)
	theirs := read("losses")
	check("the first loss", r.losses[:1], theirs[:1], 1e-6)
	check("losses of 3 steps", r.losses, theirs, 1e-4)
	furthest := 0.0
	for name, got := range r.after {
		furthest = max(furthest, strayed(r.before[name], got, read(filepath.Join("out", name))))
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
