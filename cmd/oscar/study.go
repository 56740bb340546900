package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/dataset"
	"oscar/instance/scene"
	"oscar/internal/named"
	"oscar/internal/paths"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/result"
	"oscar/study"
)

func newStudy(*globalFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "study init|run|add",
		Short: "Compare variants of a model, and test claims about them",
		Long: `Train variants of a model, each with several seeds on one split of the images,
and compare them: accuracy and loss, F1 of each class, speed, memory, McNemar's
test, and the change of the explanations. Claims are tested: supported, not
supported, or undecided.

A study is a YAML file (oscar study init writes one), or one of the built-in ones:

  deck  Goltz and Archambault: AlexNet with dropout, without normalization,
        ReLU, two convolutions, max pooling; the claims of their slides
  hgs   He, Gu and Shi: softmax and SVM heads, dropout, partial augmentation,
        VGG11 and ResNet50 compared with AlexNet`,
		Example: `  oscar study init deck --out deck.yaml
  oscar study run deck.yaml photos --out deck
  oscar study add deck variant.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("init, run or add is missing: what to do with a study")
			}
			return named.Unknown("command", args[0], []string{"init", "run", "add"})
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStudyInit(), newStudyRun(), newStudyAdd())
	return cmd
}

func newStudyInit() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "init [NAME] --out study.yaml",
		Short: "Write a study file to begin with",
		Long: `Write a commented study file, or the file of a built-in study:
` + strings.Join(study.Builtins(), ", ") + `. Change it, and give it to oscar study run.`,
		Example: `  oscar study init --out study.yaml
  oscar study init deck --out deck.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%q is one argument too many", args[1])
			}
			if out == "" {
				return errors.New("--out FILE is missing: the study file to write")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := study.Init(strings.Join(args, ""), out); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "study  %s\n", out)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "the study file to write")
	return cmd
}

func newStudyRun() *cobra.Command {
	return studyCommand(func(cmd *cobra.Command, s *screen, o study.Options) error {
		o.Command = thisProgram
		res, err := study.Run(recordIn(cmd, o.Out), o)
		return s.finishStudy(cmd, o.Out, res, err)
	})
}

// studyCommand parses the command line of oscar study run and calls do.
func studyCommand(do func(*cobra.Command, *screen, study.Options) error) *cobra.Command {
	var (
		o         study.Options
		seeds     []int
		precision pipeline.Precision
		cache     = string(dataset.CacheMemory)
	)
	cmd := &cobra.Command{
		Use:   "run STUDY DATA --out DIR",
		Short: "Train every variant of a study with every seed, and compare",
		Long: `Train every variant of STUDY, a YAML file or ` + strings.Join(study.Builtins(), " or ") + `, with every seed on
DATA, a folder with one sub-folder of images per class, and compare. DIR gets
report.html, study.json and study.csv (every number), runs/ (a run folder each),
explanations/, scores/ and wall/ (the same images in every variant).

The memory of each variant is forecast. A variant is a row with the reason if it
does not fit, if its training fails, or if it has no finite prediction. If no run
succeeds, or the disk is full, the exit status is 1. With --budget, epochs and then
training images are cut until the study fits; the result records the cuts.

The same command resumes a study that was stopped or killed, with the same bits as
without the interruption. DATA may have moved; its content is checked.

--discard-models removes the model, the checkpoints and the drawings of each run as
soon as it is evaluated, explained and scored. The rest is small: a copy of DIR is
enough to resume the study on another machine.`,
		Example: `  oscar study run deck photos --out runs/deck --budget 60m
  oscar study run study.yaml photos --out runs/mine --seeds 1,2,3`,
		Args: arguments("STUDY", "DATA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Out == "" {
				return usageError{errors.New("--out DIR is missing: the folder for the results"), cmd.CommandPath()}
			}
			var err error
			if o.Study, err = findStudy(args[0]); err != nil {
				return err
			}
			o.Data = args[1]
			if scene.Is(o.Data) {
				return fmt.Errorf("%s has scenes for a detector, and a study varies classifiers; it wants a folder with one sub-folder of images per class", o.Data)
			}
			if cmd.Flags().Changed("budget") && o.Budget <= 0 {
				return usageError{fmt.Errorf("budget is %s, want above 0, as 30m", o.Budget), cmd.CommandPath()}
			}
			if len(seeds) > 0 {
				o.Study.Seeds = nil
				for _, seed := range seeds {
					if seed < 0 {
						return usageError{fmt.Errorf("seed is %d, want 0 or more", seed), cmd.CommandPath()}
					}
					o.Study.Seeds = append(o.Study.Seeds, uint64(seed))
				}
			}
			if cmd.Flags().Changed("precision") {
				o.Study.Precision = precision
			}
			if err := errors.Join(o.Study.Check(), o.Study.Precision.Check()); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if err := setMachine(cmd, &o.Machine, cache); err != nil {
				return err
			}
			s := newScreen()
			defer s.clear()
			o.Listener = s.studyListener()
			return do(cmd, s, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.DurationVar(&o.Budget, "budget", 0, "maximum duration of the study, such as 30m; default: no limit")
	f.IntSliceVar(&seeds, "seeds", nil, "seeds instead of the study's, such as 1,2,3")
	f.BoolVar(&o.DiscardModels, "discard-models", false, "keep only the results of a finished run, not its model")
	precisionFlag(f, &precision)
	studyMachineFlags(cmd, &o.Machine, &cache)
	return cmd
}

func newStudyAdd() *cobra.Command {
	var (
		o     study.AddOptions
		cache = string(dataset.CacheMemory)
	)
	cmd := &cobra.Command{
		Use:   "add DIR VARIANT.yaml",
		Short: "Add a variant to a study",
		Long: `Add a variant to the study in DIR, train it with the study's seeds, split and cuts,
and compare again. VARIANT.yaml has the keys of one variant, and
may have claims about it:

  name: no-relu
  why: What does ReLU do?
  without: [relu]
  claims:
    - {text: ReLU helps, measure: test_accuracy, direction: lower}

The same command resumes an interrupted one.`,
		Example: `  oscar study add runs/deck no-relu.yaml`,
		Args:    arguments("DIR", "VARIANT.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			o.Dir = args[0]
			if o.Addition, err = study.ReadAddition(args[1]); err != nil {
				return err
			}
			if err := setMachine(cmd, &o.Machine, cache); err != nil {
				return err
			}
			s := newScreen()
			defer s.clear()
			o.Command, o.Listener = thisProgram, s.studyListener()
			res, err := study.Add(recordIn(cmd, o.Dir), o)
			return s.finishStudy(cmd, o.Dir, res, err)
		},
	}
	studyMachineFlags(cmd, &o.Machine, &cache)
	return cmd
}

// thisProgram is the running oscar. It is valid even if its file was replaced.
var thisProgram = []string{"/proc/self/exe"}

func studyMachineFlags(cmd *cobra.Command, m *pipeline.Machine, cache *string) {
	cmd.Flags().StringVar(cache, "cache", *cache, "where decoded images are kept between epochs:\nnone, memory, disk")
	machineFlags(cmd, m)
}

func setMachine(cmd *cobra.Command, m *pipeline.Machine, cache string) (err error) {
	if m.Cache, err = dataset.ParseCacheMode(cache); err == nil {
		err = m.Check()
	}
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	return nil
}

// findStudy reads a study file, or returns the built-in study of that name.
func findStudy(name string) (study.Study, error) {
	if slices.Contains(study.Builtins(), name) {
		return study.Builtin(name)
	}
	if paths.Exists(filepath.Join(name, "saved_model.pb")) {
		return study.Study{}, fmt.Errorf("%s is a SavedModel, and a study trains variants of an experiment; \"oscar score\" and \"oscar explain-global\" measure a model as it is", name)
	}
	s, err := study.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && filepath.Ext(name) == "" {
		return s, fmt.Errorf("no study %q: want a YAML file, or %s", name, strings.Join(study.Builtins(), ", "))
	}
	return s, err
}

// studyListener shows a study's progress: a line for each finished run, and a
// progress line.
func (s *screen) studyListener() study.Listener {
	l := study.Listener{Listener: s.listener()}
	l.OnStep, l.OnEpoch = nil, nil
	l.Progress = func(p study.Progress) {
		s.progress(p.Done, fmt.Sprintf("run %d/%d  %s, seed %d  epoch %d/%d  %.0f %% of all", p.Run, p.Runs, p.Variant, p.Seed, p.Epoch, p.Epochs, 100*p.Done), p.Left)
	}
	l.Run = func(r study.Ran) {
		switch {
		case r.Failed != "":
			s.line("%s, seed %d failed: %s", r.Variant, r.Seed, r.Failed)
		case r.Earlier:
			s.line("%s, seed %d was finished before: test accuracy %.4f", r.Variant, r.Seed, r.Accuracy)
		default:
			s.line("%s, seed %d: test accuracy %.4f", r.Variant, r.Seed, r.Accuracy)
		}
	}
	return l
}

// finishStudy writes the report of a study and prints the result, if there is one. A study without a
// finished run has both a result and an error.
func (s *screen) finishStudy(cmd *cobra.Command, dir string, res *result.Study, failed error) error {
	if res == nil {
		return failed
	}
	err := s.report(cmd.Context(), dir)
	if err == nil {
		err = s.compared(cmd.OutOrStdout(), dir, res)
	}
	return cmp.Or(failed, err)
}

// compared prints the result of a study.
func (s *screen) compared(w io.Writer, dir string, res *result.Study) error {
	s.clear()
	shown := []string{"train_accuracy", "test_accuracy", "focus", "intensity", "sparsity"}
	t := newTable(w)
	header := table.Row{"variant"}
	for _, name := range shown {
		if res.Measure(name) != nil {
			header = append(header, strings.ReplaceAll(name, "_", "\n"))
		}
	}
	if len(res.Seeds) > 1 {
		header = append(header, "McNemar\nlargest p")
	} else {
		header = append(header, "McNemar\np")
	}
	t.alignRight(header[1:]...)
	t.AppendHeader(header)
	for _, v := range res.Variants {
		row := table.Row{v.Name}
		for _, name := range shown {
			if res.Measure(name) != nil {
				row = append(row, figureCell(v, name))
			}
		}
		p := ""
		if v.McNemar != nil {
			p = short(float64(v.McNemar.P))
		}
		t.AppendRow(append(row, p))
	}
	t.Render()
	below := "their 95 % intervals"
	if len(res.Seeds) == 2 {
		below = "the figures of both"
	}
	say(w, "Means over %s; below, %s.\n", text.Count(len(res.Seeds), "seed"), below)
	for _, v := range res.Variants {
		if v.Reason != "" {
			say(w, "%s, %s: %s\n", v.Name, v.Status, v.Reason)
		}
	}
	if res.Cut != nil {
		for _, line := range res.Cut.Text {
			say(w, "cut to the budget: %s\n", line)
		}
	}
	for i, c := range res.Claims {
		if i == 0 {
			fmt.Fprintln(w)
		}
		say(w, "%-13s  %s\n               %s\n", c.Verdict, c.Text, c.Why)
	}
	took := time.Duration(res.Seconds * float64(time.Second))
	_, err := fmt.Fprintf(w, "\ntrained  %s\nresult   %s\ntable    %s\nreport   %s\n", round(took),
		filepath.Join(dir, result.File), filepath.Join(dir, "study.csv"), filepath.Join(dir, "report.html"))
	return err
}

// figureCell formats a mean, with its interval on the next line.
func figureCell(v result.Variant, name string) string {
	f, ok := v.Figures[name]
	if !ok {
		return ""
	}
	out := short(float64(f.Mean))
	if f.Interval != result.None {
		out += "\n" + rough(float64(f.Low)) + drawn.to + rough(float64(f.High))
	}
	return out
}

// short formats a number with three decimals.
func short(v float64) string {
	switch {
	case v > 0 && v < 0.0005:
		return "<0.001"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// rough formats a number with two significant digits.
func rough(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2g", v)
}
