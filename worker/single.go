package worker

import (
	"context"
	"errors"
	"path/filepath"

	"oscar/internal/checksum"
	"oscar/pipeline"
	"oscar/result"
	"oscar/store"
)

// InStore calls do, which runs a job of a store in this process, on a copy. InStore then sends the
// results. It also sends what an interrupted job saved, so that the same call can continue it.
func InStore(ctx context.Context, o PlanOptions, do func() error) (err error) {
	v, err := lookup(o.Verb)
	if err != nil {
		return err
	}
	c, err := store.Open(ctx, o.Store, o.Scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := pullInput(ctx, c, v, o.input()); err != nil {
		return err
	}
	if v.byImage {
		if err := c.Pull(ctx, o.Images...); err != nil {
			return err
		}
	}
	folder := o.Verb != "predict" // predict writes a file
	if folder {
		err = c.PullFolder(ctx, o.Out, true)
	} else if o.Out != "" {
		err = c.Get(ctx, o.Out)
	}
	if err == nil {
		err = enterCopy(c)
	}
	if err != nil {
		return err
	}
	failed := do()
	if o.Out == "" || failed != nil && !errors.Is(failed, pipeline.ErrInterrupted) {
		return failed
	}
	ctx = context.WithoutCancel(ctx)
	if folder { // first the file that identifies the results
		err = c.Push(ctx, filepath.Join(o.Out, v.mark))
	}
	if err == nil { // last the files that mark complete results
		err = c.Push(ctx, o.Out, result.ManifestFile, result.ScoreFile, result.CommandFile, checksum.File)
	}
	return errors.Join(failed, err)
}
