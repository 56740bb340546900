package report

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"oscar/report/page"
	"oscar/result"
)

// scoreChapters reads a folder of scores.
func scoreChapters(_ context.Context, dir string) ([]chapter, error) {
	s, err := result.ReadScores(dir)
	if err != nil {
		return nil, err
	}
	t := s.Table
	if len(t.Rows) == 0 || len(t.Metrics) == 0 {
		return nil, fmt.Errorf("%s has no scores", filepath.Join(dir, result.ScoreFile))
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
		Lead: fmt.Sprintf("%s judged on %s of the %s part, beside controls that know nothing.", page.Count(methods, "method"), page.Count(t.Images, "image"), s.Part),
		Figures: page.Figures{
			{Name: "Methods", Value: fmt.Sprint(methods)}, {Name: "Metrics", Value: fmt.Sprint(len(t.Metrics))}, {Name: "Images", Value: page.Thousands(t.Images)},
			{Name: "Beyond doubt", Value: fmt.Sprintf("%d of %d", beaten, asked), Note: "cells that clearly beat every control"},
		},
	}
	c.page.Sections = []page.Section{
		{Title: "Scores", Blocks: slices.Concat([]page.Block{page.ScoreLegend(t)}, page.ScoreTable(t), page.ScoreLayers(t))},
		{Title: "The metrics", Blocks: []page.Block{page.ScoreMetrics(t)}},
	}
	return []chapter{c}, nil
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
