package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
)

// Run is a run folder.
type Run struct {
	Dir         string
	Experiment  Experiment
	Environment Environment
	Split       *dataset.Split

	lock *os.File
}

// Names within a run folder.
const (
	experimentFile  = "experiment.json"
	splitFile       = "split.json"
	environmentFile = "environment.json"
	metricsFile     = "metrics.jsonl"
	eventsDir       = "events"
	checkpointsDir  = "checkpoints"
	modelDir        = "saved_model"
	curvesFile      = "curves.png"
	evaluationFile  = "evaluation.json"
	adoptedDir      = "data" // images of the run's own, see TrainOptions.adopt
)

func (r *Run) path(elem ...string) string {
	return filepath.Join(append([]string{r.Dir}, elem...)...)
}

// Images returns the folder with the run's images.
func (r *Run) Images() string {
	if root := r.Experiment.Data.Root; filepath.IsAbs(root) {
		return root
	}
	return r.path(filepath.FromSlash(r.Experiment.Data.Root))
}

// Model returns the folder of the run's SavedModel.
func (r *Run) Model() string { return r.path(modelDir) }

// CreateRun makes a new run folder, whole or not at all, that Resume trains; it is
// this process's until it is closed. The split may be any, such as another run's.
func CreateRun(dir string, e Experiment, env Environment, s *dataset.Split) (*Run, error) {
	return createRun(dir, "", e, env, s)
}

// createRun makes a new run folder, whole or not at all. The folder adopt, if
// not empty, is moved into it.
func createRun(dir, adopt string, e Experiment, env Environment, s *dataset.Split) (*Run, error) {
	if err := vacant(dir); err != nil {
		return nil, err
	}
	network, err := e.network()
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: dir, Experiment: e, Environment: env, Split: s}
	err = atomicfile.Dir(dir, func(tmp string) error {
		if adopt != "" {
			if err := os.Rename(adopt, filepath.Join(tmp, adoptedDir)); err != nil {
				return err
			}
		}
		return errors.Join(
			atomicfile.WriteJSON(filepath.Join(tmp, experimentFile), e),
			atomicfile.WriteJSON(filepath.Join(tmp, environmentFile), env),
			atomicfile.WriteJSON(filepath.Join(tmp, result.NetworkFile), network),
			s.Write(filepath.Join(tmp, splitFile)),
			os.Mkdir(filepath.Join(tmp, checkpointsDir), 0o777),
			os.WriteFile(filepath.Join(tmp, metricsFile), nil, 0o666),
		)
	})
	if err != nil {
		return nil, fmt.Errorf("create the run folder: %w", err)
	}
	return r, r.acquire()
}

// newRunFolder reports whether a run folder can be made there, before work is
// done for it.
func newRunFolder(dir string) error {
	if err := vacant(dir); err != nil {
		return err
	}
	if here, err := os.Getwd(); err == nil && paths.Within(paths.Absolute(dir), here) {
		return fmt.Errorf("%s is the folder you are in, which cannot be replaced; name a new folder", dir)
	}
	parent := filepath.Dir(paths.Absolute(dir))
	for !paths.Exists(parent) && parent != filepath.Dir(parent) {
		parent = filepath.Dir(parent)
	}
	probe, err := os.MkdirTemp(parent, atomicfile.Prefix)
	if err != nil {
		return fmt.Errorf("cannot write in %s: %w", parent, paths.TrimError(err))
	}
	return os.Remove(probe)
}

// vacant reports whether a folder is free for results: not there, or empty but
// for what a killed process left.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), atomicfile.Prefix) })
	switch {
	case errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("%s cannot be a folder for results: %w; name a new folder", dir, paths.TrimError(err))
	}
	if isRun(dir) {
		return fmt.Errorf("%s holds another run; go on with it by --resume %s, or name a new folder", dir, dir)
	}
	return fmt.Errorf("%s is not empty; name a new folder", dir)
}

// unclaimed reports whether a folder is free for results that settings tell
// again: vacant, or locked by a process that was killed before it wrote them.
func unclaimed(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return e.Name() != atomicfile.LockFile && !strings.HasPrefix(e.Name(), atomicfile.Prefix)
	}) {
		return nil
	}
	return vacant(dir)
}

func isRun(dir string) bool { return paths.Exists(filepath.Join(dir, experimentFile)) }

// OpenRun reads a run folder.
func OpenRun(dir string) (*Run, error) {
	if !isRun(dir) {
		return nil, fmt.Errorf("%s is not a run folder: it has no %s", dir, experimentFile)
	}
	r := &Run{Dir: dir}
	b, err := os.ReadFile(r.path(experimentFile))
	if err != nil {
		return nil, err
	}
	if err := r.Experiment.readJSON(b); err != nil {
		return nil, fmt.Errorf("%s: %w", r.path(experimentFile), err)
	}
	if r.Split, err = dataset.ReadSplit(r.path(splitFile)); err != nil {
		return nil, err
	}
	if err := r.Experiment.resolve(len(r.Split.Classes)); err != nil {
		return nil, fmt.Errorf("%s: %w", r.path(experimentFile), err)
	}
	return r, atomicfile.ReadJSON(r.path(environmentFile), &r.Environment)
}

// acquire takes the run for this process, and clears what a kill left.
func (r *Run) acquire() (err error) {
	if r.lock, err = atomicfile.Lock(r.Dir); err != nil {
		return err
	}
	return errors.Join(atomicfile.Clean(r.Dir), atomicfile.Clean(r.path(checkpointsDir)))
}

// Close gives the run free.
func (r *Run) Close() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Close()
}

// Evaluation reads the evaluation of the test part; nil if there is none.
func (r *Run) Evaluation() (*Evaluation, error) {
	e := &Evaluation{}
	err := atomicfile.ReadJSON(r.path(evaluationFile), e)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return e, err
}
