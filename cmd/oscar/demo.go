package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"oscar/pipeline"
)

func newDemo(*globalFlags) *cobra.Command {
	o := pipeline.DemoOptions{Experiment: pipeline.DemoExperiment()}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run all main steps on a generated data set",
		Long: `Draw a data set of six classes with masks, train AlexNet02 on it, evaluate, export,
open the exported model, explain the test images, and print the share of the heat on
the objects. It takes about two minutes on two cores. The folder of an earlier demo
is replaced.`,
		Example: "  oscar demo\n  oscar demo --out runs/other --per-class 100 --epochs 12",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(o.Experiment.Check(), o.Machine.Check()); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			begin := time.Now()
			s := newScreen()
			defer s.clear()
			o.Listener = s.listener()
			d, err := pipeline.Demo(recordIn(cmd, o.Out), o)
			if err != nil {
				return err
			}
			if err := s.report(cmd.Context(), d.Run.Dir); err != nil {
				return err
			}
			s.clear()
			w := cmd.OutOrStdout()
			fmt.Fprintln(w)
			printEvaluation(w, d.Evaluation)
			say(w, `
%.0f %% of the heat falls on the objects, which cover %.0f %% of the images (%d of %d maps)
done in %s

run           %s
model         %s
explanations  %s
montage       %s
report        %s/report.html
`, 100*d.Heat, 100*d.Area, d.Images, d.Summary.Rows, round(time.Since(begin)), d.Run.Dir, d.Run.Model(), d.Summary.Manifest, d.Summary.Montage, d.Run.Dir)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "runs/demo", "the run folder; an earlier demo's is replaced")
	f.IntVar(&o.PerClass, "per-class", 70, "number of images per class")
	f.IntVar(&o.Experiment.Training.Epochs, "epochs", o.Experiment.Training.Epochs, "passes over the training images")
	f.Float64Var(&o.Experiment.Training.LearningRate, "learning-rate", o.Experiment.Training.LearningRate, "learning rate of the optimizer")
	f.Uint64Var(&o.Experiment.Seed, "seed", o.Experiment.Seed, "seed of all random draws")
	machineFlags(cmd, &o.Machine)
	return cmd
}
