package main

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"oscar/experiment"
)

// fineTuneFlags binds flags to the settings of fine-tuning. An experiment gets these settings only
// if one of the flags is set.
func fineTuneFlags(f *pflag.FlagSet, e *experiment.Experiment) {
	text := func(field func(*experiment.FineTune) *string) fineTuneFlag {
		return fineTuneFlag{e, "string",
			func(t *experiment.FineTune) string { return *field(t) },
			func(t *experiment.FineTune, text string) error { *field(t) = text; return nil }}
	}
	number := func(field func(*experiment.FineTune) *float64) fineTuneFlag {
		return fineTuneFlag{e, "float",
			func(t *experiment.FineTune) string { return strconv.FormatFloat(*field(t), 'g', -1, 64) },
			func(t *experiment.FineTune, text string) (err error) {
				*field(t), err = strconv.ParseFloat(text, 64)
				return err
			}}
	}
	f.Var(text(func(t *experiment.FineTune) *string { return &t.From }), "from", "train on this model, a SavedModel of any origin or a run, or the URL of one in a\nstore; with a new last layer")
	f.Var(text(func(t *experiment.FineTune) *string { return &t.Weights }), "weights", "train on these weights of --arch: safetensors, Keras's .keras or .h5, a TensorFlow\ncheckpoint, a run or a SavedModel of oscar's; with a new last layer")
	f.Var(fineTuneFlag{e, "patterns",
		func(t *experiment.FineTune) string { return strings.Join(t.Freeze, ",") },
		func(t *experiment.FineTune, text string) error { t.Freeze = strings.Split(text, ","); return nil },
	}, "freeze", "fine-tuning: layers or variables that are not trained, such as stem*,block1*; * is all except the new layer")
	f.Var(fineTuneFlag{e, "int",
		func(t *experiment.FineTune) string { return strconv.Itoa(t.HeadEpochs) },
		func(t *experiment.FineTune, text string) (err error) {
			t.HeadEpochs, err = strconv.Atoi(text)
			return err
		},
	}, "head-epochs", "fine-tuning: epochs that train the new layer alone, before the others (default a quarter of them)")
	f.Var(number(func(t *experiment.FineTune) *float64 { return &t.HeadLearningRate }), "head-learning-rate", "fine-tuning: learning rate in these epochs")
	f.Var(number(func(t *experiment.FineTune) *float64 { return &t.LayerDecay }), "layer-decay", "fine-tuning: factor of the learning rate from one size of maps to the next larger one")
}

// fineTuneFlag is the flag of one setting.
type fineTuneFlag struct {
	e    *experiment.Experiment
	kind string
	get  func(*experiment.FineTune) string
	set  func(*experiment.FineTune, string) error
}

func (f fineTuneFlag) String() string {
	if f.e == nil || f.e.FineTune == nil {
		return ""
	}
	return f.get(f.e.FineTune)
}

func (f fineTuneFlag) Set(text string) error {
	t := experiment.FineTune{}
	if f.e.FineTune != nil {
		t = *f.e.FineTune
	}
	err := f.set(&t, text)
	if err == nil {
		f.e.FineTune = &t
	}
	return err
}

func (f fineTuneFlag) Type() string { return f.kind }
