package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"oscar/dataset"
)

func newSynthesize(*globalFlags) *cobra.Command {
	var o dataset.SyntheticOptions
	cmd := &cobra.Command{
		Use:   "synthesize DIR",
		Short: "Draw a data set of six classes with a mask for every image",
		Long: `Draw images of six classes on plain backgrounds, varied in colour, size, place,
rotation, light and noise: DIR/images/<class>/NNNN.png, and for each a mask of
the object, DIR/masks/<class>/NNNN.png. The same seed draws the same pictures.`,
		Example: `  oscar synthesize shapes --per-class 80
  oscar train shapes/images --out runs/shapes`,
		Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if err := dataset.Synthesize(cmd.Context(), args[0], o); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d images in %s\n", o.PerClass*len(dataset.SyntheticClasses), args[0])
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.PerClass, "per-class", 80, "images a class")
	f.IntVar(&o.Width, "width", 256, "pixels")
	f.IntVar(&o.Height, "height", 256, "pixels")
	f.Uint64Var(&o.Seed, "seed", 1, "decides everything")
	return cmd
}
