package global

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oscar/dataset"
	"oscar/internal/text"
)

// Surrogate is a decision tree that imitates the model, and its agreement with the model.
type Surrogate struct {
	// Reason is the reason if there is no tree. Then all other fields are empty.
	Reason string `json:"reason,omitempty"`
	Grown  int    `json:"grown_on"` // number of images
	Leaves int    `json:"leaves"`
	Depth  int    `json:"depth"`
	// Agreement is measured on 30 % of the images, selected by content and seed. The tree was not grown
	// on these.
	Agreement Agreement `json:"agreement"`
	// ImageOnly is the agreement of a tree without features of maps, because a map depends on the class
	// that the model predicts.
	ImageOnly Agreement `json:"image_only"`
	// Strategies are the strategies of all classes' maps together. They give features such as "like
	// strategy 1 (80 % can)", with the class that is predicted most often for their maps. (Strategies
	// of one class would reveal the class.)
	Strategies *Strategies `json:"map_strategies"`
	Features   string      `json:"features"` // .csv with the features of every image, relative to the folder
	Tree       *Tree       `json:"tree"`

	rows [][]string // of the table of features
}

// testShare is the share of images that a tree is measured on.
const testShare = 0.3

// Imitate grows a tree that imitates the model on the images, and measures it on held-out images.
// classes are the model's. With too few images it returns a Surrogate with only Reason.
func Imitate(ctx context.Context, images []Image, classes []string, spray SpRAy, o TreeOptions) (*Surrogate, error) {
	s := &Surrogate{}
	test, err := testImages(images, o, spray.Seed)
	if err != nil {
		s.Reason = err.Error()
		return s, nil
	}
	list := drawn(images, spray.Seed, func(i Image) bool { return !test[i.Path] })
	if s.Strategies, err = spray.Cluster(ctx, mapsOf(list)); err != nil {
		return nil, err
	}
	grown := Table{Features: slices.Concat(ImageFeatures, MapFeatures, strategyFeatures(s.Strategies, list, classes)), Classes: classes}
	measured := grown
	s.rows = append(s.rows, featureHeader(grown.Features))
	for _, i := range images {
		row := append(slices.Clone(i.Features), s.nearest(i)...)
		table, part := &grown, "grown"
		if test[i.Path] {
			table, part = &measured, "held out"
		}
		table.Rows, table.Labels = append(table.Rows, row), append(table.Labels, i.Predicted)
		s.rows = append(s.rows, featureFields(i.Path, part, classes[i.Predicted], row))
	}
	s.Features = featuresFile
	return s, s.grow(grown, measured, o)
}

// testImages selects the images that the tree is measured on.
func testImages(images []Image, o TreeOptions, seed uint64) (map[string]bool, error) {
	folder := &dataset.Folder{Classes: []string{"images"}}
	for _, i := range images {
		folder.Items = append(folder.Items, dataset.Item{Path: i.Path, SHA256: i.SHA256})
	}
	if least := 4 * o.MinLeaf; len(folder.Items) < least {
		return nil, fmt.Errorf("%d images, want at least %d", len(folder.Items), least)
	}
	split, err := dataset.NewSplit(folder, [3]float64{1 - testShare, 0, testShare}, seed)
	if err != nil {
		return nil, err
	}
	test := map[string]bool{}
	for _, item := range split.Test {
		test[item.Path] = true
	}
	return test, nil
}

// grow grows both trees and measures them.
func (s *Surrogate) grow(grown, measured Table, o TreeOptions) error {
	tree, err := Grow(grown, o)
	if err != nil {
		return err
	}
	if s.Agreement, err = tree.Agree(measured); err != nil {
		return err
	}
	s.Tree, s.Grown = tree.Simplified(), len(grown.Rows)
	s.Leaves, s.Depth = s.Tree.Size()
	n := len(ImageFeatures)
	imageOnly, err := Grow(grown.First(n), o)
	if err != nil {
		return err
	}
	s.ImageOnly, err = imageOnly.Agree(measured.First(n))
	return err
}

// strategyFeatures returns a feature for each strategy, or nil if there are fewer than two
// strategies.
func strategyFeatures(s *Strategies, images []Image, classes []string) []Feature {
	if s.K < 2 {
		return nil
	}
	var out []Feature
	for k, cluster := range s.Clusters {
		counts := make([]int, len(classes))
		for _, at := range cluster.Central {
			counts[images[at].Predicted]++
		}
		most := slices.Index(counts, slices.Max(counts))
		share := fmt.Sprintf("%.0f %%", 100*float64(counts[most])/float64(cluster.Size))
		out = append(out, Feature{
			Name: fmt.Sprintf("like strategy %d (%s %s)", k+1, share, classes[most]), Unit: YesOrNo,
			About: fmt.Sprintf("1 if the mean map of strategy %d, of those of all classes together, is the nearest, else 0; %s of its maps are predicted as %s", k+1, share, classes[most]),
		})
	}
	return out
}

// nearest returns the strategy features of an image: 1 for the nearest strategy, 0 for the others.
func (s *Surrogate) nearest(i Image) []float64 {
	if s.Strategies.K < 2 {
		return nil
	}
	out := make([]float64, len(s.Strategies.Clusters))
	if k := s.Strategies.Nearest(i.Map); k >= 0 {
		out[k] = 1
	}
	return out
}

func featureHeader(features []Feature) []string {
	out := []string{"image", "part", "predicted"}
	for _, f := range features {
		out = append(out, f.Name)
	}
	return out
}

func featureFields(path, part, predicted string, row []float64) []string {
	out := []string{text.Cell(path), part, text.Cell(predicted)}
	for _, v := range row {
		out = append(out, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return out
}

// writeFeatures writes the table that the tree was grown and measured on, as
// CSV.
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

// StrategyNote returns a description of the strategies if a split of the tree uses one, else "".
func (s *Surrogate) StrategyNote() string {
	for i, f := range s.Tree.Features {
		if f.Unit == YesOrNo && s.Tree.Importances[i] > 0 {
			return "The strategies of its questions are of the maps of all classes together, not those of the single classes."
		}
	}
	return ""
}

// notes returns the text next to the tree: its agreement, and the strategy note.
func (s *Surrogate) notes() string {
	return strings.TrimSpace(s.summary() + "\n" + s.StrategyNote())
}

// summary returns a line about the tree's agreement with the model.
func (s *Surrogate) summary() string {
	a := s.Agreement
	return fmt.Sprintf("agrees with the model on %.2f of %d held-out images (95 %% %.2f to %.2f); the most frequent class alone %.2f; by image features alone %.2f",
		a.Share, a.Images, a.Interval[0], a.Interval[1], a.Majority, s.ImageOnly.Share)
}

// featuresFile is the table of features in the folder of results.
const featuresFile = "features.csv"

// WriteTree writes the tree as text, and the table of features.
func (d Drawing) WriteTree(s *Surrogate) error {
	return errors.Join(
		s.writeFeatures(filepath.Join(d.Dir, s.Features)),
		os.WriteFile(filepath.Join(d.Dir, "tree.txt"), []byte(s.notes()+"\n\n"+s.Tree.String()), 0o666),
	)
}
