package study

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/machine"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/pipeline"
	"oscar/result"
	runfolder "oscar/run"
)

// partsDir has the marks of finished units.
const partsDir = "parts"

// part marks a unit as done.
type part struct {
	Format int    `json:"format"` // 1
	Failed string `json:"failed"` // why the run could not be trained; "": it was trained
}

// Plan prepares the folder of a [Run] and writes its runs (a variant with a seed) as units, with
// paths relative to from. [NewWorker] processes them, [Merge] makes Run's result from them.
func Plan(ctx context.Context, from string, o Options) (err error) {
	j, dir, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer runfolder.Release(ctx, dir, &err)
	if err := os.MkdirAll(j.path(partsDir), 0o777); err != nil {
		return err
	}
	return result.WriteUnits(o.Out, from, func(yield func(result.Unit, error) bool) {
		for i, r := range j.toRun() {
			u := result.Unit{ID: "study/" + r.name(), Verb: "study", Out: o.Out, Number: i, Part: r.name() + ".json", Data: o.Data, Cache: string(o.Machine.Cache)}
			if !yield(u, nil) {
				return
			}
		}
	})
}

// readPlanned reads the plan in a folder of units.
func readPlanned(u result.Unit, on pipeline.Machine, l pipeline.Listener) (*job, error) {
	on.Cache = dataset.CacheMode(u.Cache)
	j := &job{Options: Options{Out: u.Out, Machine: on, Memory: machine.Memory(), Listener: Listener{Listener: l}}}
	if err := j.readPlan(); err != nil {
		return nil, err
	}
	j.Study = j.plan.Study
	return j, j.ready()
}

// worker processes units of a [Run].
type worker struct{ *job }

// NewWorker reads the plan of a unit. command is an oscar command that trains each run in its own
// process, as in [Options].
func NewWorker(u result.Unit, command []string, on pipeline.Machine, l pipeline.Listener) (pipeline.UnitWorker, error) {
	j, err := readPlanned(u, on, l)
	if err != nil {
		return nil, err
	}
	j.Command = command
	return worker{j}, nil
}

// Close does nothing: each run opens its own model.
func (w worker) Close() {}

// Do trains and evaluates a run, and makes its explanations and scores. A variant that cannot be
// trained also finishes its unit: it is a row of the result.
func (w worker) Do(ctx context.Context, u result.Unit) (o result.Outcome, err error) {
	var r *run
	for _, row := range w.rows {
		for _, has := range row.runs {
			if has.name()+".json" == u.Part {
				r = has
			}
		}
	}
	if r == nil {
		return o, fmt.Errorf("unit %s: the study has no run for the part %s", u.ID, u.Part)
	}
	if r.row.tooLarge != "" {
		return o, fmt.Errorf("%s does not fit this machine: %s", r.name(), r.row.tooLarge)
	}
	unlock, err := pipeline.LockUnit(ctx, u)
	if err != nil {
		return o, err
	}
	defer unlock()
	if err := w.makeFolders(); err != nil {
		return o, err
	}
	o.Rows = 1
	var before part
	o.Earlier = w.finished(r) && checksum.ReadJSON(w.Out, partsDir+"/"+u.Part, &before) == nil && before.Failed == ""
	err = w.train(ctx, r, func(float64) {})
	if err == nil {
		err = w.inspectRun(ctx, r)
	}
	if err == nil {
		err = w.discard(r)
	}
	if err != nil && (ctx.Err() != nil || paths.IsNoSpace(err)) {
		return o, err
	}
	now := part{Format: 1}
	if err != nil {
		now.Failed = err.Error()
		o.Statuses = map[string]int{result.Failed: 1}
	}
	if o.Earlier && now == before {
		return o, nil
	}
	return o, checksum.WriteJSON(w.Out, partsDir+"/"+u.Part, now)
}

// Merge compares the runs of finished units and writes the result, as [Run] does.
func Merge(ctx context.Context, o pipeline.MergeOptions) (_ *result.Study, err error) {
	dir, err := resultdir.Open(o.Dir, kind)
	if err != nil {
		return nil, err
	}
	defer runfolder.Release(ctx, dir, &err)
	u := result.Unit{Out: o.Dir}
	units := 0
	for has, err := range result.Units(o.Dir) {
		if err != nil {
			return nil, err
		}
		units, u.Cache = units+1, has.Cache
	}
	j, err := readPlanned(u, o.Machine, o.Listener)
	if err != nil {
		return nil, err
	}
	if err := j.makeFolders(); err != nil {
		return nil, err
	}
	missing, first, looks := 0, "", []string{}
	for _, r := range j.toRun() {
		var p part
		err := checksum.ReadJSON(o.Dir, partsDir+"/"+r.name()+".json", &p)
		if errors.Is(err, os.ErrNotExist) {
			if missing++; missing == 1 {
				first = "study/" + r.name()
			}
		} else if err != nil {
			return nil, err
		}
		r.failed = p.Failed
		looks = append(looks, r.look())
	}
	if missing > 0 {
		return nil, pipeline.NotDone(o.Dir, missing, units, first)
	}
	if err := checksum.UpdateUnlisted(o.Dir, looks...); err != nil { // a store does not list them
		return nil, err
	}
	if err := os.Remove(filepath.Join(o.Dir, partsDir, ".lock")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return j.compare(ctx)
}

// toRun returns the runs that fit the memory, seed by seed with all variants.
func (j *job) toRun() []*run {
	var all []*run
	for i := range j.Study.Seeds {
		for _, r := range j.rows {
			if r.tooLarge == "" {
				all = append(all, r.runs[i])
			}
		}
	}
	return all
}
