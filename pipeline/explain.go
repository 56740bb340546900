package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/internal/text"
	"oscar/result"
	"oscar/run"
)

// Words for the class to explain. Any other word is a class name. =NAME is always a class name.
const (
	TargetPredicted = "predicted" // the class the model predicts
	TargetTrue      = "true"      // the image's own class, from the split or from the folders above the image
	TargetAll       = "all"       // every class, one row each
)

// Row is a line of manifest.jsonl.
type Row = result.Row

// ReadManifest reads the rows of a folder of explanations.
func ReadManifest(dir string) ([]Row, error) { return result.ReadManifest(dir) }

// ExplainOptions are the options of [Explain].
type ExplainOptions struct {
	Model    string   // a run or a SavedModel
	Paths    []string // image files and folders; one that does not exist is an error
	List     []string // files with more paths; a missing one becomes an unreadable image
	Out      string   // folder for the results
	Settings Settings
	Machine  Machine
	Listener Listener       // its Count counts images
	Progress func(Progress) // may be nil; never called concurrently; also called within a shard
}

// Check returns an error for the first invalid option. It reads no files.
func (o ExplainOptions) Check() error {
	return errors.Join(CheckSettings(o.Settings), checkLayer(o.Settings), o.Machine.Check(), o.Settings.Precision.Check())
}

// Summary has the counts of an [Explain].
type Summary struct {
	Images   int            // found
	Rows     int            // rows of the manifest
	Earlier  int            // images done by an earlier call
	Statuses map[string]int // rows by status
	Manifest string
	Montage  string // empty if no image could be explained
	Shown    int    // classes in the montage
	Classes  int    // classes with at least one map
	Sheets   string // the folder; empty if there is only one image and no sheet is needed
	Reason   string // of the first row that is not ok; "" if all are
	Doubtful int    // rows with a caution
	Caution  string // the first caution
	Only     *Row   // the only row if the call found one image, else nil
}

// Explain explains every image in the paths. Below Out it writes overlays, raw maps and
// manifest.jsonl with a row for each image and target. It works shard by shard: first the maps and
// rows, then the drawings. After an interruption, the same call makes the missing files. Memory does
// not grow with the number of images.
func Explain(ctx context.Context, o ExplainOptions) (_ *Summary, err error) {
	e, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer e.close(ctx, &err)
	job := e.job
	if err := job.checkParts(); err != nil {
		return nil, err
	}
	summary := &Summary{}
	if e.settings.Scale == ScaleOwn {
		if err := e.painter.setScales(nil); err != nil {
			return nil, err
		}
		summary.Earlier, err = job.explain(ctx, e.mapper, e.painter)
	} else if summary.Earlier, err = job.explain(ctx, e.mapper, nil); err == nil {
		if err := e.painter.setScales(job.shards); err != nil {
			return nil, err
		}
		_, err = job.draw(ctx, e.painter)
	}
	if err != nil {
		return nil, err
	}
	if err := job.finish(ctx, e.painter, summary); err != nil {
		return nil, err
	}
	return summary, summary.checkKnown(job.shards, e.mapper.labels.classes)
}

// checkKnown returns an error if no image has a map because no image's class is known.
func (s *Summary) checkKnown(shards []shard, classes []string) error {
	if s.Statuses[result.UnknownClass] != s.Rows {
		return nil
	}
	return fmt.Errorf("the class of none of the %d images is known, the first is %s; have %s", s.Images, shards[0].images[0], strings.Join(classes, ", "))
}

// openedExplain is an [Explain] whose folder is locked and ready for results.
type openedExplain struct {
	*explainTools
	dir *resultdir.Dir
	job explainJob
}

// open locks the folder, lists the images, opens the model and writes the settings.
func (o ExplainOptions) open(ctx context.Context) (_ *openedExplain, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o.Settings.MaxPixels = cmp.Or(o.Machine.Limits.MaxPixels, dataset.DefaultLimits.MaxPixels)
	o.Settings.MaxBytes = cmp.Or(o.Machine.Limits.MaxBytes, dataset.DefaultLimits.MaxBytes)
	e := &openedExplain{}
	if e.dir, err = resultdir.Open(o.Out, explainKind); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.close(ctx, &err)
		}
	}()
	images, err := o.images(ctx)
	if err != nil {
		return nil, err
	}
	if e.explainTools, err = newExplainTools(o.Model, o.Out, o.Settings, o.Machine, o.Listener); err != nil {
		return nil, err
	}
	if err := initResultDir(o.Out, e.settings, o.Listener); err != nil {
		return nil, err
	}
	if err := refuseToDropImages(o.Out, images); err != nil {
		return nil, err
	}
	if err := checkLists(o.Out, o.Listener); err != nil {
		return nil, err
	}
	e.job = explainJob{o.Out, shardsOf(images, o.Settings.Batch), o.Machine, o.Listener, o.Progress}
	return e, nil
}

func (e *openedExplain) close(ctx context.Context, err *error) {
	if e.explainTools != nil {
		e.explainTools.close()
	}
	run.Release(ctx, e.dir, err)
}

// explainJob processes the shards of a folder of explanations in two loops.
type explainJob struct {
	dir      string
	shards   []shard
	machine  Machine
	listener Listener
	progress func(Progress)
}

// explain makes the missing maps. If p is not nil and the scale of drawings is known, it also draws
// them while the images are in memory. It returns the number of images that already had maps.
func (j explainJob) explain(ctx context.Context, m *mapper, p *painter) (earlier int, err error) {
	done := func(s shard) bool {
		rows := mappedRows(j.dir, s.part)
		return rows != nil && (p == nil || p.drawn(rows))
	}
	var mapped atomic.Int64 // images of shards with maps but without drawings
	earlier, err = j.run(ctx, "explaining", done, func(ctx context.Context, s shard, share func(float64)) (err error) {
		var photos map[string]*image.RGBA
		rows := mappedRows(j.dir, s.part)
		if rows == nil {
			rows, photos, err = m.shard(ctx, s, share)
		} else {
			mapped.Add(int64(len(s.images)))
		}
		if err == nil && p != nil {
			err = p.shard(ctx, rows, photos)
		}
		if err != nil {
			return err
		}
		return listPart(j.dir, s.part, rows)
	})
	return earlier + int(mapped.Load()), err
}

// draw makes the missing drawings.
func (j explainJob) draw(ctx context.Context, p *painter) (earlier int, err error) {
	done := func(s shard) bool {
		rows, err := readPart(j.dir, s.part)
		return err == nil && p.drawn(rows)
	}
	return j.run(ctx, "drawing", done, func(ctx context.Context, s shard, _ func(float64)) error {
		rows, err := readPart(j.dir, s.part)
		if err != nil {
			return err
		}
		if err := p.shard(ctx, rows, nil); err != nil {
			return err
		}
		return listPart(j.dir, s.part, rows)
	})
}

// run processes the unfinished shards, a few concurrently. It returns the number of images in
// finished shards.
func (j explainJob) run(ctx context.Context, stage string, done func(shard) bool,
	do func(context.Context, shard, func(share float64)) error) (earlier int, err error) {
	j.listener.Stage(stage)
	images := 0
	for _, s := range j.shards {
		images += len(s.images)
	}
	t := run.NewTracker(j.progress, j.listener.Count, images)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(concurrentShards(j.machine))
	for _, s := range j.shards {
		if done(s) {
			earlier += len(s.images)
			t.Skip(len(s.images))
			continue
		}
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error {
			share, end := t.Shard(len(s.images))
			if err := do(groupCtx, s, share); err != nil {
				return err
			}
			end()
			return nil
		})
	}
	return earlier, interrupted(ctx, group.Wait())
}

// interrupted returns the error of a job, or [ErrInterrupted] if it was stopped.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w; the same command resumes where it stopped", ErrInterrupted)
	}
	return err
}

// images lists the images. It leaves out results in the same folder.
func (o ExplainOptions) images(ctx context.Context) ([]string, error) {
	var missing []string
	for _, path := range o.List {
		if paths.Exists(path) {
			o.Paths = append(o.Paths, path)
		} else {
			missing = append(missing, filepath.Clean(path))
		}
	}
	if len(o.Paths) == 0 && len(missing) > 0 {
		return nil, fmt.Errorf("none of the %d listed paths exists, the first is %q", len(missing), missing[0])
	}
	images, err := dataset.ListImages(ctx, o.Paths)
	if len(missing) > 0 {
		images = append(images, missing...)
		slices.Sort(images)
		images = slices.Compact(images)
	}
	if err != nil || !paths.Exists(filepath.Join(o.Out, settingsFile)) {
		return images, err
	}
	images = slices.DeleteFunc(images, func(path string) bool { return paths.Within(paths.Absolute(o.Out), paths.Absolute(path)) })
	if len(images) == 0 {
		return nil, fmt.Errorf("all images lie in %s, the folder for the results; name a new folder", o.Out)
	}
	return images, nil
}

// concurrentShards returns the number of concurrent shards. While one runs the model, the others
// decode and write.
func concurrentShards(m Machine) int {
	if m.Workers > 0 {
		return m.Workers + 1
	}
	return m.Threads.Resolve().Intra + 1
}

// finish writes the montage, and manifest.jsonl from the parts in order.
func (j explainJob) finish(ctx context.Context, p *painter, summary *Summary) error {
	shown, spelling := newMontage(), spelling{}
	summary.Statuses = map[string]int{}
	summary.Manifest = filepath.Join(j.dir, result.ManifestFile)
	err := checksum.Stream(j.dir, result.ManifestFile, func(w io.Writer) error {
		for _, s := range j.shards {
			summary.Images += len(s.images)
			rows, err := readPart(j.dir, s.part)
			if err == nil {
				err = j.listUnlisted(s, rows)
			}
			if err != nil {
				return err
			}
			for i, r := range rows {
				rows[i] = p.row(r)
				summary.add(rows[i], j.dir)
				shown.consider(rows[i])
				spelling.consider(rows[i])
			}
			text, err := encodeRows(rows)
			if err != nil {
				return err
			}
			if _, err := w.Write(text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := dropStale(j.dir, j.shards); err != nil {
		return err
	}
	if summary.Images != 1 {
		summary.Only = nil
	}
	j.listener.Note(spelling.notes()...)
	if summary.Montage, err = shown.write(ctx, p); err != nil {
		return err
	}
	summary.Shown, summary.Classes = shown.shown, len(shown.rows)
	return checksum.Update(j.dir, append(listsOf(j.shards), settingsFile, montageFile, scalesFile)...)
}

// listUnlisted adds missing files to the list of a part. They are missing if an older version or a
// killed process wrote the files.
func (j explainJob) listUnlisted(s shard, rows []Row) error {
	list, err := checksum.ReadList(j.dir, s.part)
	if err != nil {
		return err
	}
	for _, file := range filesOf(s.part, rows) {
		if list[file] == "" {
			return listPart(j.dir, s.part, rows)
		}
	}
	return nil
}

// add adds a row to the counts.
func (s *Summary) add(r Row, dir string) {
	if s.Rows++; s.Rows == 1 {
		s.Only = &r
	}
	s.Statuses[r.Status]++
	if r.Sheet != "" {
		s.Sheets = filepath.Join(dir, sheetsDir)
	}
	if s.Reason == "" && r.Reason != "" {
		s.Reason = fmt.Sprintf("%s: %s", r.Image, r.Reason)
	}
	if r.Caution != "" {
		if s.Doubtful++; s.Doubtful == 1 {
			s.Caution = fmt.Sprintf("%s of %s: %s", r.Method, r.Image, r.Caution)
		}
	}
}

// String returns the numbers by status, the most frequent first: "40 ok, 2 empty".
func (s Summary) String() string {
	return text.Counts(s.Statuses)
}
