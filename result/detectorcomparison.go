package result

import (
	"fmt"

	"oscar/instance/coco"
)

// DetectorComparison is comparison.json of two detectors on the same scenes. Pairs have the first
// detector's value first; differences are second minus first. Intervals are 95 % intervals by the
// bootstrap over images.
type DetectorComparison struct {
	Format  int                 `json:"format"` // 1
	Task    string              `json:"task"`
	Models  [2]ComparedDetector `json:"models"`
	Data    string              `json:"data"` // absolute path of the folder of scenes
	Part    string              `json:"part"`
	SHA256  string              `json:"sha256"` // of the annotations
	Classes []string            `json:"classes"`
	Images  int                 `json:"images"`
	Objects int                 `json:"objects"`     // number of objects, without crowds
	Least   float64             `json:"least_score"` // minimum score of the detections in Answers and in the figures found and no_object
	Draws   int                 `json:"draws"`       // number of bootstrap samples
	Figures []ComparedFigure    `json:"figures"`
	// Strata and PerClass have the masks' AP for subsets of the objects.
	Strata   []ComparedSubset `json:"strata"`
	PerClass []ComparedSubset `json:"per_class"`
	// Answers has the number of objects for each pair of answers, in the order of AnswerNames: the
	// first detector's answer selects the row, the second's the column.
	Answers [3][3]int `json:"answers"`
	// Changed is the share of objects whose answer, or wrong class, has changed.
	Changed         Number           `json:"changed"`
	ChangedInterval [2]Number        `json:"changed_interval"`
	ByObject        []ComparedObject `json:"by_object"`
	// Shown are the largest objects that only one detector finds, with pictures.
	Shown  []ShownObject `json:"shown"`
	Limits []Limit       `json:"limits,omitempty"`
	Notes  []string      `json:"notes,omitempty"`
}

// ComparedDetector is one of the two detectors.
type ComparedDetector struct {
	Path        string      `json:"path"` // as given
	Fingerprint string      `json:"fingerprint"`
	Name        string      `json:"name"`
	Parameters  int         `json:"parameters"`
	Epoch       int         `json:"epoch"` // of the weights; 0: an exported model
	Boxes       coco.Scores `json:"boxes"`
	Masks       coco.Scores `json:"masks"`
	Detections  int         `json:"detections"`
	NoObject    int         `json:"no_object"` // number of detections without an object
}

// ComparedSubset compares the masks' AP of a class or stratum, which is its name.
type ComparedSubset struct {
	Objects int `json:"objects"`
	ComparedFigure
}

// AnswerNames are the answers of a detector for an object; see [Outcomes].
var AnswerNames = []string{"right", WrongClass, Missed}

// Answer is the result of a detector for an object.
type Answer struct {
	Answer string  `json:"answer"`                    // one of AnswerNames
	Class  string  `json:"class,omitempty"`           // of the detection
	Score  float64 `json:"detection_score,omitempty"` // of the detection
	IoU    float64 `json:"iou"`                       // of the masks; without a match, the largest with any detection
}

// ComparedObject is an object and both answers.
type ComparedObject struct {
	Image   string    `json:"image"` // as in the annotations
	ID      int64     `json:"id"`    // of the annotation
	Truth   string    `json:"truth"`
	Area    float64   `json:"area"`
	Answers [2]Answer `json:"answers"`
}

// Changed reports whether the answers differ.
func (c ComparedObject) Changed() bool {
	a, b := c.Answers[0], c.Answers[1]
	return a.Answer != b.Answer || a.Answer == WrongClass && a.Class != b.Class
}

// FoundBy returns the only detector whose answer is right, 0 or 1. It is -1 if both or none are
// right.
func (c ComparedObject) FoundBy() int {
	a, b := c.Answers[0].Answer == AnswerNames[0], c.Answers[1].Answer == AnswerNames[0]
	switch {
	case a && !b:
		return 0
	case b && !a:
		return 1
	}
	return -1
}

// ShownObject is an object with a picture of each detector's answer; these are files of the folder.
type ShownObject struct {
	ComparedObject
	Pictures [2]string `json:"pictures"`
}

// DetectorLimitNames are the values of a [DetectorComparison] that can be limited.
var DetectorLimitNames = []string{"ap_drop", "changed"}

// SetLimits compares the values with their limits, by name.
func (c *DetectorComparison) SetLimits(most map[string]float64) {
	c.Limits = limits(DetectorLimitNames, map[string]Number{"ap_drop": 0 - figureOf(c.Figures, "mask_ap").Difference, "changed": c.Changed}, most)
}

// Only returns the numbers of objects that only the first and only the second detector finds.
func (c *DetectorComparison) Only() (out [2]int) {
	for i := range AnswerNames[1:] {
		out[0] += c.Answers[0][1+i]
		out[1] += c.Answers[1+i][0]
	}
	return out
}

// ReadDetectorComparison reads the comparison of two detectors.
func ReadDetectorComparison(dir string) (*DetectorComparison, error) {
	c := &DetectorComparison{}
	if err := readJSON(dir, ComparisonFile, c, &c.Format); err != nil {
		return nil, err
	}
	if len(c.Figures) == 0 {
		return nil, fmt.Errorf("%s/%s has no figures", dir, ComparisonFile)
	}
	return c, nil
}
