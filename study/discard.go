package study

import (
	"fmt"
	"path/filepath"
	"syscall"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
	runfolder "oscar/run"
)

// discard removes the model and the drawings of a run with complete measures, if the study has
// DiscardModels.
func (j *job) discard(r *run) error {
	dir := j.path(r.dir())
	if !j.plan.DiscardModels || runfolder.Discarded(dir) != nil {
		return nil
	}
	if err := pipeline.DiscardDrawings(j.path(explanationsDir, r.name())); err != nil {
		return err
	}
	syscall.Sync() // write the measures to the disk before the model is removed
	return runfolder.DiscardModel(dir)
}

// discardEarlier discards the models of runs that an earlier call completed.
func (j *job) discardEarlier(all []*run) error {
	for _, r := range all {
		if !j.finished(r) || j.complete(r) != nil {
			continue // trained or completed later in this call
		}
		if err := j.discard(r); err != nil {
			return err
		}
	}
	return nil
}

// complete returns a [checksum.Damage] for the first result of a finished run that is
// missing or damaged.
func (j *job) complete(r *run) error {
	look := looksDir + "/" + r.name() + ".json"
	for _, part := range []struct{ dir, file string }{
		{j.path(r.dir()), evaluationFile}, {j.path(scoresDir, r.name()), result.ScoreFile},
		{j.path(explanationsDir, r.name()), result.ManifestFile}, {j.Out, look},
	} {
		check := checksum.CheckAll
		if part.dir == j.Out {
			check = func(dir string) error { return checksum.Check(dir, look) }
		}
		if err := check(part.dir); err != nil {
			return err
		}
		if !paths.Exists(filepath.Join(part.dir, filepath.FromSlash(part.file))) {
			return &checksum.Damage{Dir: part.dir, Name: part.file, Gone: true}
		}
	}
	return nil
}

// checkDiscarded returns an error if a run without its model lacks a result.
func (j *job) checkDiscarded(r *run) error {
	err := j.complete(r)
	if checksum.Is(err) {
		return fmt.Errorf("%w; the model of the run was discarded: put the file back, or remove %s to train it again", err, j.path(r.dir()))
	}
	return err
}
