package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"oscar/explain"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
	"oscar/score"
)

// ObjectSettings is explain.json of a detector's explanations.
type ObjectSettings struct {
	Format  int           `json:"format"` // 1
	Task    string        `json:"task"`
	Model   string        `json:"model"` // the detector's name
	Epoch   int           `json:"epoch"` // epoch of the weights
	Method  string        `json:"method"`
	Layer   string        `json:"layer"`
	Score   explain.Score `json:"score"` // "": each method's default
	Samples int           `json:"samples"`
	Seed    uint64        `json:"seed"`
	Least   float64       `json:"least_score"` // minimum score of explained detections
	// Inputs is the SHA-256 of the weights, the limits of pictures, and the pictures' names and
	// contents; "" in older folders.
	Inputs  string  `json:"inputs,omitempty"`
	Input   []int   `json:"input,omitempty"` // [height,width] of the detector; none in older folders
	Drawing Drawing `json:"drawing,omitzero"`
}

// Drawing has the settings for drawing the maps of objects. Zero values are defaults: jet for values
// above 0 of every method, and a separate scale for each map.
type Drawing struct {
	ColorMap string  `json:"colormap,omitempty"`
	Alpha    float64 `json:"alpha,omitempty"`
	// SignedColorMap is a diverging color map for methods with evidence against the class. "": their
	// maps are drawn like those of other methods.
	SignedColorMap string  `json:"signed_colormap,omitempty"`
	SignedAlpha    float64 `json:"signed_alpha,omitempty"`
	Scale          string  `json:"scale,omitempty"` // [ScaleOwn] or [ScaleShared]
}

// ObjectRow is a line of manifest.jsonl of a detector's explanations: a map of an object.
type ObjectRow struct {
	Image        string             `json:"image"`
	File         string             `json:"file,omitempty"` // absolute path of the picture; none in older folders
	ImageID      int64              `json:"image_id"`
	Object       int                `json:"object"` // number within the picture, from 1
	Class        string             `json:"class"`
	Detection    float64            `json:"detection_score"`
	Box          mask.Box           `json:"bbox"`
	Segmentation coco.Segmentation  `json:"segmentation"`
	Method       string             `json:"method"`
	Layer        string             `json:"layer"`
	Score        float32            `json:"score"`       // explained logit or probability in the fixed box
	Probability  float32            `json:"probability"` // in the fixed box
	Status       explain.Status     `json:"status"`
	Heat         *Heat              `json:"heat,omitempty"`    // nil: no positive values
	Control      *Heat              `json:"control,omitempty"` // for a map that is 1 in the box and 0 elsewhere; nil: the box has no pixel
	Map          string             `json:"map"`
	Overlay      string             `json:"overlay"`
	Picture      string             `json:"picture,omitempty"` // all objects, outlined and numbered
	Facts        map[string]float64 `json:"facts,omitempty"`
}

// Heat has the shares of a map's positive values in several regions.
type Heat struct {
	Mask   float64 `json:"mask"`   // on the object's own mask
	Box    float64 `json:"box"`    // in its box
	Others float64 `json:"others"` // on masks of the picture's other detections
	Peak   bool    `json:"peak"`   // the largest value is on the object's own mask
}

// HeatSum has sums over maps with positive values.
type HeatSum struct {
	Maps              int
	Mask, Box, Others float64
	Peaks             float64 // number of maps whose largest value is on the object's own mask
}

// Add adds a map. nil is a map without positive values, which is left out.
func (s *HeatSum) Add(h *Heat) {
	if h == nil {
		return
	}
	s.Maps++
	s.Mask, s.Box, s.Others = s.Mask+h.Mask, s.Box+h.Box, s.Others+h.Others
	if h.Peak {
		s.Peaks++
	}
}

// Mean returns the sums divided by the number of maps, or -1 (as in COCO) without maps.
func (s HeatSum) Mean() HeatSum {
	if s.Maps == 0 {
		return HeatSum{0, -1, -1, -1, -1}
	}
	n := float64(s.Maps)
	return HeatSum{s.Maps, s.Mask / n, s.Box / n, s.Others / n, s.Peaks / n}
}

// ReadObjectSettings reads explain.json of a detector's explanations.
func ReadObjectSettings(dir string) (*ObjectSettings, error) {
	s := &ObjectSettings{}
	return s, readJSON(dir, SettingsFile, s, &s.Format)
}

// ReadObjects reads the rows of a detector's explanations. A row that names a file outside
// the folder is an error.
func ReadObjects(dir string) (rows []ObjectRow, err error) {
	text, err := checksum.ReadFile(dir, ManifestFile)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var r ObjectRow
		err := jsonerror.Plain(json.Unmarshal(line, &r))
		for _, name := range []string{r.Map, r.Overlay, r.Picture} {
			if err == nil && name != "" {
				err = paths.CheckLocal(name)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", filepath.Join(dir, ManifestFile), len(rows)+1, err)
		}
		if r.Control != nil && r.Control.Box == 0 { // of a box without a pixel, in older folders
			r.Control = nil
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// ObjectScores is score.json of a detector. The values of Table are for the objects, in the order of
// Objects; its intervals are over pictures.
type ObjectScores struct {
	Format   int            `json:"format"` // 1
	Task     string         `json:"task"`
	Settings ObjectSettings `json:"settings"`
	Metrics  []string       `json:"metrics"`
	Follow   string         `json:"follow,omitempty"` // probability (also if empty) or similarity
	PerClass int            `json:"per_class"`        // the maximum number of objects of each predicted class
	Objects  []ScoredObject `json:"objects"`
	Table    score.Table    `json:"table"`
}

// ScoredObject is a detection whose explanations were scored.
type ScoredObject struct {
	Image     string   `json:"image"`
	Object    int      `json:"object"` // number within the picture, from 1
	Class     string   `json:"class"`
	Detection float64  `json:"detection_score"`
	Box       mask.Box `json:"bbox"`
}

// ReadObjectScores reads a detector's score.json.
func ReadObjectScores(dir string) (*ObjectScores, error) {
	s := &ObjectScores{}
	return s, readJSON(dir, ScoreFile, s, &s.Format)
}
