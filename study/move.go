package study

import (
	"context"
	"fmt"
	"os"
	"slices"

	"oscar/dataset"
	"oscar/internal/paths"
	runfolder "oscar/run"
)

// findImages checks by content that root has the images of the splits, and makes root the plan's
// folder. moved reports whether it was another folder before.
func (j *job) findImages(ctx context.Context, root string) (moved bool, err error) {
	moved = root != j.plan.Root
	images := j.plan.images()
	if moved {
		images = root
	}
	if moved && j.plan.Images != "" { // a table names the folder
		folder, err := j.scan(ctx)
		if err != nil {
			return false, err
		}
		images = paths.Absolute(folder.Root)
	}
	base, err := j.plan.Study.base()
	if err != nil {
		return false, err
	}
	j.Listener.Stage("reading images")
	items := j.images()
	other, err := dataset.Changed(ctx, images, items, dataset.ScanOptions{
		Limits: base.Data.Limits(), Hashes: runfolder.Hashes(), Workers: j.Machine.Workers, Progress: j.Listener.Count,
	})
	if err != nil {
		return false, err
	}
	if len(other) > 0 {
		return false, fmt.Errorf("%s holds a study of other images: %d of its %d are missing or changed in %s, the first is %s; name the folder that has them, or a new folder for the results",
			j.Out, len(other), len(items), j.Data, other[0].Path)
	}
	j.plan.Root = root
	if j.plan.Images != "" {
		j.plan.Images = images
	}
	return moved, nil
}

// images returns the images of all splits.
func (j *job) images() []dataset.Item {
	var items []dataset.Item
	seen := map[string]bool{}
	for _, seed := range j.plan.Study.Seeds {
		split := j.splits[seed]
		for _, item := range slices.Concat(split.Train, split.Validation, split.Test) {
			if !seen[item.Path] {
				seen[item.Path] = true
				items = append(items, item)
			}
		}
	}
	return items
}

// moveRuns sets the folder of images in the runs that still need it. Complete runs keep the folder
// that their results name.
func (j *job) moveRuns(ctx context.Context) error {
	for _, r := range j.toRun() {
		dir := j.path(r.dir())
		if !runfolder.Is(dir) || j.finished(r) && j.complete(r) == nil {
			continue
		}
		opened, err := runfolder.Open(dir)
		if err != nil {
			continue // training reports the error
		}
		if err := opened.Acquire(); err != nil {
			return err
		}
		err = opened.Move(ctx, j.plan.images(), j.Machine.Workers, runfolder.Listener{})
		opened.Release(ctx, &err)
		if err != nil {
			return err
		}
		if err := os.RemoveAll(j.path(explanationsDir, r.name())); err != nil { // the explanations name the old folder
			return err
		}
	}
	return nil
}
