package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/machine"
	"oscar/internal/resultdir"
	"oscar/methods"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/score"
	"oscar/tfmodel"
)

// ScoreOptions are the options of [Score].
type ScoreOptions struct {
	Model    string // a run or a SavedModel
	Data     string // folder with one sub-folder per class; empty: the run's own
	Part     string // part of the run's split, or "all" for every image below Data
	Masks    string // folder with a mask per image, see [Score]; empty: the one next to a synthetic set's images
	Out      string // folder for the results
	Settings Settings
	Scoring  score.Options
	Machine  Machine
	Listener Listener
}

// Scores is the content of score.json.
type Scores = result.Scores

// Files of a folder of scores.
const (
	scoringFile = result.ScoringFile
	scoresFile  = result.ScoreFile
)

// Check returns an error for options that are invalid for every model.
func (o ScoreOptions) Check() error { return errors.Join(o.checkPlanned(), checkLayer(o.Settings)) }

// Score scores explanation methods and writes score.json below Out. The table also has controls:
// noise with one value per pixel, noise as coarse as the maps of the explained layer, and an edge
// detector.
//
// Masks has a file for each image of the data, <class>/<name>.png, white on the object. The sanity
// check explains a second copy of the model, whose layers are randomized one after another, from the
// logits down. A frozen model has no variables, so the sanity check is left out.
//
// The scores of a method are written when they are complete. The same call resumes with the next
// method. A call with more methods computes only the new ones.
func Score(ctx context.Context, o ScoreOptions) (_ *Scores, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	dir, err := resultdir.Open(o.Out, scoreKind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, dir, &err)
	return o.scoreIn(ctx, dir)
}

// scoreIn is [Score] in a locked folder.
func (o ScoreOptions) scoreIn(ctx context.Context, dir *resultdir.Dir) (*Scores, error) {
	s, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.prepare(dir.Resumed); err != nil {
		return nil, err
	}
	var parts []score.Table
	for i, m := range s.methods {
		part, err := s.part(ctx, i, m)
		if err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("%w; the same command continues with %s", ErrInterrupted, m.Name)
			}
			return nil, err
		}
		parts = append(parts, part)
	}
	return s.finish(parts)
}

// prepare writes the settings into the folder of results. Results with other settings are an error.
func (s *scoreJob) prepare(resumed bool) error {
	asked := s.asked()
	if !resumed {
		if err := checksum.WriteJSON(s.Out, scoringFile, asked); err != nil {
			return err
		}
	} else {
		var before scored
		if err := checksum.ReadJSON(s.Out, scoringFile, &before); checksum.Is(err) {
			restored, failed := checksum.RestoreJSON(s.Out, scoringFile, asked)
			if failed != nil {
				return failed
			} else if !restored {
				return err
			}
			s.Listener.Note(fmt.Sprintf("%v; it is made again", err))
			before = asked
		} else if err != nil {
			return err
		}
		before.Settings = withDrawing(before.Settings, asked.Settings)
		if what := before.difference(asked); what != "" {
			return fmt.Errorf("%s holds scores made with %s; name a new folder", s.Out, what)
		}
	}
	parts := filepath.Join(s.Out, partsDir)
	if err := os.MkdirAll(parts, 0o777); err != nil {
		return err
	}
	if err := checksum.Check(s.Out, scoresFile); checksum.Is(err) { // it is always written again
		s.Listener.Note(fmt.Sprintf("%v; it is made again", err))
	}
	return s.list()
}

// list adds files to the lists that an older version or a killed process left out.
func (s *scoreJob) list() error {
	names := []string{scoringFile, scoresFile, result.CommandFile}
	entries, err := os.ReadDir(filepath.Join(s.Out, partsDir))
	for _, e := range entries {
		if e.Name() != atomicfile.LockFile {
			names = append(names, partsDir+"/"+e.Name())
		}
	}
	return cmp.Or(err, checksum.UpdateUnlisted(s.Out, names...))
}

// scoreJob is a call of [Score].
type scoreJob struct {
	ScoreOptions
	bundle     *savedmodel.Bundle
	exact      *savedmodel.Bundle  // float32 model for methods that need it; nil: bundle is float32
	randomized *tfmodel.Randomized // in float32; nil: no sanity check
	images     *scoreImages
	methods    []score.Method // controls come last
	controls   int
	notes      []string
	done       map[string]bool // finished tests of the current method, for the progress
}

func (o ScoreOptions) open(ctx context.Context) (s *scoreJob, err error) {
	s = &scoreJob{ScoreOptions: o}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.bundle, s.Settings.Precision, err = openFor(o.Model, jobExplain, o.Machine.Config(o.Settings.Precision)); err != nil {
		return s, err
	}
	if err := refuseSeveral(&s.bundle.Metadata, "score"); err != nil {
		return s, err
	}
	resolve(&s.Settings, s.bundle, s.Listener)
	if s.Settings.Model, err = fingerprint(o.Model); err != nil {
		return s, err
	}
	if s.Settings.Layer != "" {
		if err := s.bundle.CheckLayer(s.Settings.Layer); err != nil {
			return s, err
		}
	}
	names, err := methodNames(s.Settings)
	if err != nil {
		return s, err
	}
	if s.Settings.Method == AllMethods {
		lacking := methods.Lacking(s.bundle)
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(lacking, name) })
		s.note(methods.LeftOut(s.bundle)...)
	}
	if s.exact, err = openExact(o.Model, o.Machine, s.Settings); err != nil {
		return s, err
	}
	if names := exactMetrics(s.Scoring); s.Settings.Precision == machine.BFloat16 && len(names) > 0 {
		s.note(fmt.Sprintf("bfloat16 can change %s by more than 2 %%: compare them with others of bfloat16 only, or score with --precision float32", strings.Join(names, " and ")))
	}
	if err := s.randomize(ctx); err != nil {
		return s, err
	}
	for _, name := range names {
		method, err := s.method(ctx, name)
		if err != nil {
			return s, err
		}
		s.methods = append(s.methods, method)
	}
	controls := append(score.Controls(s.Settings.Seed), s.coarseControl()...)
	for _, c := range controls {
		if s.randomized != nil { // controls do not use the model
			c.Randomized = score.Cascade{Layers: s.randomized.Layers, Explainer: func(int) (explain.Explainer, error) { return c.Explainer, nil }}
		}
		s.methods = append(s.methods, c)
	}
	s.controls = len(controls)
	s.images, err = s.readImages(ctx)
	return s, err
}

func (s *scoreJob) close() {
	if s.randomized != nil {
		s.randomized.Bundle.Close()
	}
	if s.exact != nil {
		s.exact.Close()
	}
	if s.bundle != nil {
		s.bundle.Close()
	}
}

// coarseControl returns noise with one value for each position of the explained layer, as coarse as
// this layer's CAMs.
func (s *scoreJob) coarseControl() []score.Method {
	for _, l := range s.bundle.Metadata.Layers {
		if l.Name == s.Settings.Layer && l.Explainable {
			return []score.Method{{Name: "random-coarse", Explainer: score.RandomMap{Seed: s.Settings.Seed, Cells: l.Output[0]}}}
		}
	}
	return nil
}

// randomize opens the model a second time if a metric needs it.
func (s *scoreJob) randomize(ctx context.Context) error {
	if !s.Scoring.Need(score.NeedsRandomized) {
		return nil
	}
	second, err := Open(s.Model, s.Machine.Config(machine.Float32))
	if err == nil {
		if s.randomized, err = tfmodel.Randomize(s.bundle, second, s.Settings.Seed); err == nil {
			if err = s.randomized.To(ctx, 1); err == nil {
				return nil
			}
		}
		second.Close()
		s.randomized = nil
	}
	return s.leaveOut(score.NeedsRandomized, fmt.Sprintf("no sanity check: %v", err))
}

// exactMetrics returns the selected metrics that need float32.
func exactMetrics(o score.Options) (names []string) {
	for _, m := range o.Selected() {
		if m.Exact {
			names = append(names, m.Name)
		}
	}
	return names
}

// leaveOut notes why metrics with a need are left out. If the user named one of them, it returns an
// error.
func (s *scoreJob) leaveOut(need score.Needs, why string) error {
	for _, m := range s.Scoring.Selected() {
		if len(s.Scoring.Metrics) > 0 && m.Needs&need != 0 {
			return fmt.Errorf("metric %q needs %s; %s", m.Name, need, why)
		}
	}
	s.note(why)
	return nil
}

func (s *scoreJob) note(texts ...string) {
	s.notes = append(s.notes, texts...)
	s.Listener.Note(texts...)
}

// method returns a method with its explainers for the model and for the randomized model.
func (s *scoreJob) method(ctx context.Context, name string) (score.Method, error) {
	settings := s.Settings
	settings.Method = name
	one := func(b, exact *savedmodel.Bundle) (explain.Explainer, error) {
		all, err := newExplainers(settings, b, exact)
		if err != nil {
			return nil, err
		}
		return all[0], nil
	}
	explainer, err := one(s.bundle, s.exact)
	if err != nil {
		return score.Method{}, err
	}
	m := score.Method{Name: name, Explainer: &cautionCounter{Explainer: explainer}}
	if s.randomized == nil {
		return m, nil
	}
	randomized, err := one(s.randomized.Bundle, nil)
	m.Randomized = score.Cascade{Layers: s.randomized.Layers, Explainer: func(depth int) (explain.Explainer, error) {
		return randomized, s.randomized.To(ctx, depth)
	}}
	return m, err
}

// part returns the table of one method, from the folder or computed.
func (s *scoreJob) part(ctx context.Context, i int, m score.Method) (score.Table, error) {
	file, doubts := partsDir+"/"+m.Name+".json", partsDir+"/"+m.Name+".doubt.json"
	var t score.Table
	var doubt string
	err := checksum.ReadJSON(s.Out, file, &t)
	if err == nil {
		if err = checksum.ReadJSON(s.Out, doubts, &doubt); errors.Is(err, os.ErrNotExist) {
			err = nil // no table yet
		}
	}
	if checksum.Is(err) {
		s.Listener.Note(fmt.Sprintf("%v; %s is scored again", err, m.Name))
	}
	if checksum.Is(err) || errors.Is(err, os.ErrNotExist) {
		if t, doubt, err = s.judge(ctx, i, m); err == nil && doubt != "" {
			err = checksum.WriteJSON(s.Out, doubts, doubt)
		} else if err == nil {
			err = checksum.Delete(s.Out, doubts)
		}
		if err == nil {
			err = checksum.WriteJSON(s.Out, file, t) // it marks the method as done
		}
	}
	if err == nil && doubt != "" {
		s.note(doubt)
	}
	return t, err
}

// judge computes the table of one method. doubt is a note about its maps, or "".
func (s *scoreJob) judge(ctx context.Context, i int, m score.Method) (t score.Table, doubt string, err error) {
	e := score.Evaluation{
		Model: s.bundle, Methods: []score.Method{m}, Controls: []score.Method{}, Metrics: s.Scoring.Metrics,
		Settings: score.SettingsFor(s.images.height, s.images.width), Batch: s.Settings.Batch, Seed: s.Settings.Seed, Progress: s.progress,
	}
	if i >= len(s.methods)-s.controls {
		e.Methods, e.Controls = nil, []score.Method{m}
	}
	s.Listener.Stage(fmt.Sprintf("scoring %s (%d of %d)", m.Name, i+1, len(s.methods)))
	s.done = map[string]bool{}
	t, err = e.Run(ctx, s.images.parts(s.Settings))
	if d, ok := m.Explainer.(*cautionCounter); ok {
		doubt = d.cautionNote(m.Name)
	}
	return t, doubt, err
}

// progress reports the finished part of a method in percent. All tests count the same.
func (s *scoreJob) progress(p score.Progress) {
	var lacking score.Needs
	if s.randomized == nil {
		lacking |= score.NeedsRandomized
	}
	if s.images.masks == nil {
		lacking |= score.NeedsMasks
	}
	total := s.images.batches(len(s.images.names))*s.Scoring.Tests(0, lacking) + s.images.batches(len(s.images.mosaics))*s.Scoring.Tests(score.NeedsMosaics, lacking)
	s.done[fmt.Sprint(p.Cases, p.Test)] = true
	tests := float64(len(s.done)-1) + float64(p.Done)/float64(max(p.Total, 1))
	s.Listener.Count(int(100*tests)/max(total, len(s.done)), 100)
}

// finish joins the parts and writes the results.
func (s *scoreJob) finish(parts []score.Table) (*Scores, error) {
	table, err := score.Join(parts...)
	if err != nil {
		return nil, err
	}
	res := &Scores{Format: 1, Part: s.Part, Settings: s.Settings, Scoring: s.Scoring, Images: s.images.names, Notes: s.notes, Table: table}
	return res, checksum.WriteJSON(s.Out, scoresFile, res) // last, because it marks the folder as complete
}
