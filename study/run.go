package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/checksum"
	"oscar/internal/machine"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/pipeline"
	"oscar/result"
	runfolder "oscar/run"
)

// Options are the options of [Run].
type Options struct {
	Study Study
	Data  string // folder with one sub-folder per class
	Out   string // the study's folder: a new one, or one to resume
	// Budget is the maximum duration of the study; 0: no limit. Epochs, and then training images, are
	// cut until a forecast fits.
	Budget time.Duration
	// DiscardModels removes a run's model, checkpoints and drawings when its measures are complete.
	// Later calls do the same. The study can still be resumed.
	DiscardModels bool
	// Memory is the machine's memory for training, in bytes; 0: measure it. A tenth is kept free.
	Memory  int64
	Machine pipeline.Machine
	// Command, if not empty, is an oscar command that trains each run in its own process. Then the peak
	// memory is the run's alone, and a killed process is a row of the result. Otherwise all runs are
	// trained in this process.
	Command  []string
	Listener Listener
}

// Run trains every variant of a study with every seed, compares them, and writes study.json and
// study.csv. It resumes a folder of the same study, even if the images were moved: it skips finished
// runs, and the others give the same bits as without the interruption. A variant that does not fit
// the machine's memory, whose training fails, or that has no finite prediction is a row of the
// result. If no run was finished, Run returns the result and an error. A full disk is an error. When
// ctx is canceled, Run saves after the current step and returns [pipeline.ErrInterrupted].
func Run(ctx context.Context, o Options) (_ *result.Study, err error) {
	j, dir, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer runfolder.Release(ctx, dir, &err)
	return j.run(ctx)
}

// open locks a study's folder, and plans the study or reads its plan.
func open(ctx context.Context, o Options) (_ *job, _ *resultdir.Dir, err error) {
	if err := errors.Join(o.Study.Check(), o.Machine.Check()); err != nil {
		return nil, nil, err
	}
	if err := o.Study.choosePrecision(); err != nil {
		return nil, nil, err
	}
	if o.Budget < 0 {
		return nil, nil, fmt.Errorf("budget is %s, want above 0, as 30m", o.Budget)
	}
	j := &job{Options: o}
	if o.Memory == 0 {
		j.Memory = machine.Memory()
	}
	root, out := paths.Absolute(j.Data), paths.Absolute(j.Out)
	if paths.Within(root, out) {
		return nil, nil, fmt.Errorf("%s lies in %s, where every folder is a class; name a folder elsewhere", j.Out, j.Data)
	}
	dir, err := resultdir.Open(o.Out, kind)
	if err != nil {
		return nil, nil, err
	}
	if dir.Resumed {
		err = j.reopen(ctx, root)
	} else {
		err = j.begin(ctx, root)
	}
	if err != nil {
		return nil, nil, errors.Join(err, dir.Close())
	}
	return j, dir, nil
}

// job is a call of [Run] or [Add].
type job struct {
	Options
	plan   plan
	splits map[uint64]*dataset.Split // by the seed of the run
	rows   []*row
	notes  []string
	began  time.Time
	worked float64 // work done by this process, in units of [imageCost]
}

// row is a variant with its runs.
type row struct {
	variant    Variant
	experiment experiment.Experiment // seed not set
	memory     result.Memory
	tooLarge   string // why it is not run; "": it is run
	runs       []*run
}

// run is a row with a seed.
type run struct {
	row    *row
	seed   uint64
	failed string // the reason; "": the run did not fail
}

func (r *run) name() string { return fmt.Sprintf("%s-%d", r.row.variant.Name, r.seed) }
func (r *run) dir() string  { return filepath.Join(runsDir, r.name()) }
func (r *run) look() string { return looksDir + "/" + r.name() + ".json" }

func (j *job) note(text string) {
	if !slices.Contains(j.notes, text) {
		j.notes = append(j.notes, text)
	}
	j.Listener.Note(text)
}

// begin plans a study of the images in root.
func (j *job) begin(ctx context.Context, root string) error {
	folder, err := j.scan(ctx)
	if err != nil {
		return beforePlan(ctx, err)
	}
	j.plan = plan{Format: 1, Root: root, Budget: j.Budget.Seconds(), Added: []string{}, DiscardModels: j.DiscardModels}
	if images := paths.Absolute(folder.Root); images != root {
		j.plan.Images = images
	}
	if j.splits, err = j.Study.splits(folder); err != nil {
		return err
	}
	for _, text := range j.imageNotes() {
		j.Listener.Note(text)
	}
	if len(j.Study.Seeds) == 1 && len(j.Study.Claims) > 0 {
		j.Listener.Note("with one seed no claim can be decided: --seeds 1,2 trains every variant twice")
	}
	if err := j.makeRows(); err != nil {
		return err
	}
	if err := j.fit(ctx); err != nil {
		return beforePlan(ctx, err)
	}
	return j.write()
}

// beforePlan maps a canceled context to ErrInterrupted.
func beforePlan(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w before there was anything to save", pipeline.ErrInterrupted)
	}
	return err
}

// reopen reads the plan of a folder. Another study or other images are an error.
func (j *job) reopen(ctx context.Context, root string) error {
	if err := j.restore(plan{Format: 1, Root: root, Budget: j.Budget.Seconds(), Added: []string{}, DiscardModels: j.DiscardModels, Study: j.Study}); err != nil {
		return err
	}
	if err := j.readPlan(); err != nil {
		return err
	}
	if text := differs(j.plan.Study, j.Study, j.plan.Added); text != "" {
		return fmt.Errorf("%s holds a study with %s; name a new folder, or put variants in by oscar study add", j.Out, text)
	}
	if b := j.Budget.Seconds(); b != j.plan.Budget {
		return fmt.Errorf("%s holds a study with %s, not %s; name a new folder", j.Out, budget(j.plan.Budget), budget(b))
	}
	j.Study = j.plan.Study
	moved, err := j.findImages(ctx, root)
	if err != nil {
		return beforePlan(ctx, err)
	}
	if err := j.ready(); err != nil {
		return err
	}
	if moved {
		if err := j.moveRuns(ctx); err != nil {
			return beforePlan(ctx, err)
		}
	}
	if discards := j.DiscardModels && !j.plan.DiscardModels; discards || moved {
		j.plan.DiscardModels = j.plan.DiscardModels || discards
		return checksum.WriteJSON(j.Out, planFile, j.plan)
	}
	return nil
}

func budget(s float64) string {
	if s == 0 {
		return "no budget"
	}
	return "a budget of " + seconds(s)
}

// ready makes the rows of a study with a plan.
func (j *job) ready() error {
	if err := j.makeRows(); err != nil {
		return err
	}
	for _, r := range j.rows {
		apply(j.plan.Cut, &r.experiment.Training)
	}
	return nil
}

// makeRows makes the rows, with the forecasts of their memory.
func (j *job) makeRows() error {
	split := j.splits[j.Study.Seeds[0]]
	for _, v := range j.Study.Variants {
		e, err := j.Study.experiment(v, len(split.Classes))
		if err != nil {
			return err
		}
		e.Data.Root = j.plan.images()
		r := &row{variant: v, experiment: e}
		if r.memory, err = forecast(e); err != nil {
			return err
		}
		if got, err := e.Architecture.Classes(); err != nil {
			return err
		} else if got != len(split.Classes) {
			return fmt.Errorf("variant %s: %s ends with %d units for %d classes", v.Name, e.Architecture.Name, got, len(split.Classes))
		}
		r.tooLarge = tooLarge(e.Architecture, r.memory, j.Memory)
		for _, seed := range j.Study.Seeds {
			r.runs = append(r.runs, &run{row: r, seed: seed})
		}
		j.rows = append(j.rows, r)
	}
	return nil
}

// fit cuts epochs and images to the budget.
func (j *job) fit(ctx context.Context) error {
	if j.Budget == 0 {
		return nil
	}
	j.Listener.Stage("measuring how fast the variants train")
	d, err := measureDisk(j.Out)
	if err != nil {
		return err
	}
	var costs []cost
	for _, r := range j.rows {
		if r.tooLarge != "" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := pace(ctx, r.variant.Name, r.experiment, j.Machine, d)
		if err != nil {
			return fmt.Errorf("variant %s: %w", r.variant.Name, err)
		}
		costs = append(costs, c)
	}
	if len(costs) == 0 {
		return nil
	}
	split := j.splits[j.Study.Seeds[0]]
	x := j.Study.Explain
	l := load{
		classes: trainCounts(split), validation: len(split.Validation), test: len(split.Test), seeds: len(j.Study.Seeds),
		shown: len(split.Classes) * (2*x.Images + x.Mosaics) * len(x.Methods),
	}
	c, err := cut(costs, l, j.Budget.Seconds())
	if err != nil || c == nil {
		return err
	}
	j.plan.Cut = c
	for _, text := range c.Text {
		j.Listener.Note("cut to the budget: " + text)
	}
	for _, r := range j.rows {
		apply(c, &r.experiment.Training)
	}
	if c.TrainPerClass == 0 {
		return nil
	}
	for _, seed := range j.Study.Seeds {
		if j.splits[seed], err = atMost(j.splits[seed], c.TrainPerClass); err != nil {
			return err
		}
	}
	return nil
}

// run trains the unfinished runs seed by seed, each with all variants, and compares.
func (j *job) run(ctx context.Context) (*result.Study, error) {
	all := j.toRun()
	for _, r := range j.rows {
		if r.tooLarge != "" {
			j.note(fmt.Sprintf("%s is not run: %s", r.variant.Name, r.tooLarge))
		}
	}
	j.began = time.Now()
	left := math.Nextafter(0, 1) // above 0, to divide by it
	for _, r := range all {
		if !j.finished(r) {
			left += j.runWork(r)
		}
	}
	if err := j.discardEarlier(all); err != nil {
		return nil, err
	}
	for i, r := range all {
		earlier := j.finished(r)
		j.Listener.Stage(fmt.Sprintf("run %d of %d: %s, seed %d", i+1, len(all), r.row.variant.Name, r.seed))
		progress := Progress{Run: i + 1, Runs: len(all), Variant: r.row.variant.Name, Seed: r.seed}
		err := j.train(ctx, r, j.follow(progress, r, left))
		if err == nil {
			err = j.inspectRun(ctx, r)
		}
		if err == nil {
			err = j.discard(r)
		}
		if err != nil && ctx.Err() != nil {
			return nil, fmt.Errorf("%w in run %d of %d; the same command resumes where it stopped", pipeline.ErrInterrupted, i+1, len(all))
		}
		if err != nil && paths.IsNoSpace(err) {
			return nil, fmt.Errorf("%s, seed %d: %w; make room, the same command resumes where it stopped", r.row.variant.Name, r.seed, err)
		}
		if !earlier {
			j.worked += j.runWork(r)
		}
		j.report(r, earlier, err)
	}
	j.Listener.Stage("comparing")
	return j.compare(ctx)
}

// report tells the listener that a run has ended, and stores its error.
func (j *job) report(r *run, earlier bool, err error) {
	ran := Ran{Variant: r.row.variant.Name, Seed: r.seed, Earlier: earlier, Accuracy: math.NaN()}
	if err != nil {
		r.failed = err.Error()
		ran.Failed = r.failed
	} else if opened, err := pipeline.OpenRun(j.path(r.dir())); err == nil {
		if e, err := opened.Evaluation(); err == nil && e != nil {
			ran.Accuracy = float64(e.Accuracy)
		}
	}
	if j.Listener.Run != nil {
		j.Listener.Run(ran)
	}
}
