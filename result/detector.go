package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"oscar/instance/coco"
	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// Instances is the task of detectors: the key "task" of their experiment.json, evaluation.json,
// explain.json and scoring.json.
const Instances = "instances"

// IsOfDetector reports whether a file of results, such as experiment.json or a SavedModel's
// metadata, belongs to a detector.
func IsOfDetector(dir, name string) bool {
	b, err := paths.ReadRecord(filepath.Join(dir, name))
	var e struct {
		Task       string `json:"task"`
		Experiment struct {
			Task string `json:"task"`
		} `json:"experiment"`
	}
	return err == nil && json.Unmarshal(b, &e) == nil && (e.Task == Instances || e.Experiment.Task == Instances)
}

// DetectorEpoch is a line of a detector's metrics.jsonl.
type DetectorEpoch struct {
	Epoch           int          `json:"epoch"` // from 1
	Step            int          `json:"step"`  // steps done
	LearningRate    float64      `json:"learning_rate"`
	Loss            float64      `json:"loss"` // the sum of the five losses
	ObjectLoss      float64      `json:"object_loss"`
	ShiftLoss       float64      `json:"shift_loss"`
	ClassLoss       float64      `json:"class_loss"`
	CorrectionLoss  float64      `json:"correction_loss"`
	MaskLoss        float64      `json:"mask_loss"`
	Positives       float64      `json:"positives"` // positive regions per image
	Boxes           *coco.Scores `json:"val_boxes,omitempty"`
	Masks           *coco.Scores `json:"val_masks,omitempty"`
	Seconds         float64      `json:"seconds"`
	ImagesPerSecond float64      `json:"images_per_second"`
	PeakMemory      int64        `json:"peak_memory"`
	Time            time.Time    `json:"time"`
}

// DetectorEvaluation has the metrics of a detector on a part of a data set.
type DetectorEvaluation struct {
	Format          int         `json:"format"` // 1
	Task            string      `json:"task"`
	Part            string      `json:"part"`
	Epoch           int         `json:"epoch"` // epoch of the weights
	Images          int         `json:"images"`
	Objects         int         `json:"objects"` // number of objects, without crowds
	Detections      int         `json:"detections"`
	Boxes           coco.Scores `json:"boxes"`
	Masks           coco.Scores `json:"masks"`
	Strata          []Stratum   `json:"strata"`
	Ways            []Way       `json:"ways,omitempty"`     // the detector and ways that need no object detector
	Single          *Single     `json:"single,omitempty"`   // for pictures with one object each
	Outcomes        *Outcomes   `json:"outcomes,omitempty"` // nil in older files
	ImagesPerSecond float64     `json:"images_per_second"`
}

// Stratum has the metrics of a detector's masks for a subset of the objects. Detections of
// other objects are ignored.
type Stratum struct {
	Name    string  `json:"name"`
	Objects int     `json:"objects"`
	AP      float64 `json:"AP"`
	AP50    float64 `json:"AP50"`
}

// Way is a way to find objects, with the AP of its masks.
type Way struct {
	Name     string     `json:"name"`
	AP       float64    `json:"AP"`
	Interval [2]float64 `json:"interval"`
	AP50     float64    `json:"AP50"`
	Strata   []Stratum  `json:"strata"`
}

// Single has the detector's results on pictures with one object each.
type Single struct {
	Images    int     `json:"images"`
	Found     int     `json:"found"`      // number of pictures with a detection
	Class     float64 `json:"class"`      // share of all pictures whose best detection has the object's class
	MedianIoU float64 `json:"median_iou"` // of the best detection's mask, 0 without a detection
}

// Outcomes counts the outcomes of objects, and of detections with a score of Least or more.
// Detections are matched in the order of their scores, the highest first, with the unmatched object
// of the highest mask IoU, if this is 0.5 or more. The class does not matter for matching.
type Outcomes struct {
	Least      float64   `json:"least_score"`
	Right      int       `json:"right"`       // matched objects with the right class
	WrongClass int       `json:"wrong_class"` // matched objects with another class
	Missed     int       `json:"missed"`      // objects without a detection
	NoObject   int       `json:"no_object"`   // detections without an object
	Failures   []Failure `json:"failures"`    // examples of each kind
}

// The kinds of failures.
const (
	WrongClass = "wrong class" // the failures shown have the highest scores
	NoObject   = "no object"   // the failures shown have the highest scores
	Missed     = "missed"      // the failures shown are the largest objects
)

// Failure is a missed object, or a wrong detection.
type Failure struct {
	Kind    string             `json:"kind"`
	Image   string             `json:"image"` // as in the annotations
	ImageID int64              `json:"image_id"`
	Truth   string             `json:"truth,omitempty"`           // class of the object
	Class   string             `json:"class,omitempty"`           // of the detection
	Score   float64            `json:"detection_score,omitempty"` // of the detection
	IoU     float64            `json:"iou"`                       // of the two masks; without a match, the largest with any other mask
	Object  *coco.Segmentation `json:"object,omitempty"`
	Found   *coco.Segmentation `json:"found,omitempty"`
}

// DetectorTraining is the content of a detector's run folder.
type DetectorTraining struct {
	Dir        string
	Experiment DetectorSettings
	// Text is the unchanged content of experiment.json.
	Text        []byte
	Environment Environment
	Epochs      []DetectorEpoch
	Evaluation  *DetectorEvaluation // of the test part; nil before the test
	Kept        int                 // epoch of the kept weights; 0: none yet
}

// DetectorSettings are the keys of a detector's experiment.json that readers of results need.
type DetectorSettings struct {
	Seed uint64 `json:"seed"`
	Data struct {
		Root    string   `json:"root"`
		Classes []string `json:"classes"`
	} `json:"data"`
	Detector struct {
		Name     string `json:"name"`
		Input    []int  `json:"input"`
		Backbone []struct {
			Name string `json:"name"`
		} `json:"backbone"`
		Taps []string `json:"taps"`
	} `json:"detector"`
	Explain  string `json:"explain"`
	Training struct {
		Epochs       int     `json:"epochs"`
		Batch        int     `json:"batch"`
		LearningRate float64 `json:"learning_rate"`
	} `json:"training"`
}

// ReadDetectorTraining reads a detector's run folder.
func ReadDetectorTraining(dir string) (*DetectorTraining, error) {
	t := &DetectorTraining{Dir: dir}
	var err error
	if t.Text, err = checksum.ReadFile(dir, ExperimentFile); err != nil {
		return nil, err
	}
	if err := jsonerror.Plain(json.Unmarshal(t.Text, &t.Experiment)); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ExperimentFile), err)
	}
	if _, err := readOptional(dir, EnvironmentFile, &t.Environment); err != nil {
		return nil, err
	}
	text, err := checksum.ReadFile(dir, MetricsFile)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var e DetectorEpoch
		if json.Unmarshal(line, &e) != nil || e.Epoch != len(t.Epochs)+1 {
			break
		}
		t.Epochs = append(t.Epochs, e)
	}
	evaluation := &DetectorEvaluation{}
	switch found, err := readOptional(dir, EvaluationFile, evaluation); {
	case err != nil:
		return nil, err
	case found:
		t.Evaluation, t.Kept = evaluation, evaluation.Epoch
		return t, nil
	}
	entries, err := os.ReadDir(filepath.Join(dir, "checkpoints"))
	for _, e := range entries {
		var epoch int
		if _, err := fmt.Sscanf(e.Name(), "best-%d", &epoch); err == nil {
			t.Kept = max(t.Kept, epoch)
		}
	}
	if os.IsNotExist(err) {
		err = nil
	}
	return t, err
}
