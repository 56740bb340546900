package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"oscar/dataset"
	"oscar/instance/scene"
)

func newSynthesize(*globalFlags) *cobra.Command {
	var o dataset.SyntheticOptions
	var scenes int
	var several bool
	cmd := &cobra.Command{
		Use:   "synthesize DIR",
		Short: "Draw a data set of six classes with a mask for every object",
		Long: `Draw images of six classes on plain backgrounds, varied in color, size, place,
rotation, light and noise: DIR/images/<class>/NNNN.png, and for each a mask of
the object, DIR/masks/<class>/NNNN.png. The same seed draws the same pictures.

With --scenes, draw that many pictures of two to seven objects that may hide each
other: DIR/images/<part>/NNNNNN.png and, in COCO's format,
DIR/annotations/instances_<part>.json with the box, the visible mask and the whole
mask of each object. Eight tenths are for training (train), one for validation
(val), one for the test (test).

With --multi-label, draw sheets of four photographs, some of them empty, without
masks: DIR/images/NNNN.png, and DIR/labels.csv with a column of 0 and 1 per class.`,
		Example: `  oscar synthesize shapes --per-class 80
  oscar train shapes/images --out runs/shapes
  oscar synthesize heaps --scenes 1000
  oscar synthesize sheets --multi-label`,
		Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("scenes") {
				for _, other := range []string{"per-class", "multi-label"} {
					if cmd.Flags().Changed(other) {
						return usageError{fmt.Errorf("--scenes and --%s do not go together; give one", other), cmd.CommandPath()}
					}
				}
				return synthesizeScenes(cmd, args[0], scene.Options{Scenes: scenes, Width: o.Width, Height: o.Height, Seed: o.Seed})
			}
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			synthesize := dataset.Synthesize
			if several {
				synthesize = dataset.SynthesizeLabels
			}
			if err := synthesize(cmd.Context(), args[0], o); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d images in %s\n", o.PerClass*len(dataset.SyntheticClasses), args[0])
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.PerClass, "per-class", 80, "images per class")
	f.IntVar(&scenes, "scenes", 0, "number of pictures with several objects, instead of images per class")
	f.IntVar(&o.Width, "width", 256, "pixels")
	f.IntVar(&o.Height, "height", 256, "pixels")
	f.BoolVar(&several, "multi-label", false, "several objects per image, or none, and a table of labels")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of all random draws")
	return cmd
}

func synthesizeScenes(cmd *cobra.Command, dir string, o scene.Options) error {
	if err := o.Check(); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	if err := scene.Synthesize(cmd.Context(), dir, o); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d scenes in %s\n", o.Scenes, dir)
	return nil
}
