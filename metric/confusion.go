package metric

import (
	"cmp"
	"fmt"
	"slices"
)

// Confusion is a confusion matrix: Counts has a row for each true class and a
// column for each predicted one, in the order of Classes. It is not safe for
// concurrent use.
type Confusion struct {
	Classes []string `json:"classes"`
	Counts  [][]int  `json:"counts"`
}

// NewConfusion returns a matrix of zeros.
func NewConfusion(classes []string) *Confusion {
	counts := make([][]int, len(classes))
	for i := range counts {
		counts[i] = make([]int, len(classes))
	}
	return &Confusion{slices.Clone(classes), counts}
}

// Add counts one image by the indices of its true and its predicted class.
func (c *Confusion) Add(truth, predicted int) error {
	for _, class := range []int{truth, predicted} {
		if class < 0 || class >= len(c.Classes) {
			return fmt.Errorf("confusion: no class %d; have 0 to %d", class, len(c.Classes)-1)
		}
	}
	c.Counts[truth][predicted]++
	return nil
}

// Merge adds the counts of another matrix of the same classes in the same
// order.
func (c *Confusion) Merge(other *Confusion) error {
	if !slices.Equal(c.Classes, other.Classes) {
		return fmt.Errorf("confusion: cannot merge classes %q into %q; want the same in the same order", other.Classes, c.Classes)
	}
	for i, row := range other.Counts {
		for j, n := range row {
			c.Counts[i][j] += n
		}
	}
	return nil
}

// Total returns the number of counted images.
func (c *Confusion) Total() int {
	total := 0
	for i := range c.Classes {
		total += c.support(i)
	}
	return total
}

// Correct returns the number of correctly predicted images.
func (c *Confusion) Correct() int {
	correct := 0
	for i := range c.Classes {
		correct += c.Counts[i][i]
	}
	return correct
}

// Accuracy returns the share of correctly predicted images, 0..1; 0 without images.
func (c *Confusion) Accuracy() float64 { return ratio(c.Correct(), c.Total()) }

// MostClasses is the maximum number of classes of a confusion matrix that is shown. For more classes
// [Confusion.Confused] is shown instead.
const MostClasses = 24

// Confused is a pair of classes that were confused.
type Confused struct {
	Truth, Predicted string
	Images           int
	Share            float64 // of the images of the true class, 0..1
}

// Confused returns the pairs of confused classes, the most frequent first.
func (c *Confusion) Confused() []Confused {
	var out []Confused
	for i, row := range c.Counts {
		support := c.support(i)
		for j, n := range row {
			if i != j && n > 0 {
				out = append(out, Confused{c.Classes[i], c.Classes[j], n, ratio(n, support)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Confused) int { return cmp.Compare(b.Images, a.Images) })
	return out
}

// support returns the number of images of a class.
func (c *Confusion) support(class int) int {
	sum := 0
	for _, n := range c.Counts[class] {
		sum += n
	}
	return sum
}

// predictions returns the number of images predicted as a class.
func (c *Confusion) predictions(class int) int {
	sum := 0
	for _, row := range c.Counts {
		sum += row[class]
	}
	return sum
}

// ratio returns a/b, and 0 for 0/0.
func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
