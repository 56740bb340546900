package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/report"
	"oscar/result"
)

func newReport(*globalFlags) *cobra.Command {
	o := report.Options{Version: version}
	cmd := &cobra.Command{
		Use:   "report DIR... [--out FILE.html]",
		Short: "Make one HTML file of results, to read and to share",
		Long: `Make one HTML file of what DIR holds: a run, or a folder of oscar explain,
explain-global, score or study. It has the learning curves, the confusion matrix,
the explanations, the most confident errors with their maps, scores, time and
memory, and the settings and command lines that made the results.

The file stands alone: it loads nothing, runs no script, and is smaller than 10 MB.
It can be read on screens of any size, light and dark, on paper, and with a screen
reader.

The report of a run includes the results in its folder. Further folders follow the
first. An earlier report is replaced; any other file is not.`,
		Example: `  oscar report runs/first
  oscar report runs/first explained scores --out first.html
  oscar report runs/deck --out deck.html`,
		Args: arguments("DIR..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen()
			defer s.clear()
			o.Dirs, o.Stage = args, s.listener().Stage
			path, err := report.Write(cmd.Context(), o)
			if err != nil {
				return err
			}
			s.clear()
			fmt.Fprintf(cmd.OutOrStdout(), "report  %s\n", path)
			return nil
		},
	}
	cmd.Flags().StringVarP(&o.Out, "out", "o", "", "HTML file to write; default: report.html in the first DIR")
	return cmd
}

// report writes the report of a verb's results in dir, as
// dir/report.html.
func (s *screen) report(ctx context.Context, dir string) error {
	_, err := report.Write(ctx, report.Options{Dirs: []string{dir}, Version: version})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("the results in %s are complete, but their report cannot be written: %w", dir, err)
	}
	return err
}

// record writes the command line to a folder of results, even of an interrupted
// job. It returns the job's error, or its own.
func record(ctx context.Context, dir string, job error) error {
	if job != nil && !errors.Is(job, pipeline.ErrInterrupted) || !paths.Exists(dir) {
		return job
	}
	return cmp.Or(job, result.RecordCommand(ctx, dir))
}
