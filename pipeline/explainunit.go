package pipeline

import (
	"context"
	"fmt"
	"image"
	"os"
	"strings"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
	"oscar/savedmodel"
)

// PlanExplain prepares the folder of an [Explain] and writes its shards as units, with
// paths relative to from. [NewExplainWorker] processes them; [MergeExplain] joins the
// results.
func PlanExplain(ctx context.Context, from string, o ExplainOptions) (err error) {
	e, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer e.close(ctx, &err)
	return result.WriteUnits(o.Out, from, func(yield func(result.Unit, error) bool) {
		for _, s := range e.job.shards {
			id := "explain/" + strings.TrimSuffix(s.part, ".jsonl")
			if !yield(result.Unit{ID: id, Verb: "explain", Out: o.Out, Model: o.Model, Number: s.number, Part: s.part, Root: s.root, Images: s.images}, nil) {
				return
			}
		}
	})
}

// explainWorker processes units of an [Explain].
type explainWorker struct {
	*explainTools
	job explainJob
}

// NewExplainWorker opens the model of a unit of [PlanExplain].
func NewExplainWorker(_ context.Context, u result.Unit, on Machine, l Listener) (UnitWorker, error) {
	var planned Settings
	if err := readPlanned(u.Out, settingsFile, &planned); err != nil {
		return nil, err
	}
	if err := CheckSettings(planned); err != nil {
		return nil, fmt.Errorf("%s: %w", u.Out, err)
	}
	on.Limits.MaxPixels, on.Limits.MaxBytes = planned.MaxPixels, planned.MaxBytes
	tools, err := newExplainTools(u.Model, u.Out, planned, on, l)
	if err != nil {
		return nil, err
	}
	if tools.settings != planned {
		defer tools.close()
		return nil, fmt.Errorf("%s was planned with %s; plan again in a new folder", u.Out, difference(planned, tools.settings))
	}
	return &explainWorker{tools, explainJob{dir: u.Out, machine: on, listener: l}}, nil
}

func (w *explainWorker) Close() { w.close() }

// Do makes the maps of a shard, and the drawings unless the scale is shared. The files do not depend
// on the worker.
func (w *explainWorker) Do(ctx context.Context, u result.Unit) (result.Outcome, error) {
	if _, err := os.Stat(u.Root); err != nil {
		return result.Outcome{}, fmt.Errorf("the folder of the images cannot be read: %w", err)
	}
	for _, path := range u.Images {
		if !paths.Within(u.Root, paths.Absolute(path)) {
			return result.Outcome{}, fmt.Errorf("unit %s: image %s is not in its root %s", u.ID, path, u.Root)
		}
	}
	s, unlock, err := lockShard(ctx, u)
	if err != nil {
		return result.Outcome{}, err
	}
	defer unlock()
	notes := &damageNotes{listener: w.job.listener}
	err = w.job.check(s, notes)
	notes.end()
	if checksum.Is(err) {
		err = removePart(u.Out, s.part)
	}
	if err != nil {
		return result.Outcome{}, err
	}
	draw := w.settings.Scale == ScaleOwn
	rows := mappedRows(u.Out, s.part)
	if rows != nil && (!draw || w.painter.drawn(rows)) {
		return outcomeOf(u, rows, true), listPart(u.Out, s.part, rows)
	}
	var photos map[string]*image.RGBA
	if rows == nil {
		if rows, photos, err = w.mapper.shard(ctx, s, nil); err != nil {
			return result.Outcome{}, err
		}
	}
	if draw {
		if err := w.painter.shard(ctx, rows, photos); err != nil {
			return result.Outcome{}, err
		}
	}
	return outcomeOf(u, rows, false), listPart(u.Out, s.part, rows)
}

// MergeExplain makes manifest.jsonl, the montage and the missing drawings from finished units, as
// [Explain] does. With a shared scale all drawings are missing.
func MergeExplain(ctx context.Context, o MergeOptions) (*Summary, error) {
	dir, err := resultdir.Open(o.Dir, explainKind)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	job := explainJob{dir: o.Dir, machine: o.Machine, listener: o.Listener, progress: o.Progress}
	model := ""
	for u, err := range result.Units(o.Dir) {
		if err != nil {
			return nil, err
		}
		job.shards, model = append(job.shards, shard{number: u.Number, part: u.Part, root: u.Root, images: u.Images}), u.Model
	}
	var settings Settings
	if err := readPlanned(o.Dir, settingsFile, &settings); err != nil {
		return nil, err
	}
	if err := initResultDir(o.Dir, settings, o.Listener); err != nil {
		return nil, err
	}
	if err := checkLists(o.Dir, o.Listener); err != nil {
		return nil, err
	}
	if err := job.checkParts(); err != nil {
		return nil, err
	}
	if err := job.allMapped(); err != nil {
		return nil, err
	}
	p, err := newPainter(settings, o.Dir)
	if err != nil {
		return nil, err
	}
	defer p.close()
	p.fetch = o.Fetch
	if err := p.setScales(job.shards); err != nil {
		return nil, err
	}
	if _, err := job.draw(ctx, p); err != nil {
		return nil, err
	}
	summary := &Summary{}
	if err := job.finish(ctx, p, summary); err != nil {
		return nil, err
	}
	return summary, summary.checkKnown(job.shards, classesOf(model, o.Machine))
}

// classesOf returns the classes of a model; nil if it cannot be read on this machine.
func classesOf(model string, on Machine) []string {
	dir, err := trustedDir(strings.TrimSuffix(model, "/"), on.Trust)
	if err != nil {
		return nil
	}
	meta, _, err := savedmodel.Describe(dir)
	if err != nil {
		return nil
	}
	return meta.Classes
}

// allMapped returns an error if a shard has no maps.
func (j explainJob) allMapped() error {
	if len(j.shards) == 0 {
		return fmt.Errorf("%s has no units", j.dir)
	}
	missing, first := 0, ""
	for _, s := range j.shards {
		if mappedRows(j.dir, s.part) == nil {
			if missing++; missing == 1 {
				first = strings.TrimSuffix(s.part, ".jsonl")
			}
		}
	}
	if missing > 0 {
		return NotDone(j.dir, missing, len(j.shards), first)
	}
	return nil
}
