package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
)

// Names in a run folder.
const (
	ExperimentFile  = "experiment.json"
	SplitFile       = "split.json"
	EnvironmentFile = "environment.json"
	MetricsFile     = "metrics.jsonl"
	EvaluationFile  = "evaluation.json"
	DiscardedFile   = "discarded.json" // the model was removed on purpose
)

// Training is the content of a run folder, finished or not.
type Training struct {
	Dir        string
	Experiment TrainingSettings
	// Text is the unchanged content of experiment.json.
	Text        []byte
	Network     *Network // nil: unknown
	Environment Environment
	Split       *dataset.Split
	Epochs      []EpochMetrics
	Evaluation  *Evaluation // of the test part; nil before the test
	Kept        int         // epoch of the kept weights; 0: none yet
}

// TrainingSettings are the keys of experiment.json that readers of results need.
type TrainingSettings struct {
	Architecture struct {
		Name string `json:"name"`
	} `json:"architecture"`
	FineTune *struct {
		From    string `json:"from"`
		Weights string `json:"weights"`
	} `json:"fine_tune"` // nil: from scratch
	Data struct {
		Root string `json:"root"`
	} `json:"data"`
	Training struct {
		Epochs       int     `json:"epochs"`
		Batch        int     `json:"batch"`
		Accumulate   int     `json:"accumulate"`
		LearningRate float64 `json:"learning_rate"`
		Schedule     struct {
			Kind string `json:"kind"`
		} `json:"schedule"`
		Optimizer struct {
			Kind string `json:"kind"` // "": adam
		} `json:"optimizer"`
	} `json:"training"`
	Seed uint64 `json:"seed"`
}

// ReadTraining reads a run folder.
func ReadTraining(dir string) (*Training, error) {
	t := &Training{Dir: dir}
	var err error
	if t.Text, err = checksum.ReadFile(dir, ExperimentFile); err != nil {
		return nil, err
	}
	if err := jsonerror.Plain(json.Unmarshal(t.Text, &t.Experiment)); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ExperimentFile), err)
	}
	if t.Split, err = dataset.ReadSplit(filepath.Join(dir, SplitFile)); err != nil {
		return nil, err
	}
	if _, err := readOptional(dir, EnvironmentFile, &t.Environment); err != nil {
		return nil, err
	}
	if t.Epochs, err = readEpochs(dir); err != nil {
		return nil, err
	}
	evaluation := &Evaluation{}
	switch found, err := readOptional(dir, EvaluationFile, evaluation); {
	case err != nil:
		return nil, err
	case found && evaluation.Confusion == nil:
		return nil, fmt.Errorf("%s has no confusion matrix", filepath.Join(dir, EvaluationFile))
	case found:
		t.Evaluation = evaluation
	}
	if t.Network, err = readNetwork(dir); err != nil {
		return nil, err
	}
	t.Kept = t.kept()
	return t, nil
}

// Images returns the folder with the run's images.
func (t *Training) Images() string {
	if root := t.Experiment.Data.Root; filepath.IsAbs(root) {
		return root
	}
	return filepath.Join(t.Dir, filepath.FromSlash(t.Experiment.Data.Root))
}

// kept returns the tested epoch, or else the best one so far.
func (t *Training) kept() int {
	if t.Evaluation != nil && t.Evaluation.Epoch > 0 {
		return t.Evaluation.Epoch
	}
	if len(t.Split.Validation) == 0 {
		return len(t.Epochs)
	}
	entries, err := os.ReadDir(filepath.Join(t.Dir, "checkpoints"))
	if err != nil {
		return 0
	}
	kept := 0
	for _, e := range entries {
		var epoch int
		if _, err := fmt.Sscanf(e.Name(), "best-%d", &epoch); err == nil {
			kept = max(kept, epoch)
		}
	}
	return kept
}

// readEpochs returns the epochs of metrics.jsonl before the first incomplete line.
func readEpochs(dir string) ([]EpochMetrics, error) {
	b, err := checksum.ReadFile(dir, MetricsFile)
	if err != nil {
		return nil, err
	}
	var epochs []EpochMetrics
	for line := range bytes.Lines(b) {
		var m EpochMetrics
		if json.Unmarshal(line, &m) != nil || m.Epoch != len(epochs)+1 {
			break
		}
		epochs = append(epochs, m)
	}
	return epochs, nil
}

// readNetwork reads network.json, or else the metadata of an older run's SavedModel. It returns nil
// if both are missing.
func readNetwork(dir string) (*Network, error) {
	n := &Network{}
	if found, err := readOptional(dir, NetworkFile, n); found || err != nil {
		return n, err
	}
	var m struct {
		Model string `json:"model"`
		Image struct {
			Height int `json:"height"`
			Width  int `json:"width"`
		} `json:"image"`
		Layers     []Layer `json:"layers"`
		Explain    string  `json:"explain"`
		Parameters int     `json:"parameters"`
	}
	found, err := readOptional(dir, filepath.Join("saved_model", "assets.extra", "oscar.json"), &m)
	if !found || err != nil {
		return nil, err
	}
	n = &Network{Name: m.Model, Input: []int{m.Image.Height, m.Image.Width, 3}, Explain: m.Explain, Layers: m.Layers, Parameters: m.Parameters}
	for _, l := range m.Layers {
		n.Frozen += l.Frozen
	}
	return n, nil
}

// readOptional reads a JSON file that may be missing. found is false if it is.
func readOptional(dir, name string, into any) (found bool, err error) {
	b, err := checksum.ReadFile(dir, filepath.ToSlash(name))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if err := jsonerror.Plain(json.Unmarshal(b, into)); err != nil {
		return true, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
	}
	return true, nil
}
