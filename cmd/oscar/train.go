package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/dataset"
	"oscar/pipeline"
	"oscar/tfmodel"
)

func newTrain(*global) *cobra.Command {
	var (
		o          = pipeline.TrainOptions{Experiment: pipeline.DefaultExperiment()}
		resume     string
		experiment string
		split      = "0.7,0.15,0.15"
		cache      = string(dataset.CacheMemory)
	)
	e := &o.Experiment
	flags := pipeline.DefaultExperiment() // what the flags say; they win over the file
	cmd := &cobra.Command{
		Use:   "train DATA --out RUN | train --resume RUN",
		Short: "Train a classifier on a folder with one sub-folder a class",
		Long: `Train a classifier on DATA, a folder with one sub-folder of images a class, and
write the run folder RUN: experiment.json, split.json, environment.json,
metrics.jsonl, events/ (TensorBoard), checkpoints/, saved_model/ (the best epoch
by validation accuracy) and evaluation.json (the test part, looked at once).

A run that was stopped or killed goes on with --resume RUN and ends with the same
bits as one that was not. Ctrl-C saves after the step under way (exit status 3).

Flags win over --experiment, which wins over the defaults: the plain recipe of
He, Gu and Shi's modified AlexNet.`,
		Example: `  oscar train photos --out runs/first
  oscar train photos --out runs/quick --epochs 10 --learning-rate 1e-4
  oscar train photos --out runs/mine --experiment mine.yaml
  oscar train --resume runs/first`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("resume") {
				if resume == "" {
					return fmt.Errorf("--resume RUN is empty: the run folder to go on with")
				}
				if err := arguments()(cmd, args); err != nil {
					return err
				}
				return onlyMachine(cmd)
			}
			if len(args) == 0 {
				return fmt.Errorf("DATA is missing: the folder with one sub-folder of images a class, or --resume RUN")
			}
			if err := arguments("DATA")(cmd, args); err != nil {
				return err
			}
			if o.Out == "" {
				return fmt.Errorf("--out RUN is missing: the run folder to make")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen()
			defer s.clear()
			o.Listener = s.listener()
			var err error
			if o.Machine.Cache, err = dataset.ParseCacheMode(cache); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if err := o.Machine.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if resume != "" {
				run, err := pipeline.Resume(cmd.Context(), resume, o.Machine, o.Listener)
				if err != nil {
					return err
				}
				return s.finished(cmd.OutOrStdout(), run)
			}
			o.Data = args[0]
			var ofFile error // what is wrong with the file, unless a flag mends it
			if experiment != "" {
				b, err := os.ReadFile(experiment)
				if err != nil {
					return err
				}
				if err := e.ReadYAML(b); err != nil {
					return fmt.Errorf("%s: %w", experiment, err)
				}
				ofFile = e.Check()
			}
			changed := cmd.Flags().Changed
			if changed("arch") {
				e.Architecture = flags.Architecture
			}
			if changed("epochs") {
				e.Training.Epochs = flags.Training.Epochs
			}
			if changed("batch") {
				e.Training.Batch = flags.Training.Batch
			}
			if changed("learning-rate") {
				e.Training.LearningRate = flags.Training.LearningRate
			}
			if changed("seed") {
				e.Seed = flags.Seed
			}
			if changed("layer") {
				e.Explain = flags.Explain
			}
			if changed("interpolation") {
				e.Data.Interpolation = flags.Data.Interpolation
			}
			if changed("max-pixels") {
				e.Data.MaxPixels = flags.Data.MaxPixels
			}
			if changed("max-bytes") {
				e.Data.MaxBytes = flags.Data.MaxBytes
			}
			if changed("strict") {
				e.Data.Strict = flags.Data.Strict
			}
			if changed("split") {
				if e.Data.Fractions, err = dataset.ParseFractions(split); err != nil {
					return usageError{err, cmd.CommandPath()}
				}
			}
			if err := e.Check(); err != nil {
				if ofFile != nil && ofFile.Error() == err.Error() {
					return fmt.Errorf("%s: %w", experiment, err)
				}
				return usageError{err, cmd.CommandPath()}
			}
			run, err := pipeline.Train(cmd.Context(), o)
			if err != nil {
				return err
			}
			return s.finished(cmd.OutOrStdout(), run)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "the run folder to make")
	f.StringVar(&resume, "resume", "", "go on with this run folder")
	f.StringVar(&experiment, "experiment", "", "YAML file with an experiment's keys, as in experiment.json")
	f.StringVar(&flags.Architecture.Name, "arch", flags.Architecture.Name, "architecture: "+strings.Join(tfmodel.Architectures(), ", "))
	f.IntVar(&flags.Training.Epochs, "epochs", flags.Training.Epochs, "how often every image is seen")
	f.IntVar(&flags.Training.Batch, "batch", flags.Training.Batch, "images a step")
	f.Float64Var(&flags.Training.LearningRate, "learning-rate", flags.Training.LearningRate, "Adam's learning rate")
	f.Uint64Var(&flags.Seed, "seed", flags.Seed, "decides split, initial weights, order and dropout")
	f.StringVar(&flags.Explain, "layer", flags.Explain, "the layer that explanations look at")
	f.StringVar(&split, "split", split, "shares of train, validation and test")
	f.StringVar((*string)(&flags.Data.Interpolation), "interpolation", string(flags.Data.Interpolation), "how images are resized: "+joined(dataset.Interpolations()))
	f.Int64Var(&flags.Data.MaxPixels, "max-pixels", flags.Data.MaxPixels, "the most pixels an image may have")
	f.Int64Var(&flags.Data.MaxBytes, "max-bytes", flags.Data.MaxBytes, "the most bytes a file may have")
	f.BoolVar(&flags.Data.Strict, "strict", false, "a file that cannot be read is an error")
	f.StringVar(&cache, "cache", cache, "where decoded images are kept between epochs: none, memory, disk")
	f.IntVar(&o.Machine.CheckpointEvery, "checkpoint-every", 0, "steps between checkpoints within an epoch; 0: only at its end")
	machineFlags(cmd, &o.Machine)
	return cmd
}

// onlyMachine refuses flags that say what to train: a run that goes on knows.
func onlyMachine(cmd *cobra.Command) (err error) {
	free := []string{"resume", "verbose", "threads", "inter-threads", "workers", "cache", "checkpoint-every"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(free, f.Name) {
			err = fmt.Errorf("--%s does not go with --resume: the run goes on as its experiment.json says", f.Name)
		}
	})
	return err
}

// machineFlags adds the flags that say what of the machine may be used.
func machineFlags(cmd *cobra.Command, m *pipeline.Machine) {
	f := cmd.Flags()
	f.IntVar(&m.Threads.Intra, "threads", 0, "threads within one operation; 0: one a processor")
	f.IntVar(&m.Threads.Inter, "inter-threads", 0, "operations beside each other; 0: 1")
	f.IntVar(&m.Workers, "workers", 0, "images decoded beside each other; 0: one a processor")
}

// limitFlags adds the flags that bound what one image may cost.
func limitFlags(cmd *cobra.Command, l *dataset.Limits) {
	*l = dataset.DefaultLimits
	cmd.Flags().Int64Var(&l.MaxPixels, "max-pixels", l.MaxPixels, "the most pixels an image may have")
	cmd.Flags().Int64Var(&l.MaxBytes, "max-bytes", l.MaxBytes, "the most bytes a file may have")
}

func joined[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

// finished tells where a run's results are.
func (s *screen) finished(w io.Writer, run *pipeline.Run) error {
	e, err := run.Evaluation()
	if err != nil {
		return err
	}
	s.clear()
	if e != nil {
		fmt.Fprintf(w, "test accuracy %.4f (95 %% %.4f to %.4f), loss %.4f, on %s, epoch %d\n", e.Accuracy, e.Interval[0], e.Interval[1], e.Loss, count(e.Images, "image"), e.Epoch)
	}
	_, err = fmt.Fprintf(w, "run    %s\nmodel  %s\n", run.Dir, run.Model())
	return err
}
