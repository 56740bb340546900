package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"oscar/pipeline"
)

func newReport(*globalFlags) *cobra.Command {
	var o pipeline.ReportOptions
	cmd := &cobra.Command{
		Use:   "report DIR... [--out FILE.html]",
		Short: "Make one HTML file of results, to look at and to send",
		Long: `Make one HTML file of what DIR holds: a run, or a folder of oscar explain,
explain-global, score or study. It has the learning curves, the confusion matrix,
the explanations, the worst errors with their maps, scores, time and memory, and
what was run with what.

The file is complete: it asks for nothing from anywhere, runs no script, and takes
less than 10 MB, so that it can be sent. It is for screens of any size, light and
dark, for paper, and for screen readers.

What lies below a run comes with it, and so does what further folders hold. An
earlier report is replaced, another file is not.`,
		Example: `  oscar report runs/first
  oscar report runs/first explained scores --out first.html
  oscar report runs/deck --out deck.html`,
		Args: arguments("DIR..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen()
			defer s.clear()
			o.Dirs, o.Listener = args, s.listener()
			path, err := pipeline.Report(cmd.Context(), o)
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

// report writes the report of the results that a verb has made in dir, as
// dir/report.html.
func (s *screen) report(ctx context.Context, dir string) error {
	_, err := pipeline.Report(ctx, pipeline.ReportOptions{Dirs: []string{dir}})
	if err != nil && !errors.Is(err, pipeline.ErrInterrupted) {
		err = fmt.Errorf("the results in %s are complete, but their report cannot be written: %w", dir, err)
	}
	return err
}
