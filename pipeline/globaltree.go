package pipeline

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"oscar/dataset"
	"oscar/global"
)

// Surrogate is a decision tree that imitates the model, and how well it does.
type Surrogate struct {
	// Reason says why there is no tree; then all else is empty.
	Reason string `json:"reason,omitempty"`
	Grown  int    `json:"grown_on"` // images
	Leaves int    `json:"leaves"`
	Depth  int    `json:"depth"`
	// Agreement is on images that the tree was not grown on: 30 %, by content and
	// seed.
	Agreement global.Agreement `json:"agreement"`
	// ImageOnly is that of a tree which is grown without the features of maps:
	// what a map looks like depends on the class that the model has chosen.
	ImageOnly global.Agreement `json:"image_only"`
	// Strategies are those of the maps of all classes together, which give the
	// features "like strategy 1 (80 % can)" and so on: the class that most of its
	// maps are predicted as. (Those of a class would tell the tree which class it is.)
	Strategies *global.Strategies `json:"map_strategies"`
	Features   string             `json:"features"` // .csv, relative to the folder: every image's
	Tree       *global.Tree       `json:"tree"`

	rows [][]string // of the file
}

// heldOut is the share of images that a tree is measured on.
const heldOut = 0.3

// imitate grows the tree.
func (g *globally) imitate(ctx context.Context, seen *globalImages) error {
	g.Listener.stage("growing the tree")
	s := &Surrogate{}
	g.result.Tree = s
	held, err := g.held(seen)
	if err != nil {
		s.Reason = err.Error()
		return nil
	}
	drawn := seen.drawn(g.Settings.Seed, func(i globalImage) bool { return !held[i.item.Path] })
	if s.Strategies, err = g.spray().Cluster(ctx, heats(drawn)); err != nil {
		return err
	}
	features := slices.Concat(global.ImageFeatures, global.MapFeatures, g.strategyFeatures(s.Strategies, drawn))
	grown := global.Table{Features: features, Classes: g.result.Classes}
	measured := grown
	s.rows = append(s.rows, featureHeader(features))
	for _, i := range seen.images {
		row := append(slices.Clone(i.features), s.alike(i)...)
		table, part := &grown, "grown"
		if held[i.item.Path] {
			table, part = &measured, "held out"
		}
		table.Rows, table.Labels = append(table.Rows, row), append(table.Labels, i.predicted)
		s.rows = append(s.rows, featureFields(i.item.Path, part, g.result.Classes[i.predicted], row))
	}
	return s.grow(grown, measured, global.TreeOptions{Depth: g.Global.Depth, MinLeaf: g.Global.MinLeaf})
}

// held draws the images that the tree is measured on.
func (g *globally) held(seen *globalImages) (map[string]bool, error) {
	folder := &dataset.Folder{Classes: []string{"images"}}
	for _, i := range seen.images {
		folder.Items = append(folder.Items, dataset.Item{Path: i.item.Path, SHA256: i.item.SHA256})
	}
	if least := 4 * g.Global.MinLeaf; len(folder.Items) < least {
		return nil, fmt.Errorf("%d images, want at least %d", len(folder.Items), least)
	}
	split, err := dataset.NewSplit(folder, [3]float64{1 - heldOut, 0, heldOut}, g.Settings.Seed)
	if err != nil {
		return nil, err
	}
	held := map[string]bool{}
	for _, item := range split.Test {
		held[item.Path] = true
	}
	return held, nil
}

// grow grows both trees and measures them.
func (s *Surrogate) grow(grown, measured global.Table, o global.TreeOptions) error {
	tree, err := global.Grow(grown, o)
	if err != nil {
		return err
	}
	if s.Agreement, err = tree.Agree(measured); err != nil {
		return err
	}
	s.Tree, s.Grown, s.Features = tree.Simplified(), len(grown.Rows), featuresFile
	s.Leaves, s.Depth = s.Tree.Size()
	n := len(global.ImageFeatures)
	plain, err := global.Grow(grown.First(n), o)
	if err != nil {
		return err
	}
	s.ImageOnly, err = plain.Agree(measured.First(n))
	return err
}

// strategyFeatures are a feature for each strategy of the maps drawn, if there are
// several.
func (g *globally) strategyFeatures(s *global.Strategies, drawn []globalImage) []global.Feature {
	if s.K < 2 {
		return nil
	}
	var out []global.Feature
	for k, cluster := range s.Clusters {
		counts := make([]int, len(g.result.Classes))
		for _, at := range cluster.Central {
			counts[drawn[at].predicted]++
		}
		most := argmax(counts)
		share := fmt.Sprintf("%.0f %%", 100*float64(counts[most])/float64(cluster.Size))
		class := g.result.Classes[most]
		out = append(out, global.Feature{
			Name: fmt.Sprintf("like strategy %d (%s %s)", k+1, share, class), Unit: global.YesOrNo,
			About: fmt.Sprintf("1 if the mean map of strategy %d, of those of all classes together, is the nearest, else 0; %s of its maps are predicted as %s", k+1, share, class),
		})
	}
	return out
}

func (s *Surrogate) alike(i globalImage) []float64 {
	if s.Strategies.K < 2 {
		return nil
	}
	out := make([]float64, len(s.Strategies.Clusters))
	if k := s.Strategies.Nearest(i.heat); k >= 0 {
		out[k] = 1
	}
	return out
}

func featureHeader(features []global.Feature) []string {
	out := []string{"image", "part", "predicted"}
	for _, f := range features {
		out = append(out, f.Name)
	}
	return out
}

func featureFields(path, part, predicted string, row []float64) []string {
	out := []string{path, part, predicted}
	for _, v := range row {
		out = append(out, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return out
}

// writeFeatures writes the table that the tree was grown and measured on.
func (s *Surrogate) writeFeatures(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = csv.NewWriter(f).WriteAll(s.rows)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// strategies says whose the strategies are, if the tree asks for one, or is "".
func (s *Surrogate) strategies() string {
	for i, f := range s.Tree.Features {
		if f.Unit == global.YesOrNo && s.Tree.Importances[i] > 0 {
			return "The strategies of its questions are of the maps of all classes together, not those of the single classes."
		}
	}
	return ""
}

// notes are what stands beside the tree: the summary, and whose the strategies are.
func (s *Surrogate) notes() string {
	return strings.TrimSpace(s.summary() + "\n" + s.strategies())
}

// summary is the tree's fidelity in a line.
func (s *Surrogate) summary() string {
	a := s.Agreement
	return fmt.Sprintf("agrees with the model on %.2f of %d held-out images (95 %% %.2f to %.2f); the most frequent class alone %.2f; by image features alone %.2f",
		a.Share, a.Images, a.Interval[0], a.Interval[1], a.Majority, s.ImageOnly.Share)
}
