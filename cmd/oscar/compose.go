package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance/scene"
	"oscar/internal/text"
)

func newCompose(*globalFlags) *cobra.Command {
	var (
		o   scene.ComposeOptions
		out string
	)
	cmd := &cobra.Command{
		Use:   "compose PHOTOS --out DIR",
		Short: "Compose scenes with masks from objects cut out of photos",
		Long: `Cut the objects out of PHOTOS, a folder with one sub-folder of images per class, and
compose scenes: two to seven objects on a plain background, rotated, mirrored and
with shadows. Objects may hide each other. DIR gets pictures, and annotations as in
oscar synthesize --scenes.

The alpha channel of a PNG image is its mask. Other photographs need one object on a
plain, light background; an object with a ragged or blurred outline is left out. An
object that is cut by the border of its photograph lies at the border of a scene.
Check the scenes: a shadow or a ring of background may remain.

--photographs writes no scenes, but the photographs with a clean object, each with
its mask, to test a detector on them. With the same seed they are in the same parts
as their objects in scenes.

The objects of validation and test scenes come from separate photographs (15 %
each). Photographs that look alike are kept in one part.`,
		Example: `  oscar compose photos --out heaps --scenes 2000
  oscar train heaps --out runs/heaps`,
		Args: arguments("PHOTOS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := o.Check()
			if out == "" {
				err = fmt.Errorf("--out DIR is missing: the folder for the scenes")
			}
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			l := s.listener()
			o.Photos, o.OnStage, o.OnCount = args[0], l.OnStage, l.OnCount
			summary, err := scene.Compose(cmd.Context(), out, o)
			if err != nil {
				return err
			}
			s.clear()
			w := cmd.OutOrStdout()
			t := newTable(w)
			t.AppendHeader(table.Row{"objects cut out", "train", "val", "test"})
			t.alignRight("train", "val", "test")
			for _, class := range slices.Sorted(maps.Keys(summary.Objects[scene.Train])) {
				t.AppendRow(table.Row{class, summary.Objects[scene.Train][class], summary.Objects[scene.Validation][class], summary.Objects[scene.Test][class]})
			}
			t.Render()
			for _, reason := range slices.Sorted(maps.Keys(summary.Refused)) {
				say(w, "left out %s: %s\n", text.Count(summary.Refused[reason], "photograph"), reason)
			}
			if o.Photographs {
				_, err = fmt.Fprintf(w, "photographs in %s\n", out)
				return err
			}
			_, err = fmt.Fprintf(w, "%d scenes in %s\n", o.Scenes, out)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "the folder for the scenes")
	f.IntVar(&o.Scenes, "scenes", 1000, "pictures to make")
	f.BoolVar(&o.Photographs, "photographs", false, "write the photographs with masks, no scenes")
	f.IntVar(&o.Width, "width", 256, "pixels")
	f.IntVar(&o.Height, "height", 256, "pixels")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of all random draws")
	limitFlags(cmd, &o.Limits)
	return cmd
}
