package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
)

// Run is a run folder.
type Run struct {
	Dir         string
	Experiment  experiment.Experiment
	Environment result.Environment
	Split       *dataset.Split

	lock *os.File
}

// Names within a run folder. A folder with an [ExperimentFile] is a run.
const (
	ExperimentFile  = "experiment.json"
	SplitFile       = "split.json"
	EnvironmentFile = "environment.json"
	MetricsFile     = "metrics.jsonl"
	eventsDir       = "events"
	checkpointsDir  = "checkpoints"
	ModelDir        = "saved_model"
	EvaluationFile  = "evaluation.json"
	DataDir         = "data" // the run's own images, if it has some
)

// Path returns the path of a file in the run folder.
func (r *Run) Path(elem ...string) string {
	return filepath.Join(append([]string{r.Dir}, elem...)...)
}

// Images returns the folder with the run's images.
func (r *Run) Images() string {
	if root := r.Experiment.Data.Root; filepath.IsAbs(root) {
		return root
	}
	return r.Path(filepath.FromSlash(r.Experiment.Data.Root))
}

// Model returns the folder of the run's SavedModel.
func (r *Run) Model() string { return r.Path(ModelDir) }

// Create makes a new run folder, whole or not at all, and locks it for this
// process until it is closed. The folder images, if not "", is moved to RUN/data.
// The split may be any, such as another run's.
func Create(dir, images string, e experiment.Experiment, env result.Environment, s *dataset.Split) (*Run, error) {
	if err := Vacant(dir); err != nil {
		return nil, err
	}
	network, err := network(e)
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: dir, Experiment: e, Environment: env, Split: s}
	err = atomicfile.Dir(dir, func(tmp string) error {
		if images != "" {
			if err := os.Rename(images, filepath.Join(tmp, DataDir)); err != nil {
				return err
			}
		}
		return errors.Join(
			atomicfile.WriteJSON(filepath.Join(tmp, ExperimentFile), e),
			atomicfile.WriteJSON(filepath.Join(tmp, EnvironmentFile), env),
			atomicfile.WriteJSON(filepath.Join(tmp, result.NetworkFile), network),
			s.Write(filepath.Join(tmp, SplitFile)),
			os.Mkdir(filepath.Join(tmp, checkpointsDir), 0o777),
			os.WriteFile(filepath.Join(tmp, MetricsFile), nil, 0o666),
		)
	})
	if err != nil {
		return nil, fmt.Errorf("create the run folder: %w", err)
	}
	return r, r.Acquire()
}

// CanCreate reports whether a run folder can be made at dir.
func CanCreate(dir string) error {
	if err := Vacant(dir); err != nil {
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

// Vacant reports whether a folder is free for results: missing, or empty but for
// the leftovers of a killed process.
func Vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), atomicfile.Prefix) })
	switch {
	case errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("%s cannot be a folder for results: %w; name a new folder", dir, paths.TrimError(err))
	}
	if Is(dir) {
		return fmt.Errorf("%s holds another run; go on with it by --resume %s, or name a new folder", dir, dir)
	}
	return fmt.Errorf("%s is not empty; name a new folder", dir)
}

// Reusable reports whether a folder is [Vacant], or holds only the lock of a dead
// process.
func Reusable(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return e.Name() != atomicfile.LockFile && !strings.HasPrefix(e.Name(), atomicfile.Prefix)
	}) {
		return nil
	}
	return Vacant(dir)
}

// Is reports whether dir is a run folder.
func Is(dir string) bool { return paths.Exists(filepath.Join(dir, ExperimentFile)) }

// Open reads a run folder.
func Open(dir string) (*Run, error) {
	if !Is(dir) {
		return nil, fmt.Errorf("%s is not a run folder: it has no %s", dir, ExperimentFile)
	}
	r := &Run{Dir: dir}
	b, err := paths.ReadFile(r.Path(ExperimentFile), paths.Record)
	if err != nil {
		return nil, err
	}
	if err := r.Experiment.ReadJSON(b); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path(ExperimentFile), err)
	}
	if r.Split, err = dataset.ReadSplit(r.Path(SplitFile)); err != nil {
		return nil, err
	}
	if err := r.Experiment.Resolve(len(r.Split.Classes)); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path(ExperimentFile), err)
	}
	return r, atomicfile.ReadJSON(r.Path(EnvironmentFile), &r.Environment)
}

// Acquire locks the run for this process and removes what a killed one left.
func (r *Run) Acquire() (err error) {
	if r.lock, err = atomicfile.Lock(r.Dir); err != nil {
		return err
	}
	return errors.Join(atomicfile.Clean(r.Dir), atomicfile.Clean(r.Path(checkpointsDir)))
}

// Close releases the run's lock.
func (r *Run) Close() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Close()
}

// Evaluation reads the evaluation of the test part. Without one it returns nil and
// no error.
func (r *Run) Evaluation() (*result.Evaluation, error) {
	e := &result.Evaluation{}
	err := atomicfile.ReadJSON(r.Path(EvaluationFile), e)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return e, err
}
