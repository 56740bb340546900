package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/pipeline"
	"oscar/tfmodel"
)

func newExport(*globalFlags) *cobra.Command {
	var o pipeline.ExportOptions
	var classesFile string
	var names []string
	for _, e := range tfmodel.Explanations {
		names = append(names, e.Name)
	}
	cmd := &cobra.Command{
		Use:   "export MODEL --out DIR | export --arch NAME --weights FILE --out DIR",
		Short: "Write a model as a SavedModel that explains itself",
		Long: `Write MODEL as a SavedModel: the best epoch of a run so far, or a copy of a
SavedModel of any program (see "oscar adopt") with more signatures. The signatures:

  serving_default (also serve)  image [N,H,W,3] float, 0..255 RGB
                                -> logits, probabilities, class (int64)
  gradcam                       image, class (int64 [N]; -1: the predicted one)
                                -> heatmap [N,H,W] 0..1, raw [N,h,w] signed,
                                   probabilities, class
  others of --explain           the same; at the image raw is [N,H,W], too

The signatures of a run's model consist of operations that TFLite and ONNX support.
Those of an adopted model have TensorFlow's gradients. lrp needs a network made of
oscar's layers; guidedbackprop and guidedgradcam need it unless all activations of
the adopted model are ReLU or ReLU6.

DIR is new, empty, or an export of the same model with the same signatures and
options, which is replaced.

--weights makes a model from another program's weights without training: Keras's,
torchvision's and others for a network of --arch. It gives the same predictions as
in that program, and supports all explanations.

--temperature divides the logits, so that the probabilities of all signatures are
calibrated: by the temperature that oscar audit measured on held-out images, or by a
number. The order of the classes and of the pixels in heatmaps does not change.
oscar.json records the temperature.

integrated-gradients has 20 steps, as oscar explain --method integrated-gradients
--samples 20: all are in memory at once. (Without --samples, oscar explain has 50.)

assets.extra/oscar.json has the class names, the preprocessing and the layers.

For the run of a detector, serving_default has the outputs of TensorFlow's Object
Detection API: detection_boxes (y1, x1, y2, x2 relative to the sides),
detection_classes (from 1), detection_scores, detection_masks (within their boxes),
num_detections. The signature explain takes an image, a box and a class, and returns
the HiResCAM map of the class in this box.`,
		Example: `  oscar export runs/first --out model
  oscar export runs/first --out frozen --frozen
  oscar export keras_export --out explaining --explain gradcam,integrated-gradients
  oscar export --arch mobilenet_v2 --weights mobilenet.safetensors --out model
  oscar export runs/first --out calibrated --temperature audit
  oscar export runs/first --out explained --explain gradcam,saliency,integrated-gradients`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.Weights == "" && o.Architecture == "" {
				return arguments("MODEL")(cmd, args)
			}
			if len(args) > 0 {
				return fmt.Errorf("MODEL and --weights do not go together: give %q, or --arch NAME --weights FILE", args[0])
			}
			if o.Weights == "" || o.Architecture == "" {
				return fmt.Errorf("--arch NAME and --weights FILE go together: the network and its weights")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if classesFile != "" {
				if o.Classes, err = namesIn(classesFile); err != nil {
					return err
				}
			}
			if o.Out == "" {
				return usageError{fmt.Errorf("--out DIR is missing: the folder for the SavedModel"), cmd.CommandPath()}
			}
			for _, name := range o.Explain {
				if _, err := tfmodel.LookupExplanation(name); err != nil {
					return usageError{err, cmd.CommandPath()}
				}
			}
			s := newScreen()
			defer s.clear()
			if len(args) > 0 && instance.IsRun(args[0]) {
				return exportInstances(cmd, args[0], o.Out)
			}
			if len(args) > 0 {
				o.Model = args[0]
			}
			o.Listener = pipeline.Listener{OnNote: s.listener().OnNote}
			if err := pipeline.Export(cmd.Context(), o); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "model ", o.Out)
			return nil
		},
	}
	cmd.Flags().StringVarP(&o.Out, "out", "o", "", "folder for the SavedModel")
	cmd.Flags().StringSliceVar(&o.Explain, "explain", nil, "explanations to add as signatures: "+strings.Join(names, ", ")+" (default gradcam)")
	cmd.Flags().StringVar(&o.Weights, "weights", "", "make a model of this file of weights, in place of MODEL")
	cmd.Flags().StringVar(&o.Architecture, "arch", "", "with --weights: their architecture, as of oscar train")
	cmd.Flags().StringVar(&classesFile, "classes-file", "", "with --weights: a file with the name of a class on each line (default 0, 1, ...)")
	trustFlag(cmd, &o.Trust)
	cmd.Flags().StringVar(&o.Temperature, "temperature", "", "calibrate: the folder of an audit of MODEL, or a `NUMBER` to divide the logits by")
	cmd.Flags().BoolVar(&o.Frozen, "frozen", false, "write the weights as constants, not variables")
	return cmd
}
