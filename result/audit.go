package result

import (
	"fmt"
	"path/filepath"

	"oscar/metric"
)

// Files of a folder of an audit: its result, and a row for each image.
const (
	AuditFile  = "audit.json"
	AuditTable = "images.csv"
)

// Audit is audit.json: likely problems of a data set.
type Audit struct {
	Format     int      `json:"format"` // 1
	Model      string   `json:"model"`  // the model's fingerprint
	Path       string   `json:"path"`   // path of the model, as given
	Data       string   `json:"data"`   // absolute path of the folder of the images
	Part       string   `json:"part"`
	Classes    []string `json:"classes"`
	Images     int      `json:"images"` // number of images with finite predictions
	Unreadable int      `json:"unreadable"`
	Trained    int      `json:"trained"` // number of images that the model was trained on
	Method     string   `json:"method"`  // method of the maps
	Layer      string   `json:"layer"`
	Labels     Labels   `json:"labels"`
	// Duplicates are groups of near duplicates with several parts of the split or several labels.
	Duplicates []DuplicateGroup `json:"duplicates"`
	// Alike are images outside the training part that are very close to a training image in the model's
	// features: as close as the closest 1 % of training images are to another one.
	Alike       Alike     `json:"alike"`
	Unlike      Unlike    `json:"unlike"`
	Background  []Border  `json:"background"`
	BorderShare Number    `json:"border_share"`      // share of the image's area
	Masks       string    `json:"masks,omitempty"`   // absolute path of the folder of masks
	Outside     []Outside `json:"outside,omitempty"` // per class, if there are masks
	// Calibration is for the images of known class that the model was not trained on;
	// nil: there are none.
	Calibration *metric.Calibration `json:"calibration"`
	Temperature *Temperature        `json:"temperature"`
	Notes       []string            `json:"notes,omitempty"`
}

// Labels are probable label errors, see [metric.ConfidentLearning].
type Labels struct {
	Images  int          `json:"images"`  // number of known class
	Correct int          `json:"correct"` // number of these that are classified as labeled
	Counts  [][]int      `json:"counts"`  // by label (rows) and by confident class
	Issues  []LabelIssue `json:"issues"`  // the least probable label first
}

// LabelIssue is an image whose label is probably wrong.
type LabelIssue struct {
	Image               string  `json:"image"` // relative to the data
	Part                string  `json:"part"`
	Label               string  `json:"label"`
	Confidence          float64 `json:"confidence"`           // the probability of the label
	Suggested           string  `json:"suggested"`            // the most probable class, which is not the label
	SuggestedConfidence float64 `json:"suggested_confidence"` // its probability
	Picture             string  `json:"picture,omitempty"`    // a file of the folder
}

// DuplicateGroup is a group of near duplicates.
type DuplicateGroup struct {
	Images []DuplicateImage `json:"images"`
	Parts  bool             `json:"parts"`  // the images are in several parts of the split
	Labels bool             `json:"labels"` // the images have several labels
	Shown  bool             `json:"shown"`  // the images are shown with pictures
}

// DuplicateImage is an image of a group.
type DuplicateImage struct {
	Image   string `json:"image"`
	Part    string `json:"part"`
	Label   string `json:"label"`
	Picture string `json:"picture,omitempty"`
}

// Alike are pairs of an image and the training image nearest to it.
type Alike struct {
	Limit    Number      `json:"limit"`    // the distance within which 1 % of the training images have a neighbor
	Pairs    []AlikePair `json:"pairs"`    // the nearest first
	Expected Number      `json:"expected"` // number expected by chance
}

// AlikePair is a pair of [Alike].
type AlikePair struct {
	Image    string    `json:"image"`
	Label    string    `json:"label"`
	Training string    `json:"training"` // the training image, relative to the run's data
	Trained  string    `json:"trained"`  // label of the training image
	Distance float64   `json:"distance"`
	Pictures [2]string `json:"pictures,omitzero"`
}

// Unlike are images far from the training images in the model's features.
type Unlike struct {
	// Training is the number of training images whose features were compared; 0:
	// the model has no run, and nothing was measured.
	Training int `json:"training"`
	// Limit is the distance that 1 % of the training images exceed.
	Limit    Number        `json:"limit"`
	Images   []UnlikeImage `json:"images"`   // beyond the limit, the farthest first
	Expected Number        `json:"expected"` // number expected by chance
}

// UnlikeImage is an image of [Unlike].
type UnlikeImage struct {
	Image    string  `json:"image"`
	Label    string  `json:"label"`
	Distance float64 `json:"distance"`
	Picture  string  `json:"picture,omitempty"`
}

// Border is the share of the heat of a class's maps in the border strip of the
// image, an eighth of each side wide.
type Border struct {
	Class  string `json:"class"`
	Images int    `json:"images"` // number of images with a map
	// Share is the mean share of the positive heat in the strip, 0 to 1, with its 95 %
	// interval by Student's t, clipped to 0 and 1; NaN without images.
	Share    Number    `json:"share"`
	Interval [2]Number `json:"interval"`
}

// Outside is the share of the heat of a class's maps outside of the objects.
type Outside struct {
	Border
	// Chance is the share of the images' area outside of the objects, which is the share of a random
	// map.
	Chance Number `json:"chance"`
}

// Temperature is the effect of temperature scaling, see [metric.Temperature].
type Temperature struct {
	Value  float64 `json:"value"`
	Before float64 `json:"loss_before"` // nats
	After  float64 `json:"loss_after"`
}

// ReadAudit reads the audit of a folder. It is an error if a suggested class has no probability:
// older versions suggested classes that were less probable than the label.
func ReadAudit(dir string) (*Audit, error) {
	a := &Audit{}
	if err := readJSON(dir, AuditFile, a, &a.Format); err != nil {
		return nil, err
	}
	for _, x := range a.Labels.Issues {
		if x.SuggestedConfidence <= 0 {
			return nil, fmt.Errorf("%s: the suggested label of %s has no probability; repeat the audit with this oscar, into a new folder", filepath.Join(dir, AuditFile), x.Image)
		}
	}
	return a, nil
}
