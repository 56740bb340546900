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

// InStore calls do, which does a job of a store in this process. It works on a copy, whose
// results are then sent. An interrupted job also sends what it saved, so that the same job
// continues.
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
	folder := o.Verb != "predict" // which writes a file
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
	if err == nil { // last those that make them complete
		err = c.Push(ctx, o.Out, result.ManifestFile, result.ScoreFile, result.CommandFile, checksum.File)
	}
	return errors.Join(failed, err)
}
