package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"oscar/global"
	"oscar/pipeline"
	"oscar/score"
	"oscar/tfmodel"
)

func newExplainGlobal(*globalFlags) *cobra.Command {
	o := pipeline.GlobalOptions{Settings: pipeline.DefaultSettings(), Global: global.DefaultSettings()}
	s, g := &o.Settings, &o.Global
	s.Method, s.Class = "", pipeline.TargetAll
	cmd := &cobra.Command{
		Use:   "explain-global MODEL DATA --out DIR",
		Short: "Explain a model by all images of a class together",
		Long: `Explain MODEL, a run or a SavedModel folder, by all images of DATA, a folder
with one sub-folder per class. --what chooses among

  averages  the mean map of each class
  spray     the strategies by which each class is recognized: clusters of maps, by
            spectral relevance analysis, with the most central images of each
  tree      a decision tree over named features of image and map that imitates
            the model, and its agreement with the model on held-out images
  tcav      whether a concept, the images of a folder below --concepts, changes
            the score of each class, compared with random images: those of a
            folder called random, or else images of DATA

averages and spray use the correctly classified images, with Grad-CAM and with LRP.
For an adopted model, gradient times input replaces LRP. There may be only one
strategy, the tree may be no better than the most frequent class, and a concept may
have no influence.

DIR, which must be new or empty, gets global.json and, for the selected methods,
averages.png, spray/CLASS.png, tree.txt, features.csv, the mean maps as .npy files,
and pictures for oscar report. All files are written at the end. oscar report DIR
draws the eigenvalues, the tree and the concepts.`,
		Example: `  oscar explain-global runs/first photos --out together
  oscar explain-global runs/first photos --what spray --class glass --out glass
  oscar explain-global runs/first photos --concepts concepts --out together`,
		Args: arguments("MODEL", "DATA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Out == "" {
				return usageError{fmt.Errorf("--out DIR is missing: the folder for the results"), cmd.CommandPath()}
			}
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			screen := newScreen()
			defer screen.clear()
			o.Model, o.Data, o.Listener = args[0], args[1], screen.listener()
			result, err := pipeline.ExplainGlobal(cmd.Context(), o)
			if err != nil {
				return err
			}
			screen.clear()
			printGlobal(cmd.OutOrStdout(), result)
			say(cmd.OutOrStdout(), "results  %s\n", filepath.Join(o.Out, "global.json"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder for the results")
	f.StringSliceVar(&g.What, "what", nil, "of "+strings.Join(global.Methods, ", ")+"; default: all, tcav if there are concepts")
	f.StringVar(&o.Concepts, "concepts", "", "folder with one sub-folder per concept, for tcav")
	f.StringVar(&o.Part, "split", "all", "the part of the run's split: test, validation, train; or all of DATA")
	f.StringVar(&s.Class, "class", s.Class, "the class to explain, or all; the tree uses all")
	f.StringVar(&s.Method, "method", "", "the method of all maps; default: gradcam for averages, lrp for the rest (gradient-x-input for an adopted model)")
	f.StringVar(&s.Layer, "layer", "", "the layer to explain; default: the model's")
	f.StringVar(&s.Rules, "rules", s.Rules, "the rules of lrp: "+strings.Join(tfmodel.LRPs(), ", "))
	f.IntVar(&g.Side, "side", g.Side, "rows and columns that maps are pooled to")
	f.IntVar(&g.Neighbors, "neighbors", g.Neighbors, "neighbors of a map in spray's graph")
	f.IntVar(&g.Depth, "depth", g.Depth, "largest depth of the tree")
	f.IntVar(&g.MinLeaf, "min-leaf", g.MinLeaf, "smallest number of images in a leaf of the tree")
	f.IntVar(&g.Experiments, "experiments", g.Experiments, "number of times a concept is learned, each with other random images")
	f.BoolVar(&g.Pooled, "pooled", false, "learn concepts from means over the layer's positions, not from each position")
	f.Uint64Var(&s.Seed, "seed", s.Seed, "seed of all random draws")
	precisionFlag(f, &s.Precision)
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
	return cmd
}

// printGlobal prints a summary.
func printGlobal(w io.Writer, r *pipeline.Global) {
	say(w, "%s\n", imagesRead(r.Images, r.Unreadable))
	if r.Averages != nil {
		t := newTable(w)
		t.AppendHeader(table.Row{"class", "recognized", "averaged", "dispersion", "center"})
		for _, a := range r.Averages {
			t.AppendRow(table.Row{a.Class, fmt.Sprintf("%d of %d", a.Recognized, a.Images), a.N, orDash(a.Dispersion), orDash(a.Center)})
		}
		render(w, t)
	}
	if r.SpRAy != nil {
		t := newTable(w)
		t.AppendHeader(table.Row{"class", "maps", "strategies", "sizes", "structure", "why"})
		for _, c := range r.SpRAy {
			t.AppendRow(table.Row{c.Class, c.N, c.K, sizes(c.Clusters), structure(c), c.Words()})
		}
		render(w, t)
	}
	if r.Tree != nil {
		printTree(w, r.Tree)
	}
	if r.TCAV != nil {
		t := newTable(w)
		t.AppendHeader(table.Row{"concept", "class", "score", "random", "p", "accuracy", "verdict"})
		for _, c := range r.TCAV.Concepts {
			for _, s := range c.Classes {
				if s.Verdict == global.TooFewImages {
					t.AppendRow(table.Row{c.Concept, s.Class, drawn.none, drawn.none, drawn.none, drawn.none, s.Words()})
					continue
				}
				t.AppendRow(table.Row{c.Concept, s.Class, plusMinus(s.Score, s.Deviation), plusMinus(s.RandomScore, s.RandomDeviation),
					fmt.Sprintf("%.2g", s.P), fmt.Sprintf("%.2f", s.Accuracy), s.Words()})
			}
		}
		render(w, t)
		say(w, "more or fewer than random: %s\n", r.TCAV.Threshold())
	}
}

func render(w io.Writer, t *grid) {
	fmt.Fprint(w, "\n")
	t.Render()
}

func printTree(w io.Writer, s *global.Surrogate) {
	if s.Tree == nil {
		say(w, "\nno tree: %s\n", s.Reason)
		return
	}
	a := s.Agreement
	say(w, "\ntree of %d leaves, depth %d: says what the model says for %.2f of %d held-out\nimages (95 %% %.2f to %.2f); the most frequent class alone for %.2f; a tree\nwithout features of maps for %.2f\n",
		s.Leaves, s.Depth, a.Share, a.Images, a.Interval[0], a.Interval[1], a.Majority, s.ImageOnly.Share)
}

func plusMinus(mean, deviation score.Number) string {
	return fmt.Sprintf("%.2f %s %.2f", mean, drawn.plusMinus, deviation)
}

func orDash(m score.Number) string {
	if m != m {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(m))
}

func sizes(clusters []global.ClassCluster) string {
	var list []string
	for _, c := range clusters {
		list = append(list, fmt.Sprint(c.Size))
	}
	return strings.Join(list, " ")
}

func structure(c global.ClassSpRAy) string {
	if c.K < 2 {
		return ""
	}
	return fmt.Sprintf("%s, silhouette %.2f", c.Structure, c.SilhouetteMaps)
}
