package result

import "oscar/score"

// ScoreFile is the file with the scores in a folder of scores.
const ScoreFile = "score.json"

// ScoringFile is the file with the settings of scores. It is written first.
const ScoringFile = "scoring.json"

// PredictFile is the file with the settings in a folder of planned predictions.
const PredictFile = "predict.json"

// Scores is score.json, the scores of explanation methods.
type Scores struct {
	Format   int           `json:"format"` // 1
	Part     string        `json:"part"`   // part of the split of the images
	Settings Settings      `json:"settings"`
	Scoring  score.Options `json:"scoring"`
	Images   []string      `json:"images"` // the scored images, relative to the data
	Notes    []string      `json:"notes"`  // metrics that could not be computed or are doubtful, with the reason
	Table    score.Table   `json:"table"`
}

// ReadScores reads the scores of a folder.
func ReadScores(dir string) (*Scores, error) {
	s := &Scores{}
	if err := readJSON(dir, ScoreFile, s, &s.Format); err != nil {
		return nil, err
	}
	return s, nil
}
