package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Run is a run folder.
type Run struct {
	Dir         string
	Experiment  experiment.Experiment
	Environment result.Environment
	Split       *dataset.Split

	edited bool    // experiment.json was edited
	folder *Folder // nil: not locked by this process
}

// Names in a run folder. A folder with an [ExperimentFile] is a run.
const (
	ExperimentFile  = "experiment.json"
	SplitFile       = "split.json"
	EnvironmentFile = "environment.json"
	MetricsFile     = "metrics.jsonl"
	eventsDir       = "events"
	CheckpointsDir  = "checkpoints"
	ModelDir        = "saved_model"
	EvaluationFile  = "evaluation.json"
	DataDir         = "data"       // the run's images, if they are in the run folder
	PretrainedDir   = "pretrained" // the model or weights that fine-tuning starts from
	WeightsPrefix   = "weights"    // tensor bundle of the weights in PretrainedDir
)

// Path returns the path of a file in the run folder.
func (r *Run) Path(elem ...string) string {
	return filepath.Join(append([]string{r.Dir}, elem...)...)
}

// Images returns the folder of the run's images.
func (r *Run) Images() string {
	if root := r.Experiment.Data.Root; filepath.IsAbs(root) {
		return root
	}
	return r.Path(filepath.FromSlash(r.Experiment.Data.Root))
}

// CheckImages returns an error if the folder of the run's images does not exist.
func (r *Run) CheckImages() error {
	relative := func(item dataset.Item) bool { return !filepath.IsAbs(item.Path) }
	for _, part := range [][]dataset.Item{r.Split.Train, r.Split.Validation, r.Split.Test} {
		if slices.ContainsFunc(part, relative) {
			return CheckFolder(r.Images(), r.Dir)
		}
	}
	return nil
}

// CheckFolder returns an error if the folder of images root of the run dir does not exist.
func CheckFolder(root, dir string) error {
	if paths.Exists(root) {
		return nil
	}
	return fmt.Errorf("the folder of the run's images, %s, does not exist; if it was moved to DATA: oscar train DATA --resume %s", root, dir)
}

// Model returns the folder of the run's SavedModel.
func (r *Run) Model() string { return r.Path(ModelDir) }

// Network returns the experiment's architecture, with the graph of imported layers.
func (r *Run) Network() (tfmodel.Architecture, error) {
	a := r.Experiment.Architecture
	f := r.Experiment.FineTune
	fineTuned := f != nil && f.From != ""
	switch {
	case f != nil && f.Weights != "" && a.Tuning == nil:
		return a, fmt.Errorf("the experiment has fine_tune.weights, but its architecture %s has no tuning", a.Name)
	case f != nil && f.Weights != "":
		a.Weights = r.Path(PretrainedDir, WeightsPrefix)
		return a, nil
	case fineTuned && !a.Imports():
		return a, fmt.Errorf("the experiment has fine_tune, but its architecture %s is not that of the model", a.Name)
	case !fineTuned && a.Imports():
		return a, fmt.Errorf("the experiment has imported layers, but no fine_tune that names their model")
	case !fineTuned:
		return a, nil
	}
	body, err := savedmodel.OpenBody(r.Path(PretrainedDir))
	if err != nil {
		return a, fmt.Errorf("the model that the run starts from: %w", err)
	}
	return a.WithBody(body), nil
}

// Folder is a locked folder for a run.
type Folder = resultdir.Dir

// kind describes run folders. A folder can be used again if a process ended before it wrote
// experiment.json, its last file.
var kind = resultdir.Kind{Run: true, Early: []string{
	EnvironmentFile, result.NetworkFile, SplitFile, MetricsFile, CheckpointsDir, DataDir, PretrainedDir, checksum.File,
}}

// listed are the files in the run's list of SHA-256. Checkpoints and the SavedModel have their own
// lists.
var listed = []string{
	ExperimentFile, EnvironmentFile, result.NetworkFile, SplitFile, MetricsFile, EvaluationFile, result.DiscardedFile, result.CommandFile,
}

// Claim creates and locks an empty folder for a new run.
func Claim(dir string) (*Folder, error) { return resultdir.Open(dir, kind) }

// Create writes a new run into the folder, either completely or not at all. The run takes over the
// folder's lock. The split may come from another run. If Data.Root is relative, the folder must
// already have the images. For fine-tuning it must already have the initial model.
func Create(f *Folder, e experiment.Experiment, env result.Environment, s *dataset.Split) (*Run, error) {
	network, err := network(e)
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: f.Path, Experiment: e, Environment: env, Split: s, folder: f}
	err = r.clear() // left by a killed process
	for _, write := range []func() error{
		func() error { return atomicfile.WriteJSON(r.Path(EnvironmentFile), env) },
		func() error { return atomicfile.WriteJSON(r.Path(result.NetworkFile), network) },
		func() error { return s.Write(r.Path(SplitFile)) },
		func() error { return os.Mkdir(r.Path(CheckpointsDir), 0o777) },
		func() error { return atomicfile.Write(r.Path(MetricsFile), nil) },
		func() error { return checksum.Update(r.Dir, listed...) },
		func() error { return checksum.WriteJSON(r.Dir, ExperimentFile, e) }, // last, because it marks a run
	} {
		if err == nil {
			err = write()
		}
	}
	if err != nil {
		if info, err := os.Lstat(r.Path(ExperimentFile)); err == nil && info.Mode().IsRegular() {
			os.Remove(r.Path(ExperimentFile)) // its checksum could not be written
		}
		return nil, errors.Join(fmt.Errorf("create the run folder: %w", err), r.clear())
	}
	return r, nil
}

// clear removes the files that Create writes before experiment.json.
func (r *Run) clear() (err error) {
	for _, name := range kind.Early {
		given := name == DataDir && !filepath.IsAbs(r.Experiment.Data.Root) || name == PretrainedDir && r.Experiment.FineTune != nil
		if !given {
			err = errors.Join(err, os.RemoveAll(r.Path(name)))
		}
	}
	return err
}

// Is reports whether dir is a run folder.
func Is(dir string) bool { return paths.Exists(filepath.Join(dir, ExperimentFile)) }

// Open reads a run folder. It returns an error if a file was changed since oscar wrote it, or if the
// weights were trained with other settings.
func Open(dir string) (*Run, error) {
	r, err := OpenEdited(dir)
	if err != nil {
		return nil, err
	}
	if r.edited {
		return nil, &checksum.Damage{Dir: dir, Name: ExperimentFile}
	}
	// The list of checksums may be missing, or newer than an edit.
	if s, _, err := r.checkpoints().newest(); err == nil && s.Experiment != nil {
		if _, err := r.edits(s); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// OpenEdited is [Open] for a run whose experiment.json may have been edited, see
// [Run.CheckEdits].
func OpenEdited(dir string) (*Run, error) {
	if !Is(dir) {
		return nil, fmt.Errorf("%s is not a run folder: it has no %s", dir, ExperimentFile)
	}
	r := &Run{Dir: dir}
	if err := r.read(); err != nil {
		return nil, err
	}
	if err := r.Experiment.Resolve(len(r.Split.Classes)); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path(ExperimentFile), err)
	}
	return r, nil
}

// read reads the files that Create writes.
func (r *Run) read() error {
	b, err := checksum.ReadFile(r.Dir, ExperimentFile)
	if r.edited = checksum.Is(err); r.edited {
		b, err = paths.ReadRecord(r.Path(ExperimentFile))
	}
	if err != nil {
		return err
	}
	if err := r.Experiment.ReadJSON(b); err != nil {
		return fmt.Errorf("%s: %w", r.Path(ExperimentFile), err)
	}
	if r.Split, err = dataset.ReadSplit(r.Path(SplitFile)); err != nil {
		return err
	}
	return checksum.ReadJSON(r.Dir, EnvironmentFile, &r.Environment)
}

// Acquire locks the run for this process and removes temporary files of killed ones.
func (r *Run) Acquire() (err error) {
	if r.folder, err = resultdir.Open(r.Dir, resultdir.Kind{Mark: ExperimentFile}); err != nil {
		return err
	}
	return checksum.UpdateUnlisted(r.Dir, listed...)
}

// Release is [Release] for the run's folder.
func (r *Run) Release(ctx context.Context, err *error) { Release(ctx, r.folder, err) }

// Close releases the run's lock.
func (r *Run) Close() error {
	if r.folder == nil {
		return nil
	}
	return r.folder.Close()
}

// Evaluation reads the evaluation of the test part. Without one it returns nil and no error.
func (r *Run) Evaluation() (*result.Evaluation, error) {
	e := &result.Evaluation{}
	err := checksum.ReadJSON(r.Dir, EvaluationFile, e)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return e, err
}
