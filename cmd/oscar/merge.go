package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"oscar/dataset"
	"oscar/pipeline"
	"oscar/result"
	"oscar/worker"
)

func newMerge(*globalFlags) *cobra.Command {
	o := pipeline.MergeOptions{Machine: pipeline.Machine{Limits: dataset.DefaultLimits}}
	cmd := &cobra.Command{
		Use:   "merge DIR",
		Short: "Join the finished units of a planned job to its results",
		Long: `Join the finished units of the job that "oscar plan" prepared in DIR. The results
are the same files as those of the verb in one process. If a unit is not finished,
the error names it; give it to a worker and merge again. DIR/units.jsonl is kept.
For a job in a store, set --store.

For "explain --scale shared" merge draws the overlays, because their scale depends on
all maps.`,
		Example: `  oscar merge explained`,
		Args:    arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Machine.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			var url, scratch string
			if err := storeFlagsOf(cmd, &url, &scratch); err != nil {
				return err
			}
			s := newScreen()
			defer s.clear()
			o.Dir, o.Listener = args[0], s.listener()
			o.Listener.OnCount, o.Progress = nil, s.images
			done := func(merged worker.Merged, err error) error { return s.merged(cmd, o.Dir, merged, err) }
			if url == "" {
				return done(worker.Merge(recordIn(cmd, o.Dir), o))
			}
			o.Dir = filepath.Clean(o.Dir)
			if err := worker.MergeStored(recordIn(cmd, o.Dir), url, scratch, o, done); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "in        %s\n", url)
			return err
		},
	}
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	storeFlags(cmd.Flags())
	return cmd
}

// merged prints the results of a planned job.
func (s *screen) merged(cmd *cobra.Command, dir string, merged worker.Merged, err error) error {
	if merged.Study != nil {
		return s.finishStudy(cmd, dir, merged.Study, err)
	}
	if merged.Folds != nil {
		return s.finishedFolds(cmd, dir, merged.Folds, err)
	}
	if err != nil {
		return err
	}
	s.clear()
	w := cmd.OutOrStdout()
	switch {
	case merged.Explain != nil:
		printSummary(w, merged.Explain)
		return noneRead(merged.Explain.Statuses[result.Unreadable], merged.Explain.Rows)
	case merged.Predict != nil:
		printPredicted(w, merged.Predict)
		fmt.Fprintf(w, "predictions %s\n", filepath.Join(dir, "predictions.csv"))
		return noneRead(merged.Predict.Statuses[result.Unreadable], merged.Predict.Images)
	case merged.Score != nil:
		return finishScores(w, dir, merged.Score)
	}
	return nil
}
