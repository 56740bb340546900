package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/paths"
	"oscar/recipes"
	"oscar/tfmodel"
)

// experimentArgs is the experiment of a command line: a file, flags that override it, and single
// keys that override both.
type experimentArgs struct {
	recipe string
	file   string
	keys   []string
}

// flags adds the flags of an experiment. Their values are the defaults.
func (a *experimentArgs) flags(f *pflag.FlagSet) {
	f.StringVar(&a.recipe, "recipe", "", "a recipe by its `NAME`, in place of --experiment; see oscar recipes")
	f.StringVar(&a.file, "experiment", "", "YAML file with an experiment's keys, as in experiment.json")
	f.StringArrayVar(&a.keys, "set", nil, "set one key, `KEY=VALUE` as in training.batch=16; again for more")
	e := experiment.Default()
	experimentFlags(f, &e)
}

// experimentFlags binds flags to an experiment. Its values are the flags' defaults.
func experimentFlags(f *pflag.FlagSet, e *experiment.Experiment) {
	t, d := &e.Training, &e.Data
	f.Var(architecture{e}, "arch", "architecture: "+strings.Join(tfmodel.Architectures(), ", "))
	f.Var(&inputSize{e: e}, "image-size", "height and width of the network's input in pixels (default the architecture's)")
	fineTuneFlags(f, e)
	f.IntVar(&t.Epochs, "epochs", t.Epochs, "passes over the training images")
	f.IntVar(&t.Batch, "batch", t.Batch, "images per step")
	f.Float64Var(&t.LearningRate, "learning-rate", t.LearningRate, "learning rate of the optimizer")
	precisionFlag(f, &t.Precision)
	f.Uint64Var(&e.Seed, "seed", e.Seed, "seed of split, weights, order, augmentation and dropout")
	f.StringVar(&e.Explain, "layer", e.Explain, "the explained layer (default the last convolution or block)")
	f.Var(fractions{d}, "split", "shares of train, validation and test")
	f.StringVar(&d.Groups, "groups", d.Groups, "keep images in one part by a column of the table, the columns path and group of `FILE.csv`, or a regular expression on the path")
	f.VarPF(nearDuplicates{d}, "group-near-duplicates", "", "keep near-duplicate images in one part").NoOptDefVal = "true"
	tableFlags(f, &d.Columns, &d.Root, &d.Classes)
	f.StringVar((*string)(&d.Interpolation), "interpolation", string(d.Interpolation), "how images are resized: "+joined(dataset.Interpolations()))
	f.StringVar((*string)(&d.Aspect), "aspect", string(d.Aspect), "how images of other proportions are fitted: "+joined(dataset.Aspects()))
	f.IntVar(&d.Padding, "padding", d.Padding, "gray of the bars of --aspect letterbox, 0 to 255")
	f.Int64Var(&d.MaxPixels, "max-pixels", d.MaxPixels, "largest number of pixels of an image")
	f.Int64Var(&d.MaxBytes, "max-bytes", d.MaxBytes, "largest number of bytes of a file")
	f.BoolVar(&d.Strict, "strict", d.Strict, "a file that cannot be read is an error")
}

// read returns the YAML of the file or the recipe.
func (a *experimentArgs) read() ([]byte, error) {
	if a.recipe != "" {
		return recipes.Read(a.recipe)
	}
	return paths.ReadFile(a.file, paths.Settings)
}

// apply applies file, flags and keys to an experiment and checks it. Errors in the file name the
// file; other errors are usage errors.
func (a *experimentArgs) apply(e *experiment.Experiment, cmd *cobra.Command) error {
	var ofFile error // an error in the file that no flag corrects
	if a.file != "" && a.recipe != "" {
		return usageError{errors.New("--recipe and --experiment do not go together; give one"), cmd.CommandPath()}
	}
	if a.file != "" || a.recipe != "" {
		b, err := a.read()
		if err != nil {
			return err
		}
		if err := e.ReadYAML(b); err != nil {
			return fmt.Errorf("%s: %w", a.file+a.recipe, err)
		}
		ofFile = e.Check()
	}
	tuned := a.file+a.recipe == "" && (cmd.Flags().Changed("from") || cmd.Flags().Changed("weights"))
	if tuned {
		*e = experiment.FineTuning("")
	}
	if cmd.Flags().Changed("groups") && cmd.Flags().Changed("group-near-duplicates") {
		return usageError{errors.New("--groups and --group-near-duplicates do not go together; give one"), cmd.CommandPath()}
	}
	named := e.Architecture.Name
	// Parse the flags again, bound to the experiment with the file's values.
	over := pflag.NewFlagSet("", pflag.ContinueOnError)
	experimentFlags(over, e)
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && over.Lookup(f.Name) != nil {
			err = over.Set(f.Name, f.Value.String())
		}
	})
	if tuned && !cmd.Flags().Changed("head-epochs") {
		e.FineTune.HeadEpochs = (e.Training.Epochs + 3) / 4
	}
	if e.Architecture.Name != named && !cmd.Flags().Changed("layer") {
		e.Explain = "" // the file's layer belongs to the file's architecture
	}
	root := e.Data.Root
	for _, key := range a.keys {
		if err == nil {
			err = e.Set(key)
		}
	}
	if err == nil && e.Data.Root != root {
		err = errors.New("data.root: the argument DATA names the folder of images")
	}
	if err == nil && e.FineTune != nil && e.FineTune.From != "" && a.namesArchitecture(cmd) {
		err = fmt.Errorf("--arch %s and --from do not go together: the model %s has its own layers; --weights are for an architecture", e.Architecture.Name, e.FineTune.From)
	}
	if err == nil {
		err = e.Check()
	}
	if err != nil && ofFile != nil && ofFile.Error() == err.Error() {
		return fmt.Errorf("%s: %w", a.file+a.recipe, err)
	}
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	return nil
}

// namesArchitecture reports whether a flag or a key names an architecture.
func (a *experimentArgs) namesArchitecture(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("arch") || slices.ContainsFunc(a.keys, func(key string) bool {
		return strings.HasPrefix(key, "architecture=") || strings.HasPrefix(key, "architecture.name=")
	})
}

// tableFlags adds the flags for reading a table of images.
func tableFlags(f *pflag.FlagSet, columns *dataset.Columns, root, classes *string) {
	f.Var(tableColumns{columns}, "columns", "columns of a table, `path=NAME,label=NAME,part=NAME,group=NAME,weight=NAME` (default the usual names)")
	f.StringVar(root, "root", *root, "the folder that paths in a table are relative to (default the table's)")
	f.StringVar(classes, "classes", *classes, "`FILE` with the names of a table's classes, one per line, or JSON; labels may be their numbers")
}

// tableColumns is the flag with the columns of a table.
type tableColumns struct{ c *dataset.Columns }

func (t tableColumns) String() string {
	if t.c == nil {
		return ""
	}
	return t.c.String()
}

func (t tableColumns) Set(text string) (err error) {
	*t.c, err = dataset.ParseColumns(text)
	return err
}

func (tableColumns) Type() string { return "string" }

// architecture is the flag with the name of an architecture.
type architecture struct{ e *experiment.Experiment }

func (a architecture) String() string {
	if a.e == nil {
		return ""
	}
	return a.e.Architecture.Name
}

func (a architecture) Set(name string) error {
	a.e.Architecture = tfmodel.Architecture{Name: name}
	return nil
}

func (architecture) Type() string { return "string" }

// fractions is the flag of the shares of the three parts.
type fractions struct{ d *experiment.Data }

func (f fractions) String() string {
	if f.d == nil {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(f.d.Fractions), " ", ","), "[]")
}

func (f fractions) Set(text string) (err error) {
	f.d.Fractions, err = dataset.ParseFractions(text)
	return err
}

func (fractions) Type() string { return "string" }

// inputSize is the flag of the input's side. It stores the given value, because a later --arch
// replaces the input.
type inputSize struct {
	e    *experiment.Experiment
	side int // 0: not given
}

func (s *inputSize) String() string {
	switch {
	case s.e == nil:
		return ""
	case s.side != 0:
		return strconv.Itoa(s.side)
	case len(s.e.Architecture.Input) == 0:
		return ""
	}
	return strconv.Itoa(s.e.Architecture.Input[0])
}

func (s *inputSize) Set(text string) error {
	side, err := strconv.Atoi(text)
	if err != nil || side < 1 || side > 4096 {
		return fmt.Errorf("want a whole number from 1 to 4096")
	}
	s.side = side
	s.e.Architecture.Input = tfmodel.Shape{side, side, 3}
	return nil
}

func (*inputSize) Type() string { return "int" }

// nearDuplicates is the flag that groups near duplicates.
type nearDuplicates struct{ d *experiment.Data }

func (n nearDuplicates) String() string {
	return strconv.FormatBool(n.d != nil && n.d.Groups == dataset.GroupByNearDuplicates)
}

func (n nearDuplicates) Set(text string) error {
	on, err := strconv.ParseBool(text)
	switch {
	case err != nil:
		return err
	case on:
		n.d.Groups = dataset.GroupByNearDuplicates
	case n.d.Groups == dataset.GroupByNearDuplicates:
		n.d.Groups, n.d.NearDuplicateDistance = "", nil
	}
	return nil
}

func (nearDuplicates) Type() string { return "bool" }
