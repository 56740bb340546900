package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/report/page"
	"oscar/savedmodel"
	"oscar/score"
	"oscar/tfmodel"
)

// scoring is a [Score] under way.
type scoring struct {
	ScoreOptions
	bundle     *savedmodel.Bundle
	randomized *tfmodel.Randomized // nil: there can be none
	cases      *cases
	methods    []score.Method // the controls last
	controls   int
	notes      []string
	held       *os.File
	done       map[string]bool // tests of the method at hand, for progress
}

func (o ScoreOptions) open(ctx context.Context) (s *scoring, err error) {
	s = &scoring{ScoreOptions: o}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.bundle, err = Open(o.Model, o.Machine.Threads); err != nil {
		return s, err
	}
	if s.Settings.Layer == "" {
		s.Settings.Layer = s.bundle.Metadata.Explain
	}
	if s.Settings.Model, err = fingerprint(o.Model); err != nil {
		return s, err
	}
	if err := s.bundle.CheckLayer(s.Settings.Layer); err != nil {
		return s, err
	}
	methods, err := methodsOnly(s.Settings)
	if err != nil {
		return s, err
	}
	if err := s.randomize(ctx); err != nil {
		return s, err
	}
	for _, m := range methods {
		method, err := s.method(ctx, m.Name)
		if err != nil {
			return s, err
		}
		s.methods = append(s.methods, method)
	}
	controls := append(score.Controls(s.Settings.Seed), s.coarseControl()...)
	for _, c := range controls {
		if s.randomized != nil { // a control knows no model
			c.Randomised = score.Cascade{Layers: s.randomized.Layers, Explainer: func(int) (explain.Explainer, error) { return c.Explainer, nil }}
		}
		s.methods = append(s.methods, c)
	}
	s.controls = len(controls)
	s.cases, err = s.load(ctx)
	return s, err
}

func (s *scoring) close() {
	if s.held != nil {
		s.held.Close()
	}
	if s.randomized != nil {
		s.randomized.Bundle.Close()
	}
	if s.bundle != nil {
		s.bundle.Close()
	}
}

// coarseControl is noise of one value a position of the layer explained: the
// fairer match for its CAMs.
func (s *scoring) coarseControl() []score.Method {
	for _, l := range s.bundle.Metadata.Layers {
		if l.Name == s.Settings.Layer && len(l.Output) == 3 {
			return []score.Method{{Name: "random-coarse", Explainer: score.RandomMap{Seed: s.Settings.Seed, Cells: l.Output[0]}}}
		}
	}
	return nil
}

// randomize opens the model a second time, if one of the metrics needs it.
func (s *scoring) randomize(ctx context.Context) error {
	if !s.Scoring.Need(score.NeedsRandomised) {
		return nil
	}
	second, err := Open(s.Model, s.Machine.Threads)
	if err == nil {
		if s.randomized, err = tfmodel.Randomize(s.bundle, second, s.Settings.Seed); err == nil {
			if err = s.randomized.To(ctx, 1); err == nil {
				return nil
			}
		}
		second.Close()
		s.randomized = nil
	}
	return s.leaveOut(score.NeedsRandomised, fmt.Sprintf("no sanity check: %v", err))
}

// leaveOut notes why metrics are left out, unless they were named.
func (s *scoring) leaveOut(need score.Needs, why string) error {
	for _, m := range s.Scoring.Selected() {
		if len(s.Scoring.Metrics) > 0 && m.Needs&need != 0 {
			return fmt.Errorf("metric %q needs %s; %s", m.Name, need, why)
		}
	}
	s.note(why)
	return nil
}

func (s *scoring) note(text string) {
	s.notes = append(s.notes, text)
	s.Listener.note(text)
}

// method makes one method's explainers, of the model and of the randomised one.
func (s *scoring) method(ctx context.Context, name string) (score.Method, error) {
	settings := s.Settings
	settings.Method = name
	one := func(b *savedmodel.Bundle) (explain.Explainer, error) {
		all, err := newExplainers(settings, b)
		if err != nil {
			return nil, err
		}
		return all[0], nil
	}
	explainer, err := one(s.bundle)
	if err != nil {
		return score.Method{}, err
	}
	m := score.Method{Name: name, Explainer: &doubting{Explainer: explainer}}
	if s.randomized == nil {
		return m, nil
	}
	randomised, err := one(s.randomized.Bundle)
	m.Randomised = score.Cascade{Layers: s.randomized.Layers, Explainer: func(depth int) (explain.Explainer, error) {
		return randomised, s.randomized.To(ctx, depth)
	}}
	return m, err
}

// part is the table of one method: an earlier call's, or computed now.
func (s *scoring) part(ctx context.Context, i int, m score.Method) (score.Table, error) {
	path := filepath.Join(s.Out, partsDir, m.Name+".json")
	doubts := filepath.Join(s.Out, partsDir, m.Name+".doubt.json")
	var t score.Table
	var doubt string
	err := atomicfile.ReadJSON(path, &t)
	switch {
	case err == nil:
		if err = atomicfile.ReadJSON(doubts, &doubt); errors.Is(err, os.ErrNotExist) {
			err = nil // none
		}
	case errors.Is(err, os.ErrNotExist):
		if t, doubt, err = s.judge(ctx, i, m); err == nil && doubt != "" {
			err = atomicfile.WriteJSON(doubts, doubt)
		}
		if err == nil {
			err = atomicfile.WriteJSON(path, t) // the mark that it is done
		}
	}
	if err == nil && doubt != "" {
		s.note(doubt)
	}
	return t, err
}

// judge computes the table of one method, and says whether its maps are to be
// doubted.
func (s *scoring) judge(ctx context.Context, i int, m score.Method) (t score.Table, doubt string, err error) {
	e := score.Evaluation{
		Model: s.bundle, Methods: []score.Method{m}, Controls: []score.Method{}, Metrics: s.Scoring.Metrics,
		Settings: s.knobs(), Batch: s.Settings.Batch, Seed: s.Settings.Seed, Progress: s.progress,
	}
	if i >= len(s.methods)-s.controls {
		e.Methods, e.Controls = nil, []score.Method{m}
	}
	s.Listener.stage(fmt.Sprintf("scoring %s (%d of %d)", m.Name, i+1, len(s.methods)))
	s.done = map[string]bool{}
	t, err = e.Run(ctx, s.cases.parts(s.Settings))
	if d, ok := m.Explainer.(*doubting); ok {
		doubt = d.doubt(m.Name)
	}
	return t, doubt, err
}

// knobs are the metrics' defaults but for the pointing game's: its 15 pixels are
// of images whose shorter side is 224 (TorchRay), and shrink with it.
func (s *scoring) knobs() score.Settings {
	side := min(s.cases.height, s.cases.width)
	return score.Settings{Pointing: score.Pointing{Tolerance: max(1, (15*side+112)/224)}}
}

// progress counts the tests that a method has behind it, each as a thousand.
func (s *scoring) progress(p score.Progress) {
	total := s.cases.images()*s.tests(0) + s.cases.mosaics()*s.tests(score.NeedsMosaics)
	key := fmt.Sprint(p.Cases, p.Test)
	s.done[key] = true
	s.Listener.count((len(s.done)-1)*1000+1000*p.Done/max(p.Total, 1), max(total, len(s.done))*1000)
}

// tests counts the tests of images or, with that need, of mosaics.
func (s *scoring) tests(need score.Needs) int {
	seen := map[string]bool{}
	for _, m := range s.Scoring.Selected() {
		switch {
		case m.Needs&score.NeedsMosaics != need:
		case m.Needs&score.NeedsRandomised != 0 && s.randomized == nil:
		case m.Needs&score.NeedsMasks != 0 && s.cases.masks == nil:
		default:
			seen[m.Test] = true
		}
	}
	return len(seen)
}

// finish joins the parts and writes the result.
func (s *scoring) finish(parts []score.Table) (*Scores, error) {
	table, err := score.Join(parts...)
	if err != nil {
		return nil, err
	}
	res := &Scores{Format: 1, Part: s.Part, Settings: s.Settings, Scoring: s.Scoring, Images: s.cases.names, Notes: s.notes, Table: table}
	if err := atomicfile.WriteJSON(filepath.Join(s.Out, scoresFile), res); err != nil {
		return nil, err
	}
	picture, err := page.Scores(table)
	if err != nil {
		return nil, err
	}
	return res, heatmap.WritePNG(filepath.Join(s.Out, scorePicture), picture)
}

// load reads the images to judge by, and their masks.
func (s *scoring) load(ctx context.Context) (*cases, error) {
	from, err := EvaluateOptions{Model: s.Model, Data: s.Data, Part: s.Part, Machine: s.Machine}.part(ctx, s.bundle)
	if err != nil {
		return nil, err
	}
	in := s.bundle.Metadata.Image
	c := &cases{height: in.Height, width: in.Width, batch: s.Settings.Batch}
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: from.root, Height: in.Height, Width: in.Width, Interpolation: dataset.Interpolation(in.Interpolation),
		Limits: from.limits, Workers: s.Machine.Workers,
		Skip: func(_ dataset.Item, err error) { s.note(fmt.Sprintf("left out: %v", err)) },
	})
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	s.Listener.stage("reading images")
	masks := cmp.Or(s.Masks, beside(from.root))
	for b, err := range loader.Batches(ctx, dataset.Draw(from.items, s.Scoring.PerClass, s.Settings.Seed), nil, 32) {
		if err != nil {
			return nil, err
		}
		if err := c.add(b, masks, from.limits); err != nil {
			return nil, err
		}
	}
	if len(c.names) == 0 {
		return nil, fmt.Errorf("none of the images of %s could be read", from.root)
	}
	if masks == "" && s.Scoring.Need(score.NeedsMasks) {
		if err := s.leaveOut(score.NeedsMasks, "no masks: the pointing game and the energy in the mask are left out"); err != nil {
			return nil, err
		}
	}
	if s.Scoring.Mosaics > 0 && s.Scoring.Need(score.NeedsMosaics) {
		if err := c.plan(s.Scoring.Mosaics, s.Settings.Seed); err != nil {
			return c, s.leaveOut(score.NeedsMosaics, fmt.Sprintf("no mosaics: %v", err))
		}
	}
	return c, nil
}
