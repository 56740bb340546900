package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/report/page"
	"oscar/result"
	"oscar/score"
	"oscar/tfmodel"
)

func newScore(*globalFlags) *cobra.Command {
	return inStore(scoreCommand(func(cmd *cobra.Command, screen *screen, o pipeline.ScoreOptions, asJSON bool) error {
		scores, err := pipeline.Score(recordIn(cmd, o.Out), o)
		if err != nil {
			return err
		}
		screen.clear()
		if asJSON {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(scores)
		}
		return finishScores(cmd.OutOrStdout(), o.Out, scores)
	}))
}

// finishScores prints scores and their folder.
func finishScores(w io.Writer, dir string, scores *pipeline.Scores) error {
	printScores(w, scores.Table, scores.Settings.Class)
	_, err := fmt.Fprintf(w, "scores    %s\n", filepath.Join(dir, result.ScoreFile))
	return err
}

// scoreCommand parses the command line of oscar score and calls do.
func scoreCommand(do func(cmd *cobra.Command, s *screen, o pipeline.ScoreOptions, asJSON bool) error) *cobra.Command {
	o := pipeline.ScoreOptions{Settings: pipeline.DefaultSettings(), Scoring: score.DefaultOptions()}
	s := &o.Settings
	s.Method = pipeline.AllMethods
	var list, asJSON bool
	var follow string
	cmd := &cobra.Command{
		Use:   "score MODEL [DATA] --out DIR",
		Short: "Score explanation methods, and mark those not to trust",
		Long: `Score how well methods explain MODEL, a run or a SavedModel folder, on images of
DATA, a folder with one sub-folder per class; without DATA, the run's own images.
Does the model use what a map points at? Does the map lie on the object? Does it
change when the model's weights are replaced by random ones? --list-metrics lists
the metrics with their papers and says which values are better.

DIR gets score.json (every value, means, 95 % intervals, maps that could not be
scored and why); "oscar report DIR" makes a page of it. Noise, coarse noise and an
edge detector are scored as controls: a score with a * is not significantly better
than all of them, and is no evidence for the method.

The metrics pointing and energy need masks of the objects: --masks names a folder
of <class>/<name>.png files, white on the object. Means are over images. That of
pointing, as in its paper, is over classes: the mean of each class's mean, by the
class that is explained (--class). Focus needs no masks: it uses mosaics of four
images. The sanity check sets the layers of the model to initial values,
from the logits down. For an adopted model it shuffles the values, in at most 16
steps.

Scores are saved method by method. The same command resumes an interrupted one. A
command with more methods computes only the new ones.

If MODEL is a detector, DATA is a folder of scenes or of pictures. At most
--per-class detections of each class with a score of 0.5 or more are explained. The
box is fixed, and the metrics follow the probability of its class. With --follow
similarity they follow D-RISE's similarity of the detection and the most similar
proposal for the changed picture, so that box and class may change. The box and the
predicted mask are controls, too: a map that does not beat them adds nothing. The
metrics are deletion and insertion; --metric adds others that need no masks.
Intervals are over pictures. --method d-rise is for detectors only.`,
		Example: `  oscar score runs/first --out scores
  oscar score runs/first --method gradcam,layercam,lrp --per-class 20 --out scores
  oscar score runs/first photos --split all --metric focus,deletion --out focus`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case list:
				return arguments()(cmd, args)
			case len(args) < 2:
				return arguments("MODEL")(cmd, args)
			}
			return arguments("MODEL", "DATA")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				printMetrics(cmd.OutOrStdout())
				return nil
			}
			if o.Out == "" {
				return usageError{fmt.Errorf("--out DIR is missing: the folder for the results"), cmd.CommandPath()}
			}
			if instance.IsModel(args[0]) {
				return scoreInstances(cmd, args[0], args[1:], o, follow, asJSON)
			}
			if cmd.Flags().Changed("follow") {
				return usageError{errors.New("--follow is for detectors"), cmd.CommandPath()}
			}
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			screen := newScreen()
			defer screen.clear()
			o.Model, o.Listener = args[0], screen.listener()
			if len(args) > 1 {
				o.Data = args[1]
			}
			return do(cmd, screen, o, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.StringVar(&s.Method, "method", s.Method, "all, or names separated by commas; see oscar explain --list-methods")
	f.StringSliceVar(&o.Scoring.Metrics, "metric", nil, "names separated by commas; default: all whose needs are met")
	f.BoolVar(&list, "list-metrics", false, "print the metrics, with their papers")
	f.StringVar(&follow, "follow", instance.FollowProbability, "what of a detection is followed: probability (of its class in the fixed box), similarity (D-RISE's)")
	f.IntVar(&o.Scoring.PerClass, "per-class", o.Scoring.PerClass, "images of each class")
	f.IntVar(&o.Scoring.Mosaics, "mosaics", o.Scoring.Mosaics, "mosaics of each class, for focus; 0: none")
	f.StringVar(&o.Masks, "masks", "", "folder of masks; default: the one next to the images of a synthetic set")
	f.StringVar(&o.Part, "split", "test", "the part of the split: test, validation, train, all")
	f.StringVar(&s.Class, "class", s.Class, "the class to explain: predicted, true (the image's folder)")
	f.StringVar(&s.Layer, "layer", "", "the layer to explain; default: the model's")
	f.StringVar((*string)(&s.Score), "score", "", "the score to explain: logit, probability; default: as in each method's paper")
	f.IntVar(&s.Samples, "samples", 0, "samples of rise, lime and smoothgrad, steps of integrated-gradients; 0: each method's default")
	f.StringVar(&s.Rules, "rules", s.Rules, "the rules of lrp: "+strings.Join(tfmodel.LRPs(), ", "))
	f.IntVar(&s.Batch, "batch", s.Batch, "images per batch")
	f.Uint64Var(&s.Seed, "seed", s.Seed, "seed of the choice of images, all random draws and the initial values")
	f.BoolVar(&asJSON, "json", false, "print score.json")
	precisionFlag(f, &s.Precision)
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

// printMetrics prints the table of metrics.
func printMetrics(w io.Writer) {
	t := newTable(w)
	t.AppendHeader(table.Row{"metric", "better", "asks of it", "needs", "mean over", "paper"})
	for _, m := range score.Metrics {
		t.AppendRow(table.Row{m.Name, m.Better, m.Kind, m.Needs, m.Over(), m.Paper})
	}
	t.Render()
}

// scoreWidth is the width of score tables without a terminal, in columns.
const scoreWidth = 100

// printScores prints a table for each kind of metric: means, a * where a method does not beat the
// controls, and 95 % intervals. class is the class of an image that was explained: predicted or true.
func printScores(w io.Writer, scores score.Table, class string) {
	over := text.Count(scores.Images, "image")
	if scores.Mosaics > 0 {
		over += " and " + text.Count(scores.Mosaics, "mosaic")
	}
	printScoresOver(w, scores, over)
	if note := scores.PerClass(class); note != "" {
		say(w, "%s\n", note)
	}
}

// printScoresOver is printScores for means over the named things.
func printScoresOver(w io.Writer, scores score.Table, over string) {
	significant := scores.Significant()
	for first := 0; first < len(scores.Metrics); {
		end := first
		for end < len(scores.Metrics) && scores.Metrics[end].Kind == scores.Metrics[first].Kind {
			end++
		}
		t := newTable(w)
		t.width = cmp.Or(t.width, scoreWidth)
		header, better := table.Row{scores.Metrics[first].Kind}, table.Row{""}
		for _, m := range scores.Metrics[first:end] {
			header, better = append(header, m.Name), append(better, string(m.Better)+" is better")
		}
		t.AppendHeader(header)
		t.AppendHeader(better)
		for i, row := range scores.Rows {
			if row.Control && (i == 0 || !scores.Rows[i-1].Control) {
				t.AppendSeparator()
			}
			t.AppendRow(scoreRow(row, significant[i], first, end))
		}
		t.Render()
		fmt.Fprintln(w)
		first = end
	}
	say(w, "Means over %s, each with its 95 %% interval. * is not\nsignificantly better than every control (the last rows), corrected for the\nnumber of scores; n of m: the number of images with a value.\n", over)
}

func scoreRow(row score.Row, significant []bool, first, end int) table.Row {
	out := table.Row{row.Method}
	for i := first; i < end; i++ {
		cell := row.Cells[i]
		if len(cell.Values) == 0 {
			out = append(out, "not asked")
			continue
		}
		mark := " "
		if !row.Control && !significant[i] {
			mark = "*"
		}
		text := page.Number(float64(cell.Mean)) + mark
		if cell.N > 1 {
			text += " " + page.Number(float64(cell.Low)) + " to " + page.Number(float64(cell.High))
		}
		if cell.Unjudged > 0 {
			text += fmt.Sprintf("\n%d of %d", cell.N, cell.N+cell.Unjudged)
		}
		out = append(out, text)
	}
	return out
}
