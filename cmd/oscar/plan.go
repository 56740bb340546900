package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/pipeline"
	"oscar/result"
	"oscar/study"
	"oscar/worker"
)

// plannable is the table of verbs that can be planned.
var plannable = []func() *cobra.Command{
	func() *cobra.Command {
		return explainCommand(func(cmd *cobra.Command, s *screen, o pipeline.ExplainOptions) error {
			job := worker.PlanOptions{Verb: "explain", Out: o.Out, Model: o.Model, Images: o.Paths}
			return s.plan(cmd, job, len(o.List) > 0, func(from string) error { return pipeline.PlanExplain(recordIn(cmd, o.Out), from, o) })
		})
	},
	planPredict,
	func() *cobra.Command {
		return scoreCommand(func(cmd *cobra.Command, s *screen, o pipeline.ScoreOptions, _ bool) error {
			job := worker.PlanOptions{Verb: "score", Out: o.Out, Model: o.Model, Images: []string{o.Data}, Masks: o.Masks}
			return s.plan(cmd, job, false, func(from string) error { return pipeline.PlanScore(recordIn(cmd, o.Out), from, o) })
		})
	},
	func() *cobra.Command {
		cmd := studyCommand(func(cmd *cobra.Command, s *screen, o study.Options) error {
			job := worker.PlanOptions{Verb: "study", Out: o.Out, Images: []string{o.Data}}
			return s.plan(cmd, job, false, func(from string) error { return study.Plan(recordIn(cmd, o.Out), from, o) })
		})
		cmd.Use = strings.Replace(cmd.Use, "run", "study", 1)
		cmd.Example = "  oscar study deck photos --out runs/deck"
		return cmd
	},
	func() *cobra.Command {
		cmd := trainCommand(func(cmd *cobra.Command, s *screen, o pipeline.FoldsOptions) error {
			job := worker.PlanOptions{Verb: "train", Out: o.Out, Images: []string{o.Data}}
			return s.plan(cmd, job, false, func(from string) error { return pipeline.PlanFolds(recordIn(cmd, o.Out), from, o) })
		})
		cmd.Use = "train DATA --folds N --out RUN"
		cmd.Example = "  oscar train photos --folds 5 --out runs/folds"
		for _, name := range append([]string{"resume", "preview-augmentation", "maps", "checkpoint-every", "cluster"}, clusterOnly...) {
			cmd.Flags().Lookup(name).Hidden = true
		}
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
			job := worker.PlanOptions{Verb: "predict", Out: out, Model: o.Model, Images: o.Paths}
			return s.plan(cmd, job, o.List != nil, func(from string) error { return pipeline.PlanPredict(recordIn(cmd, out), from, out, o) })
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "folder for the results")
	predictFlags(cmd, &o)
	return cmd
}

func newPlan(*globalFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan explain|predict|score|study|train",
		Short: "Divide a job into units, for workers on any number of machines",
		Long: `Prepare the folder DIR of a job and print its units, one line of JSON each, which are
also in DIR/units.jsonl. Any number of "oscar worker" process them, in any order,
on machines that see the same folders at the same paths. "oscar merge DIR" then makes
the results: the same files as the verb in one process with the same --threads.

A plan takes the arguments and flags of its verb. The --out of plan predict is a
folder, which gets predictions.csv and predictions.jsonl. A unit is a shard of
explain, some hundred images of predict, a method of score, a run of a study, or a
fold of "train --folds". The same command again keeps finished units.

With --store, MODEL, PATH and DIR are names below s3://BUCKET/PREFIX (or
file:///FOLDER), and the units name the store. Each process works on a copy of the
files that it needs. Credentials, region and server come from AWS's environment
variables and files: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE,
AWS_REGION and AWS_ENDPOINT_URL_S3. explain, predict and score accept --store, too,
and run the job in one process.`,
		Example: `  oscar plan explain runs/first photos --out explained > units.jsonl
  oscar worker < units.jsonl > outcomes.jsonl
  oscar merge explained
  oscar plan --store s3://bucket/job explain first photos --out explained > units.jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("the verb is missing: explain, predict, score, study or train")
			}
			return fmt.Errorf("%q cannot be planned; have explain, predict, score, study, train", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	storeFlags(cmd.PersistentFlags())
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

// plan calls do with the folder that relative paths refer to, and prints the units that do has
// written. listed means that standard input names images.
func (s *screen) plan(cmd *cobra.Command, job worker.PlanOptions, listed bool, do func(from string) error) error {
	if err := storeFlagsOf(cmd, &job.Store, &job.Scratch); err != nil {
		return err
	}
	if err := checkListed(cmd, job.Store != "" && listed); err != nil {
		return err
	}
	return worker.Plan(cmd.Context(), job, do, func() error {
		s.clear()
		f, err := os.Open(filepath.Join(job.Out, result.UnitsFile))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(cmd.OutOrStdout(), f)
		return err
	})
}

// storeFlags adds the flags for a job in a store.
func storeFlags(f *pflag.FlagSet) {
	f.String("store", "", "s3://BUCKET/PREFIX that all paths are relative to; see oscar plan --help")
	scratchFlag(f)
}

func scratchFlag(f *pflag.FlagSet) {
	f.String("scratch", "", "folder for copies of the store's files; default: that for temporary files")
}

// storeFlagsOf reads the flags of storeFlags, or only that of scratchFlag.
func storeFlagsOf(cmd *cobra.Command, url, scratch *string) (err error) {
	if cmd.Flags().Lookup("store") != nil {
		if *url, err = cmd.Flags().GetString("store"); err != nil {
			return err
		}
	}
	*scratch, err = cmd.Flags().GetString("scratch")
	return err
}
