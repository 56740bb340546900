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
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/run"
)

// What may be explained of an image, beside a class's name.
const (
	TargetPredicted = "predicted" // the class the model predicts
	TargetTrue      = "true"      // the class the image's folder is named after
	TargetAll       = "all"       // every class, a row each
)

// ExplainOptions are the options of [Explain].
type ExplainOptions struct {
	Model    string   // a run or a SavedModel
	Paths    []string // image files and folders; one that does not exist is an error
	List     []string // more of them, by name; one that does not exist is an unreadable image
	Out      string   // folder for the results
	Settings Settings
	Machine  Machine
	Listener Listener       // its Count counts images
	Progress func(Progress) // may be nil; called one at a time, within a shard too
}

// Check reports the first options that cannot be, before anything is read.
func (o ExplainOptions) Check() error {
	return errors.Join(CheckSettings(o.Settings), checkLayer(o.Settings), o.Machine.Check())
}

// Summary counts what an explaining run did.
type Summary struct {
	Images   int            // found
	Rows     int            // of the manifest
	Earlier  int            // images that an earlier run had done
	Statuses map[string]int // rows by status
	Manifest string
	Montage  string // empty if no image could be explained
	Sheets   string // the folder; empty if a single look needs none
	Reason   string // why the first unreadable image is so; empty if none is
	Doubtful int    // rows with a caution
	Caution  string // the first of them
}

// Explain explains every image below the paths and writes, below Out,
// overlays, raw maps and manifest.jsonl with a row for each image and target.
// It works shard by shard: one that was interrupted and is started again does
// finished shards no second time. Memory does not grow with the number of images.
func Explain(ctx context.Context, o ExplainOptions) (*Summary, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o.Settings.MaxPixels = cmp.Or(o.Machine.Limits.MaxPixels, dataset.DefaultLimits.MaxPixels)
	o.Settings.MaxBytes = cmp.Or(o.Machine.Limits.MaxBytes, dataset.DefaultLimits.MaxBytes)
	images, err := o.images(ctx)
	if err != nil {
		return nil, err
	}
	bundle, err := Open(o.Model, o.Machine.Threads)
	if err != nil {
		return nil, err
	}
	defer bundle.Close()
	if o.Settings.Layer == "" {
		o.Settings.Layer = bundle.Metadata.Explain
	}
	if o.Settings.Model, err = fingerprint(o.Model); err != nil {
		return nil, err
	}
	if names := lacking(bundle); o.Settings.Method == AllMethods && len(names) > 0 {
		o.Listener.Note(fmt.Sprintf("left out: %s, which need rules for the model's layers", strings.Join(names, ", ")))
	}
	job, err := NewExplainer(bundle, o.Settings, o.Machine.Limits)
	if err != nil {
		return nil, err
	}
	defer job.Close()
	job.origins = newOrigins(o.Model, bundle.Metadata.Classes)
	if o.Settings.Class == TargetTrue {
		for _, path := range images {
			if _, err := job.truth(path); err != nil {
				return nil, err
			}
		}
	}
	held, err := prepare(o.Out, o.Settings)
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if err := sparing(o.Out, images); err != nil {
		return nil, err
	}
	if o.Progress != nil {
		if err := job.weigh(ctx); err != nil {
			return nil, interrupted(ctx, err)
		}
	}
	shards := Shards(images, o.Settings.Batch)
	summary := &Summary{Images: len(images)}
	done := func(s Shard) bool { return finished(o.Out, s.name()) != nil }
	summary.Earlier, err = o.each(ctx, "explaining", shards, done, func(ctx context.Context, s Shard, share func(float64)) error {
		return job.Shard(ctx, s, o.Out, share)
	})
	if err != nil {
		return nil, err
	}
	part := Shard.name
	if o.Settings.Scale == ScaleShared {
		part = Shard.drawn
		common, err := job.shared(o.Out, shards)
		if err != nil {
			return nil, err
		}
		done := func(s Shard) bool { return job.drawn(s, o.Out, common) }
		_, err = o.each(ctx, "drawing", shards, done, func(ctx context.Context, s Shard, _ func(float64)) error {
			return job.paint(ctx, s, o.Out, common)
		})
		if err != nil {
			return nil, err
		}
	}
	return summary, job.merge(o.Out, shards, part, summary)
}

// each does the shards that are not done, a few beside each other, and counts
// the images that were done before.
func (o ExplainOptions) each(ctx context.Context, stage string, shards []Shard, done func(Shard) bool,
	do func(context.Context, Shard, func(share float64)) error) (earlier int, err error) {
	o.Listener.Stage(stage)
	images := 0
	for _, s := range shards {
		images += len(s.Images)
	}
	so := &progress{listen: o.Progress, count: o.Listener.Count, begin: time.Now(), total: images, work: float64(images)}
	group, work := errgroup.WithContext(ctx)
	group.SetLimit(concurrentShards(o.Machine))
	for _, s := range shards {
		if done(s) {
			earlier += len(s.Images)
			so.earlier(len(s.Images))
			continue
		}
		if work.Err() != nil {
			break
		}
		group.Go(func() error {
			share, end := so.shard(len(s.Images))
			if err := do(work, s, share); err != nil {
				return err
			}
			end()
			return nil
		})
	}
	return earlier, interrupted(ctx, group.Wait())
}

// interrupted is the error of a job, or that it was stopped.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w; the same command goes on where it stopped", ErrInterrupted)
	}
	return err
}

// images lists the images, without the results themselves where they lie among
// the images.
func (o ExplainOptions) images(ctx context.Context) ([]string, error) {
	var gone []string
	for _, path := range o.List {
		if paths.Exists(path) {
			o.Paths = append(o.Paths, path)
		} else {
			gone = append(gone, filepath.Clean(path))
		}
	}
	if len(o.Paths) == 0 && len(gone) > 0 {
		return nil, fmt.Errorf("none of the %d listed paths exists, the first is %q", len(gone), gone[0])
	}
	images, err := dataset.ListImages(ctx, o.Paths)
	if len(gone) > 0 {
		images = append(images, gone...)
		slices.Sort(images)
		images = slices.Compact(images)
	}
	if err != nil || !paths.Exists(filepath.Join(o.Out, settingsFile)) {
		return images, err
	}
	images = slices.DeleteFunc(images, func(path string) bool { return paths.Within(paths.Absolute(o.Out), paths.Absolute(path)) })
	if len(images) == 0 {
		return nil, fmt.Errorf("all images lie in %s, which is for the results; name a new folder", o.Out)
	}
	return images, nil
}

// concurrentShards is how many are under way at once: while one is in the session,
// others decode and write.
func concurrentShards(m Machine) int {
	if m.Workers > 0 {
		return m.Workers + 1
	}
	return m.Threads.Resolve().Intra + 1
}

// Within a folder of explanations.
const (
	settingsFile = result.SettingsFile
	partsDir     = "parts"
	mapsDir      = "maps"
	overlaysDir  = "overlays"
	sheetsDir    = "sheets"
)

// prepare makes the folder of results, or checks that it holds results of the
// same settings and clears what a kill left. It takes the folder for this
// process until the file is closed.
func prepare(out string, s Settings) (*os.File, error) {
	if err := matches(out, s); err != nil { // before anything is made
		return nil, err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, fmt.Errorf("cannot make the folder %s: %w", out, paths.TrimError(err))
	}
	held, err := atomicfile.Lock(out)
	if err != nil {
		return nil, err
	}
	if err := furnish(out, s); err != nil {
		held.Close()
		return nil, err
	}
	return held, nil
}

// furnish makes what a folder of results has before the first result.
func furnish(out string, s Settings) error {
	if err := matches(out, s); err != nil { // another process may have come before
		return err
	}
	// The settings come first: they are what tells the folder again.
	if path := filepath.Join(out, settingsFile); !paths.Exists(path) {
		if err := atomicfile.WriteJSON(path, s); err != nil {
			return err
		}
	}
	for _, dir := range []string{partsDir, mapsDir, overlaysDir} {
		if err := os.MkdirAll(filepath.Join(out, dir), 0o777); err != nil {
			return err
		}
	}
	return filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = atomicfile.Clean(path)
		}
		return err
	})
}

// matches reports a folder that cannot take results of these settings: it has
// those of others, or something else.
func matches(out string, s Settings) error {
	var before Settings
	err := atomicfile.ReadJSON(filepath.Join(out, settingsFile), &before)
	switch {
	case err == nil && before != s:
		return fmt.Errorf("%s holds explanations made with %s; name a new folder", out, difference(before, s))
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		if _, err := os.Stat(out); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err = run.Reusable(out); err != nil && paths.Exists(filepath.Join(out, settingsFile)) {
			return matches(out, s) // they have just come
		}
	}
	return err
}

// merge writes manifest.jsonl from the parts, in order, and the montage.
func (x *Explainer) merge(out string, shards []Shard, part func(Shard) string, summary *Summary) error {
	rows := newMontage(x.bundle.Metadata.Classes, x.limits)
	summary.Statuses = map[string]int{}
	summary.Manifest = filepath.Join(out, result.ManifestFile)
	err := atomicfile.Stream(summary.Manifest, func(w *os.File) error {
		for _, s := range shards {
			parsed, text, err := readPart(out, part(s))
			if err != nil {
				return err
			}
			for _, r := range parsed {
				summary.Rows++
				summary.Statuses[r.Status]++
				if r.Sheet != "" {
					summary.Sheets = filepath.Join(out, sheetsDir)
				}
				if r.Status == Unreadable && summary.Reason == "" {
					summary.Reason = fmt.Sprintf("%s: %s", r.Image, r.Reason)
				}
				if r.Caution != "" {
					if summary.Doubtful++; summary.Doubtful == 1 {
						summary.Caution = fmt.Sprintf("%s of %s: %s", r.Method, r.Image, r.Caution)
					}
				}
				rows.consider(r)
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
	if err := dropStale(out, shards, part); err != nil {
		return err
	}
	summary.Montage, err = rows.write(out, func(r Row) (heatmap.Options, error) { return x.options(out, r, x.look(r)) })
	return err
}

// String lists the statuses, the most frequent first: "40 ok, 2 empty".
func (s Summary) String() string {
	keys := make([]string, 0, len(s.Statuses))
	for k := range s.Statuses {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(s.Statuses[b]-s.Statuses[a], strings.Compare(a, b)) })
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%d %s", s.Statuses[k], k)
	}
	return strings.Join(keys, ", ")
}
