package pipeline

import (
	"strings"

	"oscar/internal/machine"
	"oscar/methods"
	"oscar/savedmodel"
)

// The jobs with a choice of precision.
const (
	jobTrain   = "train"
	jobPredict = "predict"
	jobExplain = "explain"
)

// speedups is the speed of a job in bfloat16 divided by that in float32 on a processor
// with AVX512_BF16, by architecture. docs/design/0014-precision.md has the command.
var speedups = map[string]map[string]float64{
	jobTrain:   {"tiny": 0.7, "alexnet02": 1.7, "resnet10": 2.4},
	jobPredict: {"tiny": 0.9, "alexnet02": 1.7, "resnet10": 2.6},
	jobExplain: {"tiny": 0.8, "alexnet02": 1.5, "resnet10": 1.9}, // the lowest speed-up of its methods
}

// minSpeedup is the lowest ratio at which [machine.Auto] chooses bfloat16.
const minSpeedup = 1.2

// choose replaces the precision auto for a job with an architecture. It chooses float32 for
// architectures that were not measured.
func choose(p Precision, job, architecture string) Precision {
	return p.Choose(speedups[job][architecture] >= minSpeedup)
}

// TrainingPrecision replaces the precision auto for the training of an architecture.
func TrainingPrecision(p Precision, architecture string) Precision {
	return choose(p, jobTrain, architecture)
}

// trainingPrecision is [TrainingPrecision] for a machine. On a cluster auto is float32, because
// bfloat16 was not measured there.
func trainingPrecision(m Machine, p Precision, architecture string) Precision {
	if m.Cluster != nil && p == machine.Auto {
		return machine.Float32
	}
	return TrainingPrecision(p, architecture)
}

// Open opens a MODEL argument. For the precision auto it uses the faster one for predictions.
func Open(path string, config Config) (*savedmodel.Bundle, error) {
	bundle, _, err := openFor(path, jobPredict, config)
	return bundle, err
}

// openFor opens a model for a job. If the precision was auto, it returns the chosen one.
func openFor(path, job string, config Config) (*savedmodel.Bundle, Precision, error) {
	dir, err := trustedDir(strings.TrimSuffix(path, "/"), config.Trust)
	if err != nil {
		return nil, config.Precision, err
	}
	if config.Precision == machine.Auto {
		meta, _, err := savedmodel.Describe(dir)
		if err != nil {
			return nil, config.Precision, err
		}
		config.Precision = choose(config.Precision, job, meta.Model)
	}
	bundle, err := savedmodel.Open(dir, config)
	return bundle, config.Precision, err
}

// openExact also opens the model in float32, if the settings have another precision and a method
// that needs float32. Otherwise it returns nil.
func openExact(path string, m Machine, s Settings) (*savedmodel.Bundle, error) {
	list, err := methods.Parse(s.Method)
	if err != nil || s.Precision == machine.Float32 {
		return nil, err
	}
	for _, at := range list {
		if methods.Exact([]methods.At{at}) {
			return Open(path, m.Config(machine.Float32))
		}
	}
	return nil, nil
}

// bundleFor returns the model for a group of methods; exact may be nil.
func bundleFor(group []methods.At, bundle, exact *savedmodel.Bundle) *savedmodel.Bundle {
	if exact != nil && methods.Exact(group) {
		return exact
	}
	return bundle
}
