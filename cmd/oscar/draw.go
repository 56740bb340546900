package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"oscar/heatmap"
	"oscar/instance"
	"oscar/pipeline"
)

func newDraw(*globalFlags) *cobra.Command {
	var o pipeline.DrawOptions
	var bare bool
	cmd := &cobra.Command{
		Use:   "draw DIR",
		Short: "Draw the overlays of a folder of explanations again",
		Long: `Draw the overlays, sheets and montage of DIR, a folder of "oscar explain", again
from its maps, without the model. Settings without a flag are kept. The images must
still be at their paths. The same command again draws missing files.

For explanations of objects, all pictures are drawn again. All methods have the same
colors, unless --signed-colormap sets others for methods with evidence against the
class.`,
		Example: `  oscar draw explained --colormap viridis --alpha 0.5
  oscar draw explained --scale shared`,
		Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for name, value := range map[string]float64{"alpha": o.Alpha, "signed-alpha": o.SignedAlpha} {
				if cmd.Flags().Changed(name) && value == 0 { // 0 would keep the folder's setting
					return usageError{fmt.Errorf("%s is 0, want above 0 to 1", name), cmd.CommandPath()}
				}
			}
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if cmd.Flags().Changed("bare") {
				o.Bare = &bare
			}
			screen := newScreen()
			defer screen.clear()
			o.Dir, o.Listener = args[0], screen.listener()
			o.Listener.OnCount, o.Progress = nil, screen.images
			if instance.IsExplained(o.Dir) {
				return drawInstances(cmd, screen, o)
			}
			summary, err := pipeline.Draw(recordIn(cmd, o.Dir), o)
			if err != nil {
				return err
			}
			screen.clear()
			printSummary(cmd.OutOrStdout(), summary)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ColorMap, "colormap", "", "colors: "+strings.Join(heatmap.ColorMapNames(), ", "))
	f.Float64Var(&o.Alpha, "alpha", 0, "opacity of the colors, above 0 to 1")
	f.StringVar(&o.SignedColorMap, "signed-colormap", "", "colors of methods with evidence against the class")
	f.Float64Var(&o.SignedAlpha, "signed-alpha", 0, "opacity of --signed-colormap, over the image in gray")
	f.StringVar(&o.Scale, "scale", "", "own: a color scale for each map; shared: one for all maps of a method and layer")
	f.BoolVar(&bare, "bare", false, "leave out the strip with text and color bar; --bare=false draws it again")
	machineFlags(cmd, &o.Machine)
	return cmd
}
