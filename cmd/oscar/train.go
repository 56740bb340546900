package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/instance"
	"oscar/instance/scene"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/result"
)

func newTrain(*globalFlags) *cobra.Command { return trainCommand(nil) }

// trainCommand parses the command line of oscar train. If plan is not nil, it only calls plan, for a
// cross-validation.
func trainCommand(plan func(*cobra.Command, *screen, pipeline.FoldsOptions) error) *cobra.Command {
	var (
		o       = pipeline.TrainOptions{Experiment: experiment.Default()}
		resume  string
		preview string
		cache   = string(dataset.CacheMemory)
		shown   bool
		folds   int
		asked   experimentArgs
		workers clusterFlags
	)
	cmd := &cobra.Command{
		Use:   "train DATA --out RUN | train [DATA] --resume RUN",
		Short: "Train a classifier on folders of images, or on a table of them",
		Long: `Train a classifier on DATA: a folder with one sub-folder of images per class; a
folder with parts train, validation (val, valid) and test of such folders; or a table
.csv, .tsv or .jsonl with columns for the path and the label of each image, and
optionally its part, group and weight. --train DIR, --validation DIR and --test DIR
name the parts one by one. A missing part is split off from train.

If DATA is a folder of scenes with annotations in COCO's format (see oscar
synthesize --scenes), train a Mask R-CNN that detects, classifies and segments each
object. Its backbone is --arch (default resnet10) without the head. --weights is a
detector with the same layers, or a classifier for the backbone; the backbone's
batch normalization then keeps its averages. --freeze and --layer-decay apply to the
backbone. RUN has no saved_model/.

Training writes the run folder RUN: experiment.json, split.json, environment.json,
metrics.jsonl, events/ (TensorBoard), checkpoints/, saved_model/ (the epoch that
was best on the validation part), evaluation.json (the result on the test part),
explanations/ (some test images for the report) and report.html.

--folds 5 makes a cross-validation: the images are divided into 5 folds, stratified
by class, and groups stay in one fold. A run is trained for each fold and tested on
it. The other folds are divided into train and validation by the ratio of these
parts in --split. RUN gets folds.json with means and intervals, predictions.csv with
the out-of-fold prediction of each image, the runs fold-1, fold-2, ..., and
report.html. No images are explained.

--resume RUN continues a run that was stopped or killed. It ends with the same bits
as an uninterrupted one. Ctrl-C saves after the current step (exit status 3). With
more --epochs, a finished run is trained further. If the images were moved, DATA is
their new folder; their content is checked.

--cluster cluster.json computes each step on several machines, each of which runs
"oscar tf-server": {"worker": ["10.0.0.5:7701", "10.0.0.6:7701"]}. The images of a
batch are divided among them; this process sums the gradients, validates and saves.
There is no authentication: use only a private network. If a worker dies or does not
answer, training waits for it and continues from the last checkpoint. Batch
normalization uses the images of one worker. With --set
training.batch_normalization=synchronized it uses those of all, as in one process.

Flags take precedence over --recipe or --experiment, and these over the defaults,
which are the settings of He, Gu and Shi's modified AlexNet. --set sets any key of
experiment.json. --preview-augmentation draws training images and their augmented
versions, and trains nothing.`,
		Example: `  oscar train photos --out runs/first
  oscar train photos --out runs/quick --epochs 10 --learning-rate 1e-4
  oscar train photos --out runs/best --recipe trashnet-128
  oscar train photos --out runs/mine --arch resnet10 --set training.select=loss
  oscar train photos --experiment mine.yaml --preview-augmentation sheet.png
  oscar train --train photos/train --test photos/held-out --out runs/first
  oscar train labels.csv --root photos --columns label=breed --out runs/dogs
  oscar train photos --folds 5 --out runs/folds
  oscar train heaps --out runs/heaps --epochs 8
  oscar train photos --out runs/large --arch resnet18 --cluster cluster.json
  oscar train --resume runs/first
  oscar train --resume runs/first --epochs 60`,
		Args: func(cmd *cobra.Command, args []string) error {
			if plan != nil && (resume != "" || preview != "" || !cmd.Flags().Changed("folds")) {
				return fmt.Errorf("only the runs of a cross-validation are units: give DATA and --folds N")
			}
			if cmd.Flags().Changed("resume") {
				if resume == "" {
					return fmt.Errorf("--resume RUN is empty: the run folder to continue with")
				}
				if len(args) > 1 {
					return arguments("DATA")(cmd, args)
				}
				return onlyResume(cmd)
			}
			switch parts := o.Parts != [3]string{}; {
			case parts && len(args) > 0:
				return fmt.Errorf("DATA and --train, --validation, --test do not go together: give %q, or the folders of the parts", args[0])
			case parts && o.Parts[0] == "":
				return fmt.Errorf("--train DIR is missing: the folder of the images to train on")
			case parts:
			case len(args) == 0:
				return fmt.Errorf("DATA is missing: the folder with one sub-folder of images per class, or --resume RUN")
			default:
				if err := arguments("DATA")(cmd, args); err != nil {
					return err
				}
			}
			if o.Out == "" && preview == "" {
				return fmt.Errorf("--out RUN is missing: the run folder to make")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen()
			defer s.clear()
			o.Listener = s.listener()
			var err error
			if o.Machine.Cache, err = dataset.ParseCacheMode(cache); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if err := workers.read(cmd, &o.Machine); err != nil {
				return err
			}
			if err := o.Machine.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if cmd.Flags().Changed("folds") && folds < 2 {
				return usageError{fmt.Errorf("folds is %d, want at least 2", folds), cmd.CommandPath()}
			}
			if plan != nil && (o.Machine.Cluster != nil || len(args) > 0 && scene.Is(args[0])) {
				return usageError{errors.New("units are runs of classifiers, each on one machine: no scenes, no --cluster"), cmd.CommandPath()}
			}
			if resume != "" && instance.IsRun(resume) || len(args) > 0 && scene.Is(args[0]) {
				if o.Machine.Cluster != nil {
					return usageError{errors.New("--cluster trains classifiers only, no Mask R-CNN"), cmd.CommandPath()}
				}
				data := ""
				if len(args) > 0 {
					data = args[0]
				}
				return trainInstances(cmd, s, data, o.Out, resume, asked, o.Machine)
			}
			if resume != "" {
				options := pipeline.ResumeOptions{Run: resume, Machine: o.Machine, Listener: o.Listener}
				if len(args) > 0 {
					options.Data = args[0]
				}
				if options.Epochs, err = epochsOf(cmd); err != nil {
					return err
				}
				if pipeline.IsFolds(resume) {
					found, err := pipeline.ResumeFolds(recordIn(cmd, resume), options)
					return s.finishedFolds(cmd, resume, found, err)
				}
				run, err := pipeline.Resume(recordIn(cmd, resume), options)
				if err != nil {
					return err
				}
				return s.finished(cmd, run, o.Machine, shown)
			}
			if len(args) > 0 {
				o.Data = args[0]
			}
			if err := asked.apply(&o.Experiment, cmd); err != nil {
				return err
			}
			if preview != "" {
				err := pipeline.PreviewAugmentation(cmd.Context(), pipeline.PreviewOptions{
					Data: o.Data, Parts: o.Parts, Out: preview, Experiment: o.Experiment, Machine: o.Machine, Listener: o.Listener,
				})
				if err == nil {
					s.clear()
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "preview %s\n", preview)
				}
				return err
			}
			if plan != nil {
				return plan(cmd, s, pipeline.FoldsOptions{TrainOptions: o, Folds: folds})
			}
			if cmd.Flags().Changed("folds") {
				found, err := pipeline.CrossValidate(recordIn(cmd, o.Out), pipeline.FoldsOptions{TrainOptions: o, Folds: folds})
				return s.finishedFolds(cmd, o.Out, found, err)
			}
			run, err := pipeline.Train(recordIn(cmd, o.Out), o)
			if err != nil {
				return err
			}
			return s.finished(cmd, run, o.Machine, shown)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "the run folder to create")
	f.StringVar(&resume, "resume", "", "continue this run")
	f.StringVar(&preview, "preview-augmentation", "", "draw changed images to this PNG file, train nothing")
	for part, name := range dataset.PartNames[:3] {
		f.StringVar(&o.Parts[part], name, "", "folder of the "+name+" part, with one sub-folder per class; in place of DATA")
	}
	asked.flags(f)
	f.IntVar(&folds, "folds", 0, "cross-validate: number of folds, with a run for each")
	f.BoolVar(&shown, "maps", true, "explain some test images for the report")
	f.StringVar(&cache, "cache", cache, "where decoded images are kept between epochs: none, memory, disk")
	f.IntVar(&o.Machine.CheckpointEvery, "checkpoint-every", 0, "steps between checkpoints within an epoch; 0: only at its end")
	machineFlags(cmd, &o.Machine)
	workers.add(cmd)
	trustFlag(cmd, &o.Machine.Trust)
	return cmd
}

// epochsOf returns --epochs, or 0 if it is not set.
func epochsOf(cmd *cobra.Command) (int, error) {
	if !cmd.Flags().Changed("epochs") {
		return 0, nil
	}
	return cmd.Flags().GetInt("epochs")
}

// onlyResume returns an error for flags that cannot be combined with --resume.
func onlyResume(cmd *cobra.Command) (err error) {
	free := []string{"resume", "epochs", "verbose", "threads", "inter-threads", "workers", "cache", "checkpoint-every", "maps", "cluster"}
	free = append(free, clusterOnly...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(free, f.Name) {
			err = fmt.Errorf("--%s does not go with --resume: a resumed run has the settings of its experiment.json", f.Name)
		}
	})
	return err
}

// machineFlags adds the flags for processors and memory.
func machineFlags(cmd *cobra.Command, m *pipeline.Machine) {
	f := cmd.Flags()
	f.IntVar(&m.Threads.Intra, "threads", 0, "threads within one operation; 0: one per processor")
	f.IntVar(&m.Threads.Inter, "inter-threads", 0, "operations run concurrently; 0: 1")
	f.IntVar(&m.Workers, "workers", 0, "images decoded concurrently; 0: one per processor")
}

// trustFlag adds the flag that allows models to use files, network and other programs.
func trustFlag(cmd *cobra.Command, trust *bool) {
	cmd.Flags().BoolVar(trust, "trust", false, "let the model run operations that reach files, network or other programs")
}

// precisionFlag adds the flag for the precision of a model.
func precisionFlag(f *pflag.FlagSet, p *pipeline.Precision) {
	f.Var(p, "precision", "number type of convolutions and products: float32, bfloat16 (needs AVX512_BF16 or\nAMX), or auto: bfloat16 where it was measured to be faster")
}

// limitFlags adds the flags that limit the size of an image.
func limitFlags(cmd *cobra.Command, l *dataset.Limits) {
	*l = dataset.DefaultLimits
	cmd.Flags().Int64Var(&l.MaxPixels, "max-pixels", l.MaxPixels, "largest number of pixels of an image")
	cmd.Flags().Int64Var(&l.MaxBytes, "max-bytes", l.MaxBytes, "largest number of bytes of a file")
}

func joined[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

// finished explains some test images for the report, if shown is true, and prints where the run's
// results are.
func (s *screen) finished(cmd *cobra.Command, run *pipeline.Run, m pipeline.Machine, shown bool) error {
	if shown {
		if err := pipeline.Showcase(cmd.Context(), run, m, s.listener()); err != nil {
			return err
		}
	}
	if err := s.report(cmd.Context(), run.Dir); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	e, err := run.Evaluation()
	if err != nil {
		return err
	}
	s.clear()
	if e != nil && e.MultiLabel != nil {
		say(w, "test mAP %s, macro F1 %s, micro F1 %s, loss %s, on %s, epoch %d\n", decimals(e.MultiLabel.MeanAveragePrecision),
			decimals(e.MacroF1), decimals(e.MultiLabel.MicroF1), decimals(e.Loss), text.Count(e.Images, "image"), e.Epoch)
	} else if e != nil {
		say(w, "test accuracy %s (95 %% %s to %s), loss %s, on %s, epoch %d\n",
			decimals(e.Accuracy), decimals(e.Interval[0]), decimals(e.Interval[1]), decimals(e.Loss), text.Count(e.Images, "image"), e.Epoch)
	}
	_, err = fmt.Fprintf(w, "run    %s\nmodel  %s\nreport %s\n", run.Dir, run.Model(), filepath.Join(run.Dir, "report.html"))
	return err
}

// finishedFolds prints a cross-validation and writes its report.
func (s *screen) finishedFolds(cmd *cobra.Command, dir string, f *result.Folds, err error) error {
	if err != nil {
		return err
	}
	if err := s.report(cmd.Context(), dir); err != nil {
		return err
	}
	s.clear()
	w := cmd.OutOrStdout()
	t := newTable(w)
	t.AppendHeader(table.Row{"fold", "images", "accuracy", "loss", "macro F1", "epoch"})
	for _, r := range f.Runs {
		t.AppendRow(table.Row{r.Fold, r.Images, decimals(r.Accuracy), decimals(r.Loss), decimals(r.MacroF1), r.Epoch})
	}
	t.Render()
	for _, x := range []struct {
		name string
		of   result.Figure
	}{{"accuracy", f.Accuracy}, {"loss    ", f.Loss}, {"macro F1", f.MacroF1}} {
		interval := fmt.Sprintf("95 %% %s to %s", decimals(x.of.Low), decimals(x.of.High))
		if x.of.Interval == result.None {
			interval = "no interval: equal"
		}
		say(w, "%s  %s (%s over %s)\n", x.name, decimals(x.of.Mean), interval, text.Count(x.of.N, "fold"))
	}
	_, err = fmt.Fprintf(w, "predictions  %s\nreport       %s\n", filepath.Join(dir, result.FoldsTable), filepath.Join(dir, "report.html"))
	return err
}
