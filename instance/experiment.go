package instance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"

	"oscar/instance/maskrcnn"
	"oscar/internal/keyed"
	"oscar/internal/machine"
	"oscar/internal/numeric"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Task is the task of these experiments.
const Task = result.Instances

// Experiment has the settings of a training.
type Experiment struct {
	Format   int                   `json:"format"` // 1
	Task     string                `json:"task"`
	Seed     uint64                `json:"seed"`
	Data     Data                  `json:"data"`
	Weights  string                `json:"weights,omitempty"` // to start from: a detector's run, or a classifier for the backbone
	Detector maskrcnn.Architecture `json:"detector"`
	Explain  string                `json:"explain"` // the backbone's layer to explain
	Training Training              `json:"training"`
}

// Data has the training data.
type Data struct {
	Root    string            `json:"root"`             // a folder of scenes
	SHA256  map[string]string `json:"sha256,omitempty"` // of the annotations of each part
	Classes []string          `json:"classes,omitempty"`
	Objects int               `json:"objects,omitempty"` // the maximum number per scene
}

// Training has the settings of the optimizer and the loop.
type Training struct {
	Epochs       int          `json:"epochs"`
	Batch        int          `json:"batch"`
	LearningRate float64      `json:"learning_rate"`
	WarmupSteps  int          `json:"warmup_steps"` // the rate rises to learning_rate, then falls to 0 as a cosine
	Adam         tfmodel.Adam `json:"adam"`
	Flip         float64      `json:"flip"` // the probability of a horizontal flip
	// Color is the largest relative change of brightness, contrast and saturation.
	Color float64 `json:"color,omitempty"`
	// Precision is the number type of convolutions and products in training. Detections are
	// computed in float32.
	Precision run.Precision `json:"precision,omitzero"`
}

// Default returns the default settings.
func Default() Experiment {
	adam := tfmodel.DefaultAdam()
	adam.WeightDecay = 0.01
	return Experiment{
		Format: 1, Task: Task, Seed: 1, Detector: maskrcnn.ResNet10(1), Explain: "block3",
		Training: Training{Epochs: 10, Batch: 8, LearningRate: 1.5e-3, WarmupSteps: 100, Adam: adam, Flip: 0.5},
	}
}

// ReadYAML sets the keys that a YAML or JSON text has. Unknown keys are errors.
func (e *Experiment) ReadYAML(b []byte) error {
	tree, err := keyed.Parse(b, "training: {epochs: 10}")
	if err != nil {
		return err
	}
	return e.overlay(tree)
}

// Set sets one key of e, written as training.epochs=10. The value is YAML.
func (e *Experiment) Set(setting string) error {
	path, text, ok := strings.Cut(setting, "=")
	if !ok {
		return fmt.Errorf("%q has no value, want KEY=VALUE as in training.epochs=10", setting)
	}
	tree, err := keyed.Parse([]byte(text), "10")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if tree, err = keyed.Setting(path, tree, reflect.TypeFor[Experiment]()); err != nil {
		return err
	}
	return e.overlay(tree)
}

// overlay sets the keys that a tree of YAML values has. On an error e is unchanged.
func (e *Experiment) overlay(tree any) error {
	if err := keyed.Check(tree, reflect.TypeFor[Experiment]()); err != nil {
		return err
	}
	base, err := keyed.Tree(e)
	if err != nil {
		return err
	}
	text, err := json.Marshal(keyed.Merge(base, tree))
	if err != nil {
		return err
	}
	var merged Experiment
	if err := keyed.Decode(text, &merged); err != nil {
		return err
	}
	*e = merged
	return nil
}

// Check reports the first invalid setting.
func (e Experiment) Check() error {
	t := e.Training
	switch {
	case e.Format != 1:
		return fmt.Errorf("format is %d, this oscar reads 1", e.Format)
	case e.Task != Task:
		return fmt.Errorf("task is %q, want %q", e.Task, Task)
	case t.Epochs < 1 || t.Epochs > 100_000:
		return fmt.Errorf("training.epochs is %d, want 1 to 100000", t.Epochs)
	case t.Batch < 1 || t.Batch > 1024:
		return fmt.Errorf("training.batch is %d, want 1 to 1024", t.Batch)
	case !(t.LearningRate > 0) || math.IsInf(t.LearningRate, 0):
		return fmt.Errorf("training.learning_rate is %g, want above 0", t.LearningRate)
	case t.WarmupSteps < 0:
		return fmt.Errorf("training.warmup_steps is %d, want at least 0", t.WarmupSteps)
	case !(t.Color >= 0 && t.Color < 1):
		return fmt.Errorf("training.color is %g, want 0 to below 1", t.Color)
	case !(t.Flip >= 0 && t.Flip <= 1):
		return fmt.Errorf("training.flip is %g, want 0 to 1", t.Flip)
	}
	if e.Detector.Tuning != nil && e.Weights == "" {
		return fmt.Errorf("detector.tuning is for a backbone with weights; give weights (--weights)")
	}
	if o := e.Detector.Tuning; o != nil && !(o.Decay >= 0 && o.Decay <= 1) {
		return fmt.Errorf("detector.tuning.decay is %g, want 0 to 1", o.Decay)
	}
	if t.Precision == machine.Auto {
		return fmt.Errorf("training.precision is auto, want float32 or bfloat16: it was not measured for detectors")
	}
	if err := t.Adam.Check(); err != nil {
		return err
	}
	if err := cmp.Or(numeric.CheckAllLargest(e), e.Detector.Check()); err != nil {
		return err
	}
	_, err := e.layer(e.Explain)
	return err
}

// fits returns an error if the training needs more than memory bytes. 0 means that the machine's
// memory is unknown.
func (e Experiment) fits(memory int64) error {
	needs, err := e.Detector.Memory(e.Training.Batch, e.Data.Objects)
	if err != nil || memory == 0 || needs <= float64(memory) {
		return err
	}
	return fmt.Errorf("training %s with batches of %d and up to %d objects in a picture takes about %.1f GiB of memory, and there are %.1f GiB; lower training.batch, detector.input or the sizes of the heads",
		e.Detector.Name, e.Training.Batch, e.Data.Objects, needs/(1<<30), float64(memory)/(1<<30))
}

// rate returns the learning rate of a step. steps is the total number of steps.
func (t Training) rate(step, steps int) float64 {
	if step < t.WarmupSteps {
		return t.LearningRate * float64(step+1) / float64(t.WarmupSteps)
	}
	done := float64(step-t.WarmupSteps) / float64(max(1, steps-t.WarmupSteps))
	return t.LearningRate * (1 + math.Cos(math.Pi*min(done, 1))) / 2
}

// IsRun reports whether dir is a run of a detector.
func IsRun(dir string) bool { return result.IsOfDetector(dir, experimentFile) }

// IsExport reports whether dir is a SavedModel that [Export] wrote.
func IsExport(dir string) bool { return result.IsOfDetector(dir, savedmodel.MetadataFile) }

// layer returns the layer whose output is explained if the user names one: for a block it is the
// activation after the block.
func (e Experiment) layer(name string) (string, error) {
	names := make([]string, 0, len(e.Detector.Backbone))
	for i, l := range e.Detector.Backbone {
		if l.Name == name {
			if next := i + 1; next < len(e.Detector.Backbone) && e.Detector.Backbone[next].Layer.Traits().Activation {
				return e.Detector.Backbone[next].Name, nil
			}
			return name, nil
		}
		names = append(names, l.Name)
	}
	return "", fmt.Errorf("no layer %q in the backbone; have %s", name, strings.Join(names, ", "))
}

// On replaces the backbone by a named architecture of package tfmodel. The explained layer becomes
// the last one of stride 8, as in resnet10.
func (e *Experiment) On(architecture string) error {
	classifier, err := tfmodel.Lookup(architecture, 1)
	if err != nil {
		return err
	}
	d, err := maskrcnn.On(classifier, e.Detector.Classes)
	if err != nil {
		return err
	}
	d.Tuning, e.Detector = e.Detector.Tuning, d
	e.Explain = e.Detector.Taps[min(1, len(e.Detector.Taps)-1)]
	return nil
}
