package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"oscar/report/page"
	"oscar/result"
)

// objectScoreChapters reads a folder of scores of a detector's explanations.
func objectScoreChapters(dir string) ([]chapter, error) {
	s, err := result.ReadObjectScores(dir)
	if err != nil {
		return nil, err
	}
	t := s.Table
	if len(t.Rows) == 0 || len(t.Metrics) == 0 {
		return nil, fmt.Errorf("%s has no scores", filepath.Join(dir, result.ScoreFile))
	}
	command, err := again(dir)
	if err != nil {
		return nil, err
	}
	over := page.Count(len(s.Objects), "object") + " on " + page.Count(t.Images, "picture")
	c := chapter{dir: dir, subject: "The scores", setup: append([]page.Block{page.Facts{
		{Name: "Detector", Value: detectorName(s.Settings.Model, s.Settings.Epoch)}, {Name: "Methods", Value: s.Settings.Method},
		{Name: "Layer", Value: s.Settings.Layer}, {Name: "Metrics", Value: strings.Join(s.Metrics, ", ")},
		{Name: "Objects", Value: fmt.Sprintf("at most %d of each predicted class, with a score of %s or more", s.PerClass, page.Short(s.Settings.Least))},
		{Name: "Seed", Value: fmt.Sprint(s.Settings.Seed)},
	}}, command...)}
	passed, tested := 0, 0
	for i, row := range t.Significant() {
		for _, beats := range row {
			if !t.Rows[i].Control {
				tested++
				if beats {
					passed++
				}
			}
		}
	}
	followed := "The box of a detection is held fixed, and the probability of its class in the box is followed while pixels of the picture are changed. "
	if s.Follow == "similarity" {
		followed = "The similarity of a detection and the most similar proposal is followed while pixels of the picture are changed: IoU of the boxes, times cosine of the class probabilities, times objectness. "
	}
	c.page = page.Page{
		Kind: "oscar, scores of objects", Title: "Does a map say more than the box?",
		Lead: fmt.Sprintf("Means over %s. "+followed+
			"%d of %d scores are significantly better than every control, among them the box itself and the predicted mask itself.", over, passed, tested),
		Figures: page.Figures{
			{Name: "Objects", Value: page.Thousands(len(s.Objects))}, {Name: "Pictures", Value: page.Thousands(t.Images), Note: "intervals are over pictures"},
			{Name: "Better than the controls", Value: fmt.Sprintf("%d of %d", passed, tested)},
		},
		Sections: []page.Section{
			{Title: "Scores", Blocks: slices.Concat([]page.Block{page.ScoreLegend(t, "predicted")[1:], page.Text( // the lead says what the means are over
				"The box itself and the mask itself are maps that fall from their middle outwards, and know nothing of the network but its answer.")}, page.ScoreTable(t))},
			{Title: "The metrics", Blocks: []page.Block{page.ScoreMetrics(t)}},
		},
	}
	return []chapter{c}, nil
}
