package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"oscar/dataset"
	"oscar/pipeline"
	"oscar/worker"
)

func newMerge(*globalFlags) *cobra.Command {
	o := pipeline.MergeOptions{Machine: pipeline.Machine{Limits: dataset.DefaultLimits}}
	cmd := &cobra.Command{
		Use:   "merge DIR",
		Short: "Make the results of a planned job whose units are done",
		Long: `Make the results of the job that "oscar plan" prepared in DIR, after workers have
processed its units. They are the same files as those of the verb in one process. If
a unit is not finished the error names it; give it to a worker and merge again.
DIR/units.jsonl stays.

For "explain --scale shared" merge draws the overlays, because their scale depends on
all maps.`,
		Example: `  oscar merge explained`,
		Args:    arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Machine.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			o.Dir, o.Listener = args[0], s.listener()
			o.Listener.OnCount, o.Progress = nil, func(p pipeline.Progress) {
				s.progress(p.Share, fmt.Sprintf("%s %d/%d", s.stage, p.Images, p.Total), p.Left)
			}
			merged, err := worker.Merge(recordIn(cmd, o.Dir), o)
			if merged.Study != nil {
				return s.finishStudy(cmd, args[0], merged.Study, err)
			}
			if err != nil {
				return err
			}
			s.clear()
			w := cmd.OutOrStdout()
			switch {
			case merged.Explain != nil:
				printSummary(w, merged.Explain)
			case merged.Predict != nil:
				printPredicted(w, merged.Predict)
				fmt.Fprintf(w, "predictions %s\n", filepath.Join(args[0], "predictions.csv"))
			case merged.Score != nil:
				return finishScores(w, args[0], merged.Score)
			}
			return nil
		},
	}
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	return cmd
}
