package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/pipeline"
	"oscar/result"
	"oscar/store"
)

// hereFolder is the absolute path of the working folder for processes that work on a store's copy.
// It is the same in all processes, wherever their copies are, so that absolute paths in results are
// the same, too.
const hereFolder = "/proc/self/cwd"

// enter changes the working folder.
func enter(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	return os.Setenv("PWD", dir) // os.Getwd reads it
}

// enterCopy changes to the folder of a copy.
func enterCopy(c *store.Copy) error {
	if err := os.Chdir(c.Dir); err != nil {
		return err
	}
	return os.Setenv("PWD", hereFolder)
}

// PlanOptions are the options of [Plan] and [InStore].
type PlanOptions struct {
	Store   string // URL; "": the job is not in a store
	Scratch string // folder for copies; "": the one for temporary files
	Verb    string
	Out     string   // folder for the results
	Model   string   // "": the verb has none
	Images  []string // files and folders
	Masks   string   // score: "" if the verb finds them
}

// input returns the files that a job reads, as a unit.
func (o PlanOptions) input() result.Unit {
	u := result.Unit{Model: o.Model, Masks: o.Masks}
	if len(o.Images) == 1 {
		u.Data = o.Images[0]
	}
	return u
}

// Plan calls do, which plans a job with paths relative to from, and then done. If the job is in a
// store, do works on a copy, and Plan sends the results before it calls done.
func Plan(ctx context.Context, o PlanOptions, do func(from string) error, done func() error) (err error) {
	if o.Store == "" {
		from, err := os.Getwd()
		if err == nil {
			err = do(from)
		}
		if err == nil {
			err = done()
		}
		return err
	}
	v, err := lookup(o.Verb)
	if err != nil {
		return err
	}
	c, err := store.Open(ctx, o.Store, o.Scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, dir := range []string{o.Out, filepath.Join(o.Out, "parts"), filepath.Join(o.Out, "sums")} {
		if err := c.PullFolder(ctx, dir, false); err != nil {
			return err
		}
	}
	if v.byImage {
		err = c.Outline(ctx, o.Images...)
	}
	if err == nil {
		err = pullInput(ctx, c, v, o.input())
	}
	if err == nil {
		err = enterCopy(c)
	}
	if err == nil && v.folder {
		if err = c.PullFolder(ctx, filepath.Join(o.Out, planned), true); err == nil {
			err = moveFolders(filepath.Join(o.Out, planned), o.Out)
		}
	}
	if err == nil {
		err = do(o.Store)
	}
	if err == nil && v.folder {
		err = movePlanned(o.Out)
	}
	if err == nil {
		err = c.Push(ctx, o.Out, v.mark, result.UnitsFile, result.CommandFile, checksum.File)
	}
	if err != nil {
		return err
	}
	return done()
}

// planned is the folder, in a store's results, of the unit folders that plan prepares. The results
// have unit folders, too: workers send these, and they may be incomplete until they have a commit.
const planned = "planned"

// movePlanned moves the prepared unit folders of a plan.
func movePlanned(dir string) error {
	for u, err := range result.Units(dir) {
		if err == nil {
			err = moveFolder(filepath.Join(dir, u.Part), filepath.Join(dir, planned, u.Part))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveFolders moves the sub-folders of a folder, which may not exist.
func moveFolders(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := moveFolder(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(from)
}

// moveFolder replaces a folder by another.
func moveFolder(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// pullInput copies the model of a job. If each unit needs all images, it copies them, too.
func pullInput(ctx context.Context, c *store.Copy, v verb, u result.Unit) error {
	if u.Model != "" {
		if err := c.Pull(ctx, u.Model); err != nil {
			return err
		}
	}
	if v.byImage {
		return nil
	}
	if u.Data == "" {
		return fmt.Errorf("the images are missing: with a store name their folder in it")
	}
	if err := c.Pull(ctx, u.Data); err != nil {
		return err
	}
	if u.Masks != "" {
		return c.Pull(ctx, u.Masks)
	}
	if filepath.Base(u.Data) == "images" { // images of a synthetic set
		return c.PullFolder(ctx, filepath.Join(filepath.Dir(u.Data), "masks"), true)
	}
	return nil
}

// doStored processes a unit of a job in a store.
func (s *session) doStored(ctx context.Context, v verb, u result.Unit) (result.Outcome, error) {
	if s.copy == nil || s.copy.URL != u.From || !s.has(v, u) {
		if err := s.openStored(ctx, v, u); err != nil {
			s.close()
			return result.Outcome{}, err
		}
	}
	c := s.copy
	c.Begin()
	done, err := c.Committed(ctx, u.Out, u.Part)
	if err == nil && !done && v.folder {
		if err = c.PullFolder(ctx, filepath.Join(u.Out, planned, u.Part), true); err == nil {
			err = moveFolder(filepath.Join(u.Out, planned, u.Part), filepath.Join(u.Out, u.Part))
		}
	}
	if err == nil && done && v.byImage {
		err = outlineEach(ctx, c, u.Images)
	} else if err == nil && v.byImage {
		err = c.Get(ctx, u.Images...)
	}
	for _, dir := range []string{filepath.Join(u.Out, "parts"), u.Root} { // the root may have no images left
		if err == nil && dir != "" {
			err = os.MkdirAll(dir, 0o777)
		}
	}
	var outcome result.Outcome
	if err == nil {
		outcome, err = s.worker.Do(ctx, u)
	}
	if err == nil {
		err = c.Commit(ctx, u.Out, u.Part)
	}
	return outcome, errors.Join(err, c.Rollback(u.Out), c.Drop(u.Images...))
}

// outlineEach outlines images. It ignores missing ones, which the worker reports.
func outlineEach(ctx context.Context, c *store.Copy, images []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, image := range images {
		group.Go(func() error {
			if err := c.Outline(ctx, image); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

// openStored copies the files that a job's units need, and opens the model.
func (s *session) openStored(ctx context.Context, v verb, u result.Unit) (err error) {
	s.close()
	if s.copy, err = store.Open(ctx, u.From, s.options.Scratch); err != nil {
		return err
	}
	if err := s.copy.PullFolder(ctx, u.Out, false); err != nil {
		return err
	}
	if err := pullInput(ctx, s.copy, v, u); err != nil {
		return err
	}
	if err := enterCopy(s.copy); err != nil {
		return err
	}
	return s.open(ctx, v, u)
}

// MergeStored is [Merge] for a job in a store. It calls done with the results, in the copy's folder,
// before it sends them.
func MergeStored(ctx context.Context, url, scratch string, o pipeline.MergeOptions, done func(Merged, error) error) (err error) {
	c, err := store.Open(ctx, url, scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, dir := range []string{o.Dir, filepath.Join(o.Dir, "parts")} {
		if err := c.PullFolder(ctx, dir, false); err != nil {
			return err
		}
	}
	if err := enterCopy(c); err != nil {
		return err
	}
	u, v, err := firstUnit(o.Dir)
	if err != nil {
		return err
	}
	var parts []string
	current := map[string]bool{}
	for u, err := range result.Units(o.Dir) {
		if err != nil {
			return err
		}
		done, err := c.Committed(ctx, o.Dir, u.Part)
		if err != nil {
			return err
		}
		if !done {
			if err := c.Drop(filepath.Join(o.Dir, "parts", u.Part)); err != nil {
				return err
			}
		}
		parts, current[u.Part] = append(parts, "parts/"+u.Part), true
	}
	if !v.byImage {
		if err := pullInput(ctx, c, v, u); err != nil {
			return err
		}
		if err := checksum.UpdateUnlisted(o.Dir, parts...); err != nil {
			return err
		}
	} else if err := os.MkdirAll(u.Root, 0o777); err != nil && u.Root != "" {
		return err
	}
	o.Fetch = func(ctx context.Context, image string) error { return c.Get(ctx, image) }
	merged, err := v.merge(ctx, o)
	if err := done(merged, err); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(o.Dir, atomicfile.LockFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.Push(ctx, o.Dir, result.CommandFile, checksum.File); err != nil {
		return err
	}
	return c.Retire(ctx, o.Dir, current)
}
