package instance

import (
	"fmt"
	"path/filepath"

	"oscar/internal/checkpoint"
	"oscar/internal/checksum"
	"oscar/internal/keyed"
	"oscar/internal/paths"
	"oscar/savedmodel"
)

// IsModel reports whether dir is a detector: a run, or a SavedModel that [Export] wrote.
func IsModel(dir string) bool { return IsRun(dir) || IsExport(dir) }

// openModel reads the run or the exported model in dir. The graph of an exported model is not used:
// the network is built from the settings. An exported model has no data.
func openModel(dir string) (*Run, error) {
	var r *Run
	var err error
	if IsExport(dir) {
		r = &Run{Dir: dir}
		err = r.readExport()
	} else {
		r, err = openRun(dir)
	}
	if err != nil {
		return nil, err
	}
	if d := r.Experiment; len(d.Data.Classes) != d.Detector.Classes {
		return nil, fmt.Errorf("%s has the names of %d classes, and a detector of %d", dir, len(d.Data.Classes), d.Detector.Classes)
	}
	return r, nil
}

func (r *Run) readExport() error {
	meta, _, err := savedmodel.Describe(r.Dir)
	if err != nil {
		return err
	}
	if err = keyed.Decode(meta.Experiment, &r.Experiment); err == nil {
		err = r.Experiment.Check()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(r.Dir, savedmodel.MetadataFile), err)
	}
	return nil
}

// best returns the path of the best epoch's weights and the epoch (0 for an exported model). It
// verifies the checksums of the weights.
func (r *Run) best() (prefix string, epoch int, err error) {
	if !IsExport(r.Dir) {
		return r.weights()
	}
	return r.prefix(0), 0, checksum.Check(r.Dir)
}

// prefix returns the path of an epoch's weights. Epoch 0 is an exported model.
func (r *Run) prefix(epoch int) string {
	if epoch == 0 {
		return filepath.Join(r.Dir, "variables", "variables")
	}
	return r.path(checkpointsDir, checkpoint.Best(epoch), checkpoint.Variables)
}

// fingerprint identifies the network and the weights at prefix.
func (r *Run) fingerprint(prefix string) (string, error) {
	data, err := filepath.Glob(prefix + ".data-*")
	if err != nil || len(data) == 0 {
		return "", fmt.Errorf("%s.data-00000-of-00001 is missing", paths.Absolute(prefix))
	}
	sum, err := checksum.Sum(data[0])
	return sum[:min(len(sum), 16)], err
}
