package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"oscar/pipeline"
	runfolder "oscar/run"
)

func newVersion(*globalFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of oscar, TensorFlow and graft",
		Example: "  oscar version",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := runfolder.NewEnvironment(pipeline.Config{}, 0)
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "oscar %s\nTensorFlow %s\ngraft %s\n%s\n", e.Oscar, e.TensorFlow, e.Graft, e.Go)
			return err
		},
	}
}
