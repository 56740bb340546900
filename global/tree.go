package global

import (
	"cmp"
	"fmt"
	"slices"

	"oscar/internal/numeric"
)

// Table is the data that a tree is grown on: a row per image, a column per feature,
// and the class that the network predicts.
type Table struct {
	Features []Feature
	Classes  []string
	Rows     [][]float64
	Labels   []int // indices into Classes
}

// check returns an error for an invalid table.
func (t Table) check() error {
	if len(t.Labels) != len(t.Rows) {
		return fmt.Errorf("%d labels for %d rows", len(t.Labels), len(t.Rows))
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Features) {
			return fmt.Errorf("row %d has %d values for %d features", i, len(row), len(t.Features))
		}
		for j, v := range row {
			if !numeric.Finite(v) {
				return fmt.Errorf("row %d: feature %s is %v", i, t.Features[j].Name, v)
			}
		}
		if t.Labels[i] < 0 || t.Labels[i] >= len(t.Classes) {
			return fmt.Errorf("row %d has class %d of %d", i, t.Labels[i], len(t.Classes))
		}
	}
	return nil
}

// First returns the table with only the first n features.
func (t Table) First(n int) Table {
	t.Features = t.Features[:n]
	cut := make([][]float64, len(t.Rows))
	for i, row := range t.Rows {
		cut[i] = row[:n]
	}
	t.Rows = cut
	return t
}

// TreeOptions limit the size of a tree.
type TreeOptions struct {
	Depth   int // maximum number of questions from the root to a leaf; 0: DefaultDepth
	MinLeaf int // minimum number of rows in a leaf; 0: DefaultMinLeaf
}

// The defaults give a tree that fits on one screen.
const (
	DefaultDepth   = 4
	DefaultMinLeaf = 5
)

// Tree is a surrogate model: a decision tree that imitates a network's predictions
// (TREPAN, Craven, Shavlik 1996). [Agreement] measures how well.
type Tree struct {
	Features    []Feature `json:"features"`
	Classes     []string  `json:"classes"`
	Root        *Node     `json:"root"`
	Importances []float64 `json:"importances"` // per feature: share of the reduction of Gini impurity; they sum to 1, or are all 0
}

// Node is a split or a leaf. A leaf has no Left and Right.
type Node struct {
	Samples  int     `json:"samples"` // rows of the table in this node
	Counts   []int   `json:"counts"`  // rows per class
	Class    int     `json:"class"`   // the most frequent class, the first of equal ones
	Impurity float64 `json:"impurity"`
	// Of a split: rows with Feature <= Threshold go left.
	Feature   int     `json:"feature"`
	Threshold float64 `json:"threshold"`
	Left      *Node   `json:"left,omitempty"`
	Right     *Node   `json:"right,omitempty"`
}

// Leaf reports whether the node is a leaf.
func (n *Node) Leaf() bool { return n.Left == nil }

// Grow grows a CART (Breiman et al. 1984) with the Gini impurity 1 - sum_c p_c^2, from the root
// down. A split minimizes the mean impurity of the children and lies half-way between two
// neighboring values. Of equal splits it takes the first feature and the lowest value. A node is a
// leaf if it is pure, if it has the maximum depth, or if no split leaves MinLeaf rows on both sides.
func Grow(t Table, o TreeOptions) (*Tree, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	switch {
	case o.Depth < 0 || o.MinLeaf < 0:
		return nil, fmt.Errorf("depth %d, %d rows a leaf: want at least 1, or 0 for the default", o.Depth, o.MinLeaf)
	case len(t.Rows) == 0 || len(t.Classes) == 0:
		return nil, fmt.Errorf("a tree needs rows to grow on; have none")
	}
	g := grower{t, cmp.Or(o.MinLeaf, DefaultMinLeaf), make([]float64, len(t.Features))}
	all := make([]int, len(t.Rows))
	for i := range all {
		all[i] = i
	}
	tree := &Tree{Features: t.Features, Classes: t.Classes, Root: g.grow(all, cmp.Or(o.Depth, DefaultDepth)), Importances: g.gains}
	total := 0.0
	for _, gain := range g.gains {
		total += gain
	}
	for i := range g.gains {
		if total > 0 {
			g.gains[i] /= total
		}
	}
	return tree, nil
}

type grower struct {
	Table
	minLeaf int
	gains   []float64 // per feature: reduction of impurity times rows
}

func (g grower) grow(rows []int, depth int) *Node {
	n := &Node{Samples: len(rows), Counts: make([]int, len(g.Classes))}
	for _, r := range rows {
		n.Counts[g.Labels[r]]++
	}
	n.Class = slices.Index(n.Counts, slices.Max(n.Counts))
	n.Impurity = gini(n.Counts, n.Samples)
	if depth == 0 || n.Counts[n.Class] == n.Samples {
		return n
	}
	best := split{purity: -1}
	sorted := slices.Clone(rows)
	for f := range g.Features {
		slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(g.Rows[a][f], g.Rows[b][f]) })
		g.try(sorted, f, n.Counts, &best)
	}
	if best.purity < 0 {
		return n
	}
	var left, right []int
	for _, r := range rows {
		if g.Rows[r][best.feature] <= best.threshold {
			left = append(left, r)
		} else {
			right = append(right, r)
		}
	}
	n.Feature, n.Threshold = best.feature, best.threshold
	n.Left, n.Right = g.grow(left, depth-1), g.grow(right, depth-1)
	g.gains[n.Feature] += float64(n.Samples)*n.Impurity - float64(n.Left.Samples)*n.Left.Impurity - float64(n.Right.Samples)*n.Right.Impurity
	return n
}

// split is a division of rows. Its purity is sum_c l_c^2 / l + sum_c r_c^2 / r for the class counts
// on the left and on the right. The purity is largest if the mean impurity is smallest.
type split struct {
	feature   int
	threshold float64
	purity    float64
}

// try replaces best by the best split with a feature, if this one is better. rows are sorted by the
// feature.
func (g grower) try(rows []int, feature int, counts []int, best *split) {
	left, right := make([]int, len(counts)), slices.Clone(counts)
	var squaresLeft, squaresRight int // sums of squared counts
	for _, c := range counts {
		squaresRight += c * c
	}
	for i, r := range rows[:len(rows)-1] {
		c := g.Labels[r]
		squaresLeft += 2*left[c] + 1
		squaresRight -= 2*right[c] - 1
		left[c]++
		right[c]--
		low, high := g.Rows[r][feature], g.Rows[rows[i+1]][feature]
		if low == high || i+1 < g.minLeaf || len(rows)-i-1 < g.minLeaf {
			continue
		}
		purity := float64(squaresLeft)/float64(i+1) + float64(squaresRight)/float64(len(rows)-i-1)
		if purity > best.purity {
			threshold := low + (high-low)/2
			if threshold >= high { // no number between adjacent floats
				threshold = low
			}
			*best = split{feature, threshold, purity}
		}
	}
}

func gini(counts []int, total int) float64 {
	impurity := 1.0
	for _, c := range counts {
		p := float64(c) / float64(total)
		impurity -= p * p
	}
	return impurity
}

// Predict returns the class of a row.
func (t *Tree) Predict(row []float64) int {
	n := t.Root
	for !n.Leaf() {
		if row[n.Feature] <= n.Threshold {
			n = n.Left
		} else {
			n = n.Right
		}
	}
	return n.Class
}

// Simplified returns the tree without useless splits: if all leaves below a node have the same
// class, the node becomes a leaf. The predictions stay the same.
func (t *Tree) Simplified() *Tree {
	out := *t
	out.Root = t.Root.simplified()
	return &out
}

func (n *Node) simplified() *Node {
	out := *n
	if n.Leaf() {
		return &out
	}
	out.Left, out.Right = n.Left.simplified(), n.Right.simplified()
	if out.Left.Leaf() && out.Right.Leaf() && out.Left.Class == out.Right.Class {
		out.Feature, out.Threshold, out.Left, out.Right = 0, 0, nil, nil
	}
	return &out
}

// Size returns the number of leaves, and the number of splits from the root to the deepest leaf.
func (t *Tree) Size() (leaves, depth int) { return t.Root.size() }

func (n *Node) size() (leaves, depth int) {
	if n.Leaf() {
		return 1, 0
	}
	l, deepLeft := n.Left.size()
	r, deepRight := n.Right.size()
	return l + r, 1 + max(deepLeft, deepRight)
}
