package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"oscar/dataset"
	"oscar/internal/text"
	"oscar/pipeline"
)

// shownGroups is the maximum number of printed groups.
const shownGroups = 20

func newDuplicates(*globalFlags) *cobra.Command {
	o := pipeline.DuplicatesOptions{Distance: dataset.DefaultNearDuplicateDistance}
	cmd := &cobra.Command{
		Use:   "duplicates DATA",
		Short: "List images that look alike",
		Long: `List the near duplicates in DATA, a folder with one sub-folder of images per class:
images whose perceptual hashes (pHash and dHash, 64 bits each) both differ in at
most --distance bits, and chains of such images. Compressed, scaled, brighter or
darker copies are found; rotated, mirrored or cropped copies are not. An image of one
color is only compared with files of the same content.

If one is in the training part and another in the test part, the test measures
memorization. oscar train --group-near-duplicates keeps them in one part; so does
--groups with the table of --out, which you can edit.`,
		Example: `  oscar duplicates photos
  oscar duplicates photos --distance 4 --out groups.csv --sheet groups.png
  oscar train photos --out runs/first --groups groups.csv`,
		Args: arguments("DATA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			o.Data, o.Listener = args[0], s.listener()
			r, err := pipeline.Duplicates(cmd.Context(), o)
			if err != nil {
				return err
			}
			s.clear()
			images, mixed := 0, 0
			w := cmd.OutOrStdout()
			for i, group := range r.Groups {
				images += len(group)
				var paths []string
				classes := map[int]bool{}
				for _, image := range group {
					paths = append(paths, image.Path)
					classes[image.Class] = true
				}
				if len(classes) > 1 {
					mixed++
				}
				if i < shownGroups {
					fmt.Fprintln(w, strings.Join(paths, ", "))
				}
			}
			if more := len(r.Groups) - shownGroups; more > 0 {
				say(w, "and %s more; --out FILE.csv lists all\n", text.Count(more, "group"))
			}
			_, err = fmt.Fprintf(w, "%s of %s, of %d; %d with more than one class\n",
				text.Count(len(r.Groups), "group"), text.Count(images, "image"), r.Images, mixed)
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Distance, "distance", o.Distance, fmt.Sprintf("bits that each hash may differ in, 0 to %d", dataset.MaxNearDuplicateDistance))
	f.StringVarP(&o.Table, "out", "o", "", "write all groups to this new `FILE.csv`")
	f.StringVar(&o.Sheet, "sheet", "", "draw some groups to this new PNG `FILE`")
	f.IntVar(&o.Machine.Workers, "workers", 0, "images decoded concurrently; 0: one per processor")
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}
