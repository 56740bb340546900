package result

import "oscar/score"

// ScoreFile is the file of scores in a folder of scores.
const ScoreFile = "score.json"

// ScoringFile is the file of their settings, which is written first.
const ScoringFile = "scoring.json"

// Scores are the scores of methods of explanation, score.json.
type Scores struct {
	Format   int           `json:"format"` // 1
	Part     string        `json:"part"`   // of the split that the images are from
	Settings Settings      `json:"settings"`
	Scoring  score.Options `json:"scoring"`
	Images   []string      `json:"images"` // those judged, relative to the data
	Notes    []string      `json:"notes"`  // what could not be asked or is doubtful, and why
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
