package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/pipeline"
	"oscar/report"
	"oscar/report/page"
	"oscar/result"
)

func newReport(*globalFlags) *cobra.Command {
	o := report.Options{Version: version}
	cmd := &cobra.Command{
		Use:   "report DIR... [--out FILE.html]",
		Short: "Write results as one HTML file, to read and to share",
		Long: `Write the results in DIR as one HTML file. DIR is a run, or a folder of oscar
explain, explain-global, score, study, audit or compare. The page has the learning
curves, the confusion matrix, the explanations, the most confident errors with their
maps, scores, time and memory, and the settings and command lines that made the
results.

The file loads nothing, runs no script, and is smaller than 10 MB. It can be read on
screens of any size, in light and dark mode, on paper, and with a screen reader.

The report of a run includes the results in its folder. Further folders follow the
first. An earlier report is replaced; any other file is not.

For two models (runs or SavedModels) the page is that of oscar compare, on the test
part of the first model's split. It needs --out.`,
		Example: `  oscar report runs/first
  oscar report runs/first runs/second --out both.html
  oscar report runs/first explained scores --out first.html
  oscar report runs/deck --out deck.html`,
		Args: arguments("DIR..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen()
			defer s.clear()
			o.Dirs, o.Stage = args, s.listener().Stage
			write := report.Write
			if len(args) == 2 && pipeline.IsModel(args[0]) && pipeline.IsModel(args[1]) && instance.IsModel(args[0]) == instance.IsModel(args[1]) {
				if o.Out == "" {
					return usageError{errors.New("--out FILE.html is missing: the comparison of two models belongs to neither folder"), cmd.CommandPath()}
				}
				write = s.reportOfTwo
			}
			path, err := write(cmd.Context(), o)
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

// reportOfTwo compares two models and writes the page of the comparison.
func (s *screen) reportOfTwo(ctx context.Context, o report.Options) (path string, err error) {
	if err := page.Replaceable(o.Out); err != nil { // before the long work
		return "", err
	}
	dir, err := os.MkdirTemp("", "oscar-compare-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	results := filepath.Join(dir, "comparison")
	models := [2]string{o.Dirs[0], o.Dirs[1]}
	if instance.IsModel(models[0]) {
		_, err = instance.Compare(ctx, instance.CompareOptions{Models: models, Out: results, Listener: s.listener()})
	} else {
		_, err = pipeline.Compare(ctx, pipeline.CompareOptions{
			Models: models, Part: "test", Out: results, Listener: s.listener(),
		})
	}
	if err != nil {
		return "", err
	}
	o.Dirs = []string{results}
	return report.Write(ctx, o)
}

// report writes the report of a verb's results in dir to dir/report.html.
func (s *screen) report(ctx context.Context, dir string) error {
	_, err := report.Write(ctx, report.Options{Dirs: []string{dir}, Version: version})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("the results in %s are complete, but their report cannot be written: %w", dir, err)
	}
	return err
}

// recordIn returns a context with which a job records its command line in a folder of results.
func recordIn(cmd *cobra.Command, dir string) context.Context {
	return result.RecordIn(cmd.Context(), dir)
}
