package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"oscar/pipeline"
	"oscar/result"
	"oscar/study"
)

// plannable is the table of verbs that can be planned.
var plannable = []func() *cobra.Command{
	func() *cobra.Command {
		return explainCommand(func(cmd *cobra.Command, s *screen, o pipeline.ExplainOptions) error {
			return s.plan(cmd, o.Out, func(from string) error { return pipeline.PlanExplain(recordIn(cmd, o.Out), from, o) })
		})
	},
	planPredict,
	func() *cobra.Command {
		return scoreCommand(func(cmd *cobra.Command, s *screen, o pipeline.ScoreOptions, _ bool) error {
			return s.plan(cmd, o.Out, func(from string) error { return pipeline.PlanScore(recordIn(cmd, o.Out), from, o) })
		})
	},
	func() *cobra.Command {
		cmd := studyCommand(func(cmd *cobra.Command, s *screen, o study.Options) error {
			return s.plan(cmd, o.Out, func(from string) error { return study.Plan(recordIn(cmd, o.Out), from, o) })
		})
		cmd.Use = strings.Replace(cmd.Use, "run", "study", 1)
		cmd.Example = "  oscar study deck photos --out runs/deck"
		return cmd
	},
}

// planPredict is oscar predict with a folder in place of a file.
func planPredict() *cobra.Command {
	var o pipeline.PredictOptions
	var out string
	cmd := &cobra.Command{
		Use:     "predict MODEL PATH... --out DIR",
		Example: `  oscar predict runs/first photos --out predictions`,
		Args:    arguments("MODEL", "PATH..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usageError{errors.New("--out DIR is missing: the folder for the results"), cmd.CommandPath()}
			}
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			s := newScreen()
			o.Listener = s.listener()
			imageOperands(cmd, args, &o)
			return s.plan(cmd, out, func(from string) error { return pipeline.PlanPredict(recordIn(cmd, out), from, out, o) })
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "folder for the results")
	predictFlags(cmd, &o)
	return cmd
}

func newPlan(*globalFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan explain|predict|score|study",
		Short: "Divide a job into units, for workers on any number of machines",
		Long: `Prepare the folder DIR of a job and print its units, one line of JSON each, which are
also in DIR/units.jsonl. Any number of "oscar worker" process them, in any order,
on machines that see the same folders at the same paths. "oscar merge DIR" then makes
the results: the same files as the verb in one process with the same --threads.

A plan takes the arguments and flags of its verb. That of predict takes a folder,
which gets predictions.csv and predictions.jsonl. A unit is a shard of explain, some
hundred images of predict, a method of score, or a run of a study. The same command
again keeps what is done.`,
		Example: `  oscar plan explain runs/first photos --out explained > units.jsonl
  oscar worker < units.jsonl > outcomes.jsonl
  oscar merge explained`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("the verb is missing: explain, predict, score or study")
			}
			return fmt.Errorf("%q cannot be planned; have explain, predict, score, study", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, verb := range plannable {
		of := verb()
		for _, print := range []string{"list-methods", "list-metrics", "json"} {
			if f := of.Flags().Lookup(print); f != nil {
				f.Hidden = true
			}
		}
		called := of.Name()
		if called == "study" {
			called = "study run"
		}
		of.Long = "Prepare the folder of \"oscar " + called + "\" and print its units, as oscar plan --help says.\nThe flags are those of oscar " + called + "."
		of.Short = "Divide a call of oscar " + called + " into units"
		of.Example = strings.SplitN(strings.ReplaceAll(of.Example, "oscar "+of.Name(), "oscar plan "+of.Name()), "\n", 2)[0]
		cmd.AddCommand(of)
	}
	return cmd
}

// plan calls do with the working folder and prints the units that it has written to
// dir.
func (s *screen) plan(cmd *cobra.Command, dir string, do func(from string) error) error {
	from, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := do(from); err != nil {
		return err
	}
	s.clear()
	f, err := os.Open(filepath.Join(dir, result.UnitsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(cmd.OutOrStdout(), f)
	return err
}
