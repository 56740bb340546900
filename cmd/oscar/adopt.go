package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"oscar/dataset"
	"oscar/internal/paths"
	"oscar/internal/text"
	"oscar/pipeline"
)

func newAdopt(*globalFlags) *cobra.Command {
	var (
		o           pipeline.AdoptOptions
		size        string
		classesFile string
	)
	cmd := &cobra.Command{
		Use:   "adopt DIR --out MODEL",
		Short: "Convert any TensorFlow classifier to a model of oscar",
		Long: `Convert the SavedModel in DIR, of any origin (Keras, tf.function, TensorFlow 1, TF
Hub), or a frozen graph (a .pb file), to a model that every verb of oscar reads. For
Keras, ONNX and TFLite files and for weights without a network the error says how to
make a SavedModel.

Flags, or oscar.yaml next to the model, set what the model does not record; --save
writes this file. Most models need the scale of their input:

  0..255   unchanged; models that scale their input are detected
  0..1     x / 255
  -1..1    x / 127.5 - 1
  torch    (x / 255 - mean) / deviation of ImageNet
  caffe    BGR, x - mean of ImageNet

Two or more outputs with a sigmoid each mean several labels per image, with
thresholds of 0.5, unless --one-class is given. A single output z for two classes
becomes the logits -z/2 and z/2.

With a wrong scale a model can still be confident. --images is a folder of labeled
photographs with one sub-folder per class: oscar prints the accuracy on them. If the
accuracy is below 0.9, or no scale is known, it tries every scale. It refuses a
given scale if another is clearly better, and names the order of the classes if
another fits better than the given one.`,
		Example: `  oscar adopt keras_export --out model --input-scale=-1..1 --classes cup,fork,glass
  oscar adopt keras_export --out model --images photos --save
  oscar explain model photos --out explained`,
		Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			usage := func(err error) error { return usageError{err, cmd.CommandPath()} }
			if o.Out == "" {
				return usage(fmt.Errorf("--out MODEL is missing: the folder for the adopted model"))
			}
			if size != "" {
				if o.Options.Image.Height, o.Options.Image.Width, err = pipeline.ParseImageSize(size); err != nil {
					return usage(fmt.Errorf("input-size: %w", err))
				}
			}
			if classesFile != "" {
				if o.Options.Classes != nil {
					return usage(fmt.Errorf("--classes and --classes-file both name the classes"))
				}
				if o.Options.Classes, err = namesIn(classesFile); err != nil {
					return err
				}
			}
			if err := o.Options.Check(); err != nil {
				return usage(err)
			}
			s := newScreen()
			defer s.clear()
			o.Model, o.Listener = args[0], s.listener()
			a, err := pipeline.Adopt(cmd.Context(), o)
			s.clear()
			if a != nil {
				printTrials(cmd.OutOrStdout(), a.Trials)
			}
			if err != nil {
				return err
			}
			printAdopted(cmd.OutOrStdout(), a, o.Out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the adopted model")
	f.StringVar(&o.Options.Image.Scale, "input-scale", "", "scale of the model's input: 0..255, 0..1, -1..1, torch, caffe")
	f.StringVar(&o.Options.Image.Channels, "channels", "", "order of colors in the model's input: RGB or BGR")
	f.StringVar(&o.Options.Image.Aspect, "aspect", "", "how images of other proportions are fitted: "+joined(dataset.Aspects()))
	f.IntVar(&o.Options.Image.Padding, "padding", 0, "gray of the bars of --aspect letterbox, 0 to 255")
	f.StringSliceVar(&o.Options.Classes, "classes", nil, "names of the classes, in the order of the outputs")
	f.StringVar(&classesFile, "classes-file", "", "a file with the name of a class on each line")
	f.StringVar(&o.Options.Explain, "layer", "", "the layer to explain by default (the last with a map)")
	f.StringVar(&o.Options.Signature, "signature", "", "the signature to use (serving_default)")
	f.StringVar(&o.Options.Output, "output", "", "the output to use")
	f.StringVar(&size, "input-size", "", "HEIGHTxWIDTH of images, if the model leaves it open")
	f.StringVar(&o.Options.Tokens, "tokens", "", "ROWSxCOLUMNS of a transformer's tokens (a square)")
	f.BoolVar(&o.Options.OneClass, "one-class", false, "an image has one class, although each output has a sigmoid")
	f.BoolVar(&o.Options.TrainingGraph, "training-graph", false, "accept a graph that was exported in training mode")
	trustFlag(cmd, &o.Options.Trust)
	f.StringVar(&o.Images, "images", "", "labeled images to check the accuracy on")
	f.BoolVar(&o.Save, "save", false, "write the options to DIR/oscar.yaml, which all verbs read")
	machineFlags(cmd, &o.Machine)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

// namesIn returns the lines of a file that are not empty.
func namesIn(path string) ([]string, error) {
	b, err := paths.ReadFile(path, paths.Settings)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
		}
	}
	return names, nil
}

func printTrials(w io.Writer, trials []pipeline.ScaleTrial) {
	for _, t := range trials {
		say(w, "input scale %-7s accuracy %.4f on %s\n", t.Scale, t.Accuracy, text.Count(t.Images, "image"))
	}
}

func printAdopted(w io.Writer, a *pipeline.Adopted, out string) {
	m := a.Metadata
	say(w, "image       %d x %d, scaled to %s: %s\n", m.Image.Height, m.Image.Width, m.Origin.Scale, m.Origin.Scaled)
	say(w, "logits      %s\n", m.Origin.Logits)
	say(w, "classes     %d: %s\n", len(m.Classes), shortList(m.Classes))
	if m.Unnamed() {
		say(w, "note        the model does not name its classes; --classes does\n")
	}
	if m.MultiLabel != nil {
		printThresholds(w, m.MultiLabel)
		say(w, "note        audit, compare, explain-global and score need one class per image and refuse this model\n")
	}
	say(w, "layers      %d; explained by default: %s\n", len(m.Layers), cmp.Or(m.Explain, "none"))
	if m.Origin.Difference != nil {
		say(w, "checked     answers differ from the original's by %.2g of the largest at most\n", *m.Origin.Difference)
	}
	for _, note := range a.Notes {
		say(w, "note        %s\n", note)
	}
	fmt.Fprintln(w, "model      ", out)
}

// shortList returns the first names of a list.
func shortList(names []string) string {
	if len(names) > 12 {
		return strings.Join(names[:12], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}
