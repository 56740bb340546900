package pipeline

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/report/page"
)

// scoreChapters reads a folder of scores.
func scoreChapters(_ context.Context, dir string) ([]chapter, error) {
	var s Scores
	if err := atomicfile.ReadJSON(filepath.Join(dir, scoresFile), &s); err != nil {
		return nil, err
	}
	t := s.Table
	if len(t.Rows) == 0 || len(t.Metrics) == 0 {
		return nil, fmt.Errorf("%s has no scores", filepath.Join(dir, scoresFile))
	}
	methods, beaten, asked := 0, 0, 0
	for _, row := range t.Rows {
		if row.Control {
			continue
		}
		methods++
		for i, cell := range row.Cells {
			if len(cell.Values) == 0 {
				continue
			}
			asked++
			if cell.Beats(t.Metrics[i].Better) {
				beaten++
			}
		}
	}
	c := chapter{dir: dir, subject: "The scores", setup: scoreSetup(s)}
	for _, n := range s.Notes {
		c.notes = append(c.notes, "scores: "+n)
	}
	c.page = page.Page{
		Kind: "oscar, scores", Title: "Which explanations to trust",
		Lead: fmt.Sprintf("%s judged on %s of the %s part, beside controls that know nothing.", page.Count(methods, "method"), page.Count(t.Images, "image"), s.Part),
		Figures: page.Figures{
			{Name: "Methods", Value: fmt.Sprint(methods)}, {Name: "Metrics", Value: fmt.Sprint(len(t.Metrics))}, {Name: "Images", Value: page.Thousands(t.Images)},
			{Name: "Beyond doubt", Value: fmt.Sprintf("%d of %d", beaten, asked), Note: "cells that clearly beat every control"},
		},
		Made: "oscar " + Version,
	}
	c.page.Sections = []page.Section{
		{Title: "Scores", Blocks: slices.Concat([]page.Block{page.ScoreLegend(t)}, page.ScoreTable(t), page.ScoreLayers(t))},
		{Title: "The metrics", Blocks: []page.Block{page.ScoreMetrics(t)}},
	}
	return []chapter{c}, nil
}

// scoreSetup is what was judged by what, and how to do it again.
func scoreSetup(s Scores) []page.Block {
	metrics := "all that could be asked"
	command := fmt.Sprintf("oscar score MODEL --out DIR --method %s --per-class %d --mosaics %d --split %s --seed %d",
		s.Settings.Method, s.Scoring.PerClass, s.Scoring.Mosaics, s.Part, s.Settings.Seed)
	if len(s.Scoring.Metrics) > 0 {
		metrics = strings.Join(s.Scoring.Metrics, ", ")
		command += " --metric " + strings.Join(s.Scoring.Metrics, ",")
	}
	if s.Settings.Samples > 0 {
		command += fmt.Sprintf(" --samples %d", s.Settings.Samples)
	}
	return []page.Block{
		page.Facts{
			{Name: "Images", Value: fmt.Sprintf("%d of each class, of the %s part", s.Scoring.PerClass, s.Part)},
			{Name: "Mosaics", Value: fmt.Sprintf("%d of each class", s.Scoring.Mosaics)},
			{Name: "Metrics", Value: metrics},
			{Name: "Layer", Value: s.Settings.Layer},
			{Name: "Class", Value: s.Settings.Class},
			{Name: "Seed", Value: fmt.Sprint(s.Settings.Seed)},
			{Name: "Model", Value: "fingerprint " + s.Settings.Model},
		},
		page.Text("To do it again:"), page.Code(command),
	}
}
