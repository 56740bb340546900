package report

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"oscar/report/page"
	"oscar/result"
	"oscar/score"
)

// scoreChapters reads a folder of scores.
func scoreChapters(_ context.Context, dir string) ([]chapter, error) {
	if result.IsOfDetector(dir, result.ScoringFile) {
		return objectScoreChapters(dir)
	}
	s, err := result.ReadScores(dir)
	if err != nil {
		return nil, err
	}
	t := s.Table
	if len(t.Rows) == 0 || len(t.Metrics) == 0 {
		return nil, fmt.Errorf("%s has no scores", filepath.Join(dir, result.ScoreFile))
	}
	trust := trustOf(t)
	command, err := again(dir)
	if err != nil {
		return nil, err
	}
	c := chapter{dir: dir, subject: "The scores", setup: append(scoreSetup(s), command...)}
	for _, n := range s.Notes {
		c.notes = append(c.notes, "scores: "+n)
	}
	c.page = page.Page{
		Kind: "oscar, scores", Title: "Which explanations to trust",
		Lead: trust.sentence(),
		Figures: page.Figures{
			{Name: "Methods", Value: fmt.Sprint(trust.methods)}, {Name: "Metrics", Value: fmt.Sprint(len(t.Metrics))},
			{Name: "Images", Value: page.Thousands(t.Images), Note: "of the " + partName(s.Part)},
			{Name: "Better than chance", Value: fmt.Sprintf("%d of %d", trust.passed, trust.tested), Note: "scores that beat every control, corrected for their number"},
		},
	}
	c.page.Sections = []page.Section{
		{Title: "Scores", Blocks: slices.Concat([]page.Block{page.ScoreLegend(t, s.Settings.Class)}, page.ScoreTable(t), page.ScoreLayers(t))},
		{Title: "The metrics", Blocks: []page.Block{page.ScoreMetrics(t)}},
	}
	return []chapter{c}, nil
}

// trust is the conclusion of scores: which method can be trusted.
type trust struct {
	methods, passed, tested int
	kinds                   []string // kinds of metrics that decide, in table order
	best                    []string // methods that pass in all these kinds, with the most passes
	passes, metrics         int      // passed and tested metrics of a best method, in these kinds
}

// deciding are the kinds of metrics that decide whether a method can be trusted. A map can be stable
// and concentrated and still be wrong.
var deciding = []score.Kind{score.Faithfulness, score.Localization, score.Randomization}

// trustOf counts the scores that beat every control. A method can be trusted if it passes in at
// least one metric of each deciding kind.
func trustOf(t score.Table) trust {
	out := trust{}
	for _, m := range t.Metrics {
		if slices.Contains(deciding, m.Kind) && !slices.Contains(out.kinds, string(m.Kind)) {
			out.kinds = append(out.kinds, string(m.Kind))
		}
	}
	significant := t.Significant()
	for i, row := range t.Rows {
		if row.Control {
			continue
		}
		out.methods++
		passes, tested, kinds := 0, 0, map[string]bool{}
		for j, cell := range row.Cells {
			if len(cell.Values) == 0 {
				continue
			}
			out.tested++
			if significant[i][j] {
				out.passed++
			}
			if kind := string(t.Metrics[j].Kind); slices.Contains(out.kinds, kind) {
				tested++
				if significant[i][j] {
					passes++
					kinds[kind] = true
				}
			}
		}
		switch {
		case len(kinds) == 0 || len(kinds) < len(out.kinds) || passes < out.passes:
		case passes == out.passes:
			out.best = append(out.best, row.Method)
		default:
			out.best, out.passes, out.metrics = []string{row.Method}, passes, tested
		}
	}
	return out
}

// sentence returns the answer to the page's title, if there are enough scores.
func (t trust) sentence() string {
	kinds := strings.Join(t.kinds, ", ")
	switch len(t.best) {
	case 0:
		return fmt.Sprintf("These scores single out no method: none of the %d beats every control in a metric of each kind that decides (%s).", t.methods, kinds)
	case 1:
		return fmt.Sprintf("Trust %s most: it beats every control in %d of %d metrics of %s, in at least one of each.", t.best[0], t.passes, t.metrics, kinds)
	}
	return fmt.Sprintf("Trust %s most: each beats every control in %d metrics of %s, in at least one of each.", strings.Join(t.best, " and "), t.passes, kinds)
}

// scoreSetup lists the settings.
func scoreSetup(s *result.Scores) []page.Block {
	metrics := "all that could be computed"
	if len(s.Scoring.Metrics) > 0 {
		metrics = strings.Join(s.Scoring.Metrics, ", ")
	}
	return []page.Block{page.Facts{
		{Name: "Images", Value: fmt.Sprintf("%d of each class, of the %s", s.Scoring.PerClass, partName(s.Part))},
		{Name: "Mosaics", Value: fmt.Sprintf("%d of each class", s.Scoring.Mosaics)},
		{Name: "Metrics", Value: metrics},
		{Name: "Layer", Value: s.Settings.Layer},
		{Name: "Class", Value: s.Settings.Class},
		{Name: "Precision", Value: s.Settings.Precision.String()},
		{Name: "Seed", Value: fmt.Sprint(s.Settings.Seed)},
		{Name: "Model", Value: "fingerprint " + s.Settings.Model},
	}}
}

// partName returns the words for a part of a split.
func partName(part string) string {
	if part == "all" {
		return "whole data set"
	}
	return part + " set"
}
