package global

import (
	"fmt"
	"slices"

	"oscar/metric"
)

// Agreement is a tree's fidelity: the share of images for which it predicts the same class as the
// network. The images are ones that the tree was not grown on. Compare the share with Majority, the
// agreement of a tree without splits.
type Agreement struct {
	Images    int               `json:"images"`
	Agree     int               `json:"agree"`
	Share     float64           `json:"share"`     // 0..1
	Interval  [2]float64        `json:"interval"`  // 95 %, Wilson
	Majority  float64           `json:"majority"`  // share of the most frequent class at the tree's root
	Confusion *metric.Confusion `json:"confusion"` // rows: the network's prediction, columns: the tree's
}

// Agree measures a tree on a table that it was not grown on.
func (t *Tree) Agree(on Table) (Agreement, error) {
	if err := on.check(); err != nil {
		return Agreement{}, err
	}
	if len(on.Features) != len(t.Features) || !slices.Equal(on.Classes, t.Classes) {
		return Agreement{}, fmt.Errorf("the table's features or classes are not those of the tree")
	}
	if len(on.Rows) == 0 {
		return Agreement{}, fmt.Errorf("no images to measure the tree on")
	}
	a := Agreement{Images: len(on.Rows), Confusion: metric.NewConfusion(t.Classes)}
	majority := 0
	for i, row := range on.Rows {
		if err := a.Confusion.Add(on.Labels[i], t.Predict(row)); err != nil {
			return a, err
		}
		if on.Labels[i] == t.Root.Class {
			majority++
		}
	}
	a.Agree = a.Confusion.Correct()
	a.Share, a.Majority = float64(a.Agree)/float64(a.Images), float64(majority)/float64(a.Images)
	a.Interval[0], a.Interval[1] = metric.Wilson95(a.Agree, a.Images)
	return a, nil
}
