package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/dataset"
	"oscar/instance"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/paths"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/tfmodel"
)

// trainInstances trains a detector, or resumes its training.
func trainInstances(cmd *cobra.Command, s *screen, data, out, resume string, a experimentArgs, m pipeline.Machine) error {
	if err := only(cmd, "a folder of scenes", "out", "resume", "experiment", "set", "image-size", "epochs", "batch", "learning-rate",
		"seed", "layer", "precision", "arch", "weights", "freeze", "layer-decay", "checkpoint-every", "threads", "inter-threads", "workers", "verbose"); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	l := s.instances()
	var r *instance.Run
	var err error
	if resume != "" {
		var epochs int
		if epochs, err = epochsOf(cmd); err != nil {
			return err
		}
		r, err = instance.Resume(recordIn(cmd, resume), instance.ResumeOptions{Run: resume, Data: data, Epochs: epochs, Machine: m, Listener: l})
	} else {
		e := instance.Default()
		if err := a.applyInstances(&e, cmd); err != nil {
			return err
		}
		r, err = instance.Train(recordIn(cmd, out), instance.TrainOptions{Data: data, Out: out, Experiment: e, Machine: m, Listener: l})
	}
	if err != nil {
		return err
	}
	s.clear()
	e, err := r.Evaluation()
	if err != nil {
		return err
	}
	if e != nil {
		printInstances(cmd.OutOrStdout(), e)
	}
	if err := s.report(cmd.Context(), r.Dir); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "run    %s\nreport %s\n", r.Dir, filepath.Join(r.Dir, "report.html"))
	return err
}

// only returns an error for given flags that what does not support.
func only(cmd *cobra.Command, what string, names ...string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(names, f.Name) {
			err = fmt.Errorf("--%s does not go with %s", f.Name, what)
		}
	})
	return err
}

// notPlanned returns an error for a plan of a detector's job.
func notPlanned(cmd *cobra.Command) error {
	if cmd.Parent() != nil && cmd.Parent().Name() == "plan" {
		return usageError{fmt.Errorf("the job of a detector has no units; call oscar %s itself", cmd.Name()), cmd.CommandPath()}
	}
	return nil
}

// applyInstances applies file, flags and keys to a detector's experiment and checks it.
func (a *experimentArgs) applyInstances(e *instance.Experiment, cmd *cobra.Command) error {
	if a.file != "" {
		b, err := paths.ReadFile(a.file, paths.Settings)
		if err != nil {
			return err
		}
		if err := e.ReadYAML(b); err != nil {
			return fmt.Errorf("%s: %w", a.file, err)
		}
	}
	if arch := cmd.Flags().Lookup("arch"); arch.Changed {
		if err := e.On(arch.Value.String()); err != nil {
			return usageError{err, cmd.CommandPath()}
		}
	}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.IntVar(&e.Training.Epochs, "epochs", e.Training.Epochs, "")
	f.IntVar(&e.Training.Batch, "batch", e.Training.Batch, "")
	f.Float64Var(&e.Training.LearningRate, "learning-rate", e.Training.LearningRate, "")
	f.Uint64Var(&e.Seed, "seed", e.Seed, "")
	f.StringVar(&e.Explain, "layer", e.Explain, "")
	precisionFlag(f, &e.Training.Precision)
	f.StringVar(&e.Weights, "weights", e.Weights, "")
	var tuning tfmodel.Tuning
	if e.Detector.Tuning != nil {
		tuning = *e.Detector.Tuning
	}
	f.StringSliceVar(&tuning.Freeze, "freeze", tuning.Freeze, "")
	f.Float64Var(&tuning.Decay, "layer-decay", tuning.Decay, "")
	side := 0
	f.IntVar(&side, "image-size", 0, "")
	var err error
	cmd.Flags().Visit(func(given *pflag.Flag) {
		if err == nil && f.Lookup(given.Name) != nil {
			err = f.Set(given.Name, given.Value.String())
		}
	})
	if f.Changed("freeze") || f.Changed("layer-decay") {
		e.Detector.Tuning = &tuning
	}
	if side > 0 {
		e.Detector.Input = tfmodel.Shape{side, side, 3}
	}
	for _, key := range a.keys {
		if err == nil {
			err = e.Set(key)
		}
	}
	if err == nil {
		err = e.Check()
	}
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	return nil
}

// instances returns a listener that shows the progress of a detector's training.
func (s *screen) instances() instance.Listener {
	return instance.Listener{
		Listener: s.listener(),
		OnLosses: func(epoch, epochs, done, total int, l maskrcnn.Losses, rate float64, left time.Duration) {
			s.progress(float64(done)/float64(total), fmt.Sprintf("epoch %d/%d  %d/%d  loss %.3f  class %.3f  mask %.3f  %.1f images/s",
				epoch, epochs, done, total, l.Sum(), l.Class, l.Mask, rate), left)
		},
		OnEpoch: func(e instance.Epoch, best bool) { s.line("%s", detectorEpoch(e, best, s.width)) },
	}
}

// detectorEpoch formats an epoch. If the text is wider than width, it omits the speed; width 0 means
// any width.
func detectorEpoch(e instance.Epoch, best bool, width int) string {
	line := fmt.Sprintf("epoch %3d  loss %.3f  class %.3f  mask %.3f", e.Epoch, e.Loss, e.ClassLoss, e.MaskLoss)
	if e.Masks != nil {
		line += fmt.Sprintf("  val AP %.3f  AP50 %.3f", e.Masks.AP, e.Masks.AP50)
	}
	speed, mark := fmt.Sprintf("  %.1f images/s", e.ImagesPerSecond), ""
	if best {
		mark = "  best"
	}
	if width > 0 && len(line+speed+mark) > width {
		speed = ""
	}
	return line + speed + mark
}

// scenePart returns the name that scenes use for a part.
func scenePart(part string) string {
	if part == "validation" {
		return scene.Validation
	}
	return part
}

// evaluateInstances measures a detector.
func evaluateInstances(cmd *cobra.Command, s *screen, o pipeline.EvaluateOptions, asJSON bool) error {
	if err := only(cmd, "a detector", "split", "json", "threads", "inter-threads", "workers", "verbose"); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	e, err := instance.Evaluate(cmd.Context(), instance.EvaluateOptions{Run: o.Model, Data: o.Data, Part: scenePart(o.Part), Machine: o.Machine, Listener: o.Listener})
	if err != nil {
		return err
	}
	s.clear()
	if asJSON {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(e)
	}
	printInstances(cmd.OutOrStdout(), e)
	return nil
}

// predictInstances writes the objects in pictures.
func predictInstances(cmd *cobra.Command, dir string, paths []string, out string, m pipeline.Machine) error {
	err := only(cmd, "a detector", "out", "threads", "inter-threads", "workers", "max-pixels", "max-bytes", "verbose")
	if err == nil && filepath.Ext(out) != ".json" {
		err = fmt.Errorf("--out is %q: want a file .json for the objects, in the form of COCO", out)
	}
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	s := newScreen()
	defer s.clear()
	summary, err := instance.Predict(cmd.Context(), instance.PredictOptions{Run: dir, Paths: paths, Out: out, Machine: m, Listener: s.listener()})
	if err != nil {
		return err
	}
	s.clear()
	s.unreadable(summary.Unreadable)
	say(cmd.OutOrStdout(), "%s on %s in %s\n", text.Count(summary.Objects, "object"), text.Count(summary.Images, "image"), out)
	return noneRead(len(summary.Unreadable), summary.Images+len(summary.Unreadable))
}

// unreadable notes the first picture that was left out.
func (s *screen) unreadable(list []dataset.Problem) {
	if len(list) > 0 {
		s.line("note: left out %s; the first is %s: %s", text.Count(len(list), "image"), list[0].Path, list[0].Reason)
	}
}

// explainInstances explains the objects of pictures.
func explainInstances(cmd *cobra.Command, dir string, paths []string, o pipeline.ExplainOptions) error {
	if err := only(cmd, "a detector", "out", "method", "layer", "score", "samples", "seed", "threads", "inter-threads", "workers", "max-pixels", "max-bytes", "verbose"); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	method := ""
	if cmd.Flags().Changed("method") {
		method = o.Settings.Method
	}
	s := newScreen()
	defer s.clear()
	listener := s.listener()
	listener.OnCount = nil
	summary, err := instance.Explain(recordIn(cmd, o.Out), instance.ExplainOptions{
		Run: dir, Paths: paths, Out: o.Out, Method: method, Layer: o.Settings.Layer, Score: o.Settings.Score, Samples: o.Settings.Samples,
		Seed: o.Settings.Seed, Least: minExplained, Machine: o.Machine, Listener: listener, Progress: s.images,
	})
	if err != nil {
		return err
	}
	s.clear()
	s.unreadable(summary.Unreadable)
	w := cmd.OutOrStdout()
	printHeat(w, summary)
	if err := s.report(cmd.Context(), o.Out); err != nil {
		return err
	}
	say(w, "sheets %s\nreport %s\n", filepath.Join(o.Out, "sheets"), filepath.Join(o.Out, "report.html"))
	return noneRead(len(summary.Unreadable), summary.Images+len(summary.Unreadable))
}

// scoreInstances scores explanations of objects in pictures.
func scoreInstances(cmd *cobra.Command, dir string, paths []string, o pipeline.ScoreOptions, follow string, asJSON bool) error {
	err := only(cmd, "a detector", "out", "method", "metric", "follow", "per-class", "split", "layer", "score", "samples", "batch", "seed", "json",
		"threads", "inter-threads", "workers", "max-pixels", "max-bytes", "verbose")
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	if err := notPlanned(cmd); err != nil {
		return err
	}
	if err := instance.CheckFollow(follow); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	method := ""
	if cmd.Flags().Changed("method") {
		method = o.Settings.Method
	}
	s := newScreen()
	defer s.clear()
	scores, err := instance.Score(recordIn(cmd, o.Out), instance.ScoreOptions{
		Run: dir, Paths: paths, Part: scenePart(o.Part), Out: o.Out, Method: method, Layer: o.Settings.Layer, Score: o.Settings.Score, Metrics: o.Scoring.Metrics,
		Follow: follow, PerClass: o.Scoring.PerClass, Samples: o.Settings.Samples, Seed: o.Settings.Seed, Least: minExplained, Batch: o.Settings.Batch, Machine: o.Machine, Listener: s.listener(),
	})
	if err != nil {
		return err
	}
	s.clear()
	w := cmd.OutOrStdout()
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(scores)
	}
	printScoresOver(w, scores.Table, text.Count(len(scores.Objects), "object")+" on "+text.Count(scores.Table.Images, "picture"))
	if err := s.report(cmd.Context(), o.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "report    %s\n", filepath.Join(o.Out, "report.html"))
	return err
}

// exportInstances writes a detector as a SavedModel.
func exportInstances(cmd *cobra.Command, dir, out string) error {
	if err := only(cmd, "a detector", "out", "verbose"); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	if err := instance.Export(cmd.Context(), dir, out, pipeline.Machine{}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), "model ", out)
	return err
}

// minExplained is the minimum score of explained detections.
const minExplained = 0.5

// headline returns a text about what was evaluated.
func headline(e *instance.Evaluation) string {
	line := fmt.Sprintf("%s of part %s with %s, %s", text.Count(e.Images, "image"), e.Part, text.Count(e.Objects, "object"), text.Count(e.Detections, "detection"))
	if e.Epoch > 0 { // 0 for an exported model
		line += fmt.Sprintf(", epoch %d", e.Epoch)
	}
	return line
}

// drawInstances draws explanations of objects again.
func drawInstances(cmd *cobra.Command, s *screen, o pipeline.DrawOptions) error {
	err := only(cmd, "explanations of objects", "colormap", "alpha", "signed-colormap", "signed-alpha", "scale", "threads", "inter-threads", "workers", "verbose")
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	summary, err := instance.Draw(recordIn(cmd, o.Dir), instance.DrawOptions{
		Dir: o.Dir, Machine: o.Machine, Listener: o.Listener, Progress: o.Progress,
		Drawing: instance.Drawing{ColorMap: o.ColorMap, Alpha: o.Alpha, SignedColorMap: o.SignedColorMap, SignedAlpha: o.SignedAlpha, Scale: o.Scale},
	})
	if err != nil {
		return err
	}
	s.clear()
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s of %s drawn\nsheets %s\n", text.Count(summary.Maps, "map"), text.Count(summary.Pictures, "picture"), filepath.Join(o.Dir, "sheets"))
	return err
}
