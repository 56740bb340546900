package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance/formats"
	"oscar/instance/scene"
	"oscar/internal/text"
)

func newImport(*globalFlags) *cobra.Command {
	var (
		o   formats.Options
		out string
	)
	cmd := &cobra.Command{
		Use:   "import SOURCE --out DIR",
		Short: "Import annotations of COCO, LabelMe, YOLO or Pascal VOC",
		Long: `Read annotated pictures of another program, and write them to DIR as scenes for
oscar train: pictures, and annotations in COCO's format. SOURCE is

  COCO        a .json file, or a folder with some, one for each part; pictures lie
              beside it or in images/ or data/ (TACO, ZeroWaste, Roboflow)
  LabelMe     a folder of .json files, each with shapes and imagePath
  YOLO        a folder with data.yaml, and polygons in text files
  Pascal VOC  a folder with Annotations/, JPEGImages/ and SegmentationObject/

The format is detected from the files. Objects with only a box are left out and
counted. Pictures are copied unchanged, and keep the part that SOURCE gives them. If
it gives none, a tenth of them is drawn for validation and a tenth for the test. A
picture that is missing or unusable is left out and listed, and so is a file that
describes none. If all objects have only a box, that is an error. Nothing outside of
SOURCE is read, whatever its files say.

--map FILE.csv gives objects other classes: each line has a class and its new class.
Objects whose new class is empty, or Background, are left out.`,
		Example: `  oscar import TACO/data/annotations.json --map recipes/taco-trashnet.csv --out taco
  oscar import yolo-waste --out waste
  oscar train waste --out runs/waste`,
		Args: arguments("SOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usageError{fmt.Errorf("--out DIR is missing: the folder for the scenes"), cmd.CommandPath()}
			}
			s := newScreen()
			defer s.clear()
			l := s.listener()
			o.Source, o.OnStage, o.OnCount = args[0], l.OnStage, l.OnCount
			sum, err := formats.Import(cmd.Context(), out, o)
			if err != nil {
				return err
			}
			s.clear()
			w := cmd.OutOrStdout()
			classes := map[string]bool{}
			for _, byClass := range sum.Objects {
				for name := range byClass {
					classes[name] = true
				}
			}
			t := newTable(w)
			t.AppendHeader(table.Row{"objects with a mask", "train", "val", "test"})
			t.alignRight("train", "val", "test")
			for _, class := range slices.Sorted(maps.Keys(classes)) {
				t.AppendRow(table.Row{class, sum.Objects[scene.Train][class], sum.Objects[scene.Validation][class], sum.Objects[scene.Test][class]})
			}
			t.AppendRow(table.Row{"pictures", sum.Pictures[scene.Train], sum.Pictures[scene.Validation], sum.Pictures[scene.Test]})
			t.Render()
			for _, p := range sum.Unusable {
				say(w, "left out %q: %s\n", p.Path, p.Reason)
			}
			for _, reason := range slices.Sorted(maps.Keys(sum.LeftOut)) {
				say(w, "left out %s: %s\n", text.Count(sum.LeftOut[reason], "time"), reason)
			}
			_, err = fmt.Fprintf(w, "%s read, scenes in %s\n", sum.Format, out)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "the folder for the scenes")
	f.StringVar(&o.Map, "map", "", "a CSV `FILE` of classes and their new classes")
	f.Uint64Var(&o.Seed, "seed", 1, "draws the parts, if SOURCE has none")
	limitFlags(cmd, &o.Limits)
	return cmd
}
