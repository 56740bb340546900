package instance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"oscar/instance/scene"
	"oscar/internal/checksum"
	"oscar/internal/keyed"
	"oscar/internal/resultdir"
	"oscar/result"
)

// Run is the run folder of a detector.
type Run struct {
	Dir        string
	Experiment Experiment
}

// Names within a run folder.
const (
	experimentFile  = result.ExperimentFile
	environmentFile = result.EnvironmentFile
	metricsFile     = result.MetricsFile
	evaluationFile  = result.EvaluationFile
	eventsDir       = "events"
	checkpointsDir  = "checkpoints"
)

var kind = resultdir.Kind{Run: true, Early: []string{environmentFile, metricsFile, checkpointsDir, checksum.File}}

// listed are the files whose SHA-256 the run records.
var listed = []string{experimentFile, environmentFile, metricsFile, evaluationFile, result.CommandFile}

func (r *Run) path(elem ...string) string { return filepath.Join(append([]string{r.Dir}, elem...)...) }

// openRun reads a run folder.
func openRun(dir string) (*Run, error) {
	if !IsRun(dir) {
		return nil, fmt.Errorf("%s is not the run of a detector", dir)
	}
	b, err := checksum.ReadFile(dir, experimentFile)
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: dir}
	if err := keyed.Decode(b, &r.Experiment); err != nil {
		return nil, fmt.Errorf("%s: %w", r.path(experimentFile), err)
	}
	if err := r.Experiment.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", r.path(experimentFile), err)
	}
	return r, nil
}

// create creates a run in a locked folder. It writes experiment.json last.
func create(dir string, e Experiment, env result.Environment) (*Run, error) {
	r := &Run{Dir: dir, Experiment: e}
	for _, name := range kind.Early { // left by a killed process
		if err := os.RemoveAll(r.path(name)); err != nil {
			return nil, err
		}
	}
	for _, write := range []func() error{
		func() error { return checksum.WriteJSON(dir, environmentFile, env) },
		func() error { return os.Mkdir(r.path(checkpointsDir), 0o777) },
		func() error { return checksum.Write(dir, metricsFile, nil) },
		func() error { return checksum.WriteJSON(dir, experimentFile, e) },
	} {
		if err := write(); err != nil {
			return nil, fmt.Errorf("create the run folder: %w", err)
		}
	}
	return r, nil
}

// lengthen sets the number of epochs. 0 keeps it.
func (r *Run) lengthen(epochs int) error {
	switch has := r.Experiment.Training.Epochs; {
	case epochs == 0 || epochs == has:
		return nil
	case epochs < has:
		return fmt.Errorf("epochs is %d, and %s has %d; want more", epochs, r.Dir, has)
	}
	r.Experiment.Training.Epochs = epochs
	if err := r.Experiment.Check(); err != nil {
		return err
	}
	// If the process is killed after this line, the run is evaluated again.
	if err := checksum.Delete(r.Dir, evaluationFile); err != nil {
		return err
	}
	return checksum.WriteJSON(r.Dir, experimentFile, r.Experiment)
}

// open reads a part of the run's data and checks that it is unchanged.
func (r *Run) open(ctx context.Context, part string) (*scene.Set, error) {
	root, err := r.scenes("")
	if err != nil {
		return nil, err
	}
	s, err := scene.Open(ctx, root, part)
	if err != nil {
		return nil, err
	}
	if want := r.Experiment.Data.SHA256[part]; want != "" && s.SHA256 != want {
		return nil, fmt.Errorf("%s has other annotations of part %s than the run was trained with", root, part)
	}
	return s, nil
}

// Epoch is a line of metrics.jsonl.
type Epoch = result.DetectorEpoch

// ap returns the average precision of masks on the validation part, -1 if there is none.
func ap(e Epoch) float64 {
	if e.Masks == nil || math.IsNaN(e.Masks.AP) {
		return -1
	}
	return e.Masks.AP
}

// checkClasses returns an error unless both parts have the same classes.
func checkClasses(a, b *scene.Set) error {
	if !slices.Equal(a.Classes, b.Classes) {
		return fmt.Errorf("part %s has the classes %v, part %s %v", a.Part, a.Classes, b.Part, b.Classes)
	}
	return nil
}

var errNoScenes = errors.New("there are no scenes to train on")

// Evaluation reads the evaluation of the test part. It returns nil if there is none.
func (r *Run) Evaluation() (*Evaluation, error) {
	e := &Evaluation{}
	err := checksum.ReadJSON(r.Dir, evaluationFile, e)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return e, err
}
