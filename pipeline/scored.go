package pipeline

import (
	"fmt"
	"slices"

	"oscar/internal/resultdir"
	"oscar/score"
)

// scoreKind describes folders of scores.
var scoreKind = resultdir.Kind{Mark: scoringFile}

// asked returns the settings that all methods of the table share.
func (s *scoreJob) asked() scored {
	asked := scored{Settings: s.Settings, Scoring: s.Scoring, Cases: s.images.digest()}
	asked.Settings.Method = "" // later calls may add methods
	return asked
}

// scored has the settings that all methods of one table share. It is the file scoring.json.
type scored struct {
	Settings Settings      `json:"settings"` // without the method
	Scoring  score.Options `json:"scoring"`
	Cases    string        `json:"cases"` // hash of images, classes and masks
}

func (s scored) difference(now scored) string {
	switch {
	case s.Settings != now.Settings:
		return difference(s.Settings, now.Settings)
	case !slices.Equal(s.Scoring.Metrics, now.Scoring.Metrics):
		return "other metrics"
	case s.Scoring.PerClass != now.Scoring.PerClass || s.Scoring.Mosaics != now.Scoring.Mosaics:
		return fmt.Sprintf("per-class %d and mosaics %d, not %d and %d", s.Scoring.PerClass, s.Scoring.Mosaics, now.Scoring.PerClass, now.Scoring.Mosaics)
	case s.Cases != now.Cases:
		return "other images or masks"
	}
	return ""
}
