package global_test

import (
	"math"
	"slices"
	"testing"

	"oscar/global"
)

func table(features int, rows ...[]float64) global.Table {
	t := global.Table{Classes: []string{"glass", "metal", "paper"}}
	for i := range features {
		t.Features = append(t.Features, global.Feature{Name: string(rune('a' + i)), Unit: []string{"share", "degrees"}[i%2]})
	}
	for _, row := range rows {
		t.Rows, t.Labels = append(t.Rows, row[:features]), append(t.Labels, int(row[features]))
	}
	return t
}

func grow(t *testing.T, on global.Table, o global.TreeOptions) *global.Tree {
	t.Helper()
	tree, err := global.Grow(on, o)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestTreeByHand(t *testing.T) {
	on := table(2,
		[]float64{1, 5, 0}, []float64{2, 5, 0}, []float64{3, 5, 0},
		[]float64{5, 1, 1}, []float64{6, 1, 1}, []float64{7, 9, 2}, []float64{8, 9, 2}, []float64{9, 9, 2})
	tree := grow(t, on, global.TreeOptions{MinLeaf: 1})
	// Gini: root 1 - (9+4+9)/64; after a <= 4: 0 and 1 - (4+9)/25.
	r := tree.Root
	if r.Feature != 0 || r.Threshold != 4 || math.Abs(r.Impurity-(1-22./64)) > 1e-15 || math.Abs(r.Right.Impurity-(1-13./25)) > 1e-15 {
		t.Errorf("the root asks for %d at %v, impurity %v", r.Feature, r.Threshold, r.Impurity)
	}
	if !r.Left.Leaf() || r.Left.Class != 0 || r.Right.Feature != 0 || r.Right.Threshold != 6.5 {
		t.Errorf("then %+v and %+v", r.Left, r.Right) // of a at 6.5 and b at 5, which are as good, the first
	}
	if leaves, depth := tree.Size(); leaves != 3 || depth != 2 {
		t.Errorf("%d leaves, depth %d", leaves, depth)
	}
	const want = "a <= 4?\n├─ yes: glass, 3 of 3\n└─ no: a <= 6.5?\n   ├─ yes: metal, 2 of 2\n   └─ no: paper, 3 of 3\n"
	if got := tree.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !slices.Equal(tree.Importances, []float64{1, 0}) {
		t.Errorf("importances %v", tree.Importances)
	}
	for i, row := range on.Rows {
		if tree.Predict(row) != on.Labels[i] {
			t.Errorf("row %d is %d", i, tree.Predict(row))
		}
	}
}

// Where no single question helps, two do: the first is asked although it gains
// nothing.
func TestTreeOfXOR(t *testing.T) {
	on := table(2, []float64{0, 0, 0}, []float64{0, 1, 1}, []float64{1, 0, 1}, []float64{1, 1, 0})
	tree := grow(t, on, global.TreeOptions{MinLeaf: 1})
	for i, row := range on.Rows {
		if tree.Predict(row) != on.Labels[i] {
			t.Errorf("row %d is %d", i, tree.Predict(row))
		}
	}
}

func TestTreeBounds(t *testing.T) {
	var rows [][]float64
	for i := range 40 {
		rows = append(rows, []float64{float64(i), float64(i * 7 % 40), float64(i / 3 % 3)})
	}
	on := table(2, rows...)
	for _, o := range []global.TreeOptions{{Depth: 1, MinLeaf: 1}, {Depth: 3, MinLeaf: 4}, {Depth: 9, MinLeaf: 6}, {}} {
		tree := grow(t, on, o)
		leaf, deep := o.MinLeaf, o.Depth
		if o == (global.TreeOptions{}) {
			leaf, deep = global.DefaultMinLeaf, global.DefaultDepth
		}
		if _, depth := tree.Size(); depth > deep {
			t.Errorf("%+v: depth %d", o, depth)
		}
		var walk func(*global.Node)
		walk = func(n *global.Node) {
			if n.Samples < leaf {
				t.Errorf("%+v: a leaf of %d", o, n.Samples)
			}
			if !n.Leaf() {
				if n.Left.Samples+n.Right.Samples != n.Samples {
					t.Errorf("%d and %d are not %d", n.Left.Samples, n.Right.Samples, n.Samples)
				}
				walk(n.Left)
				walk(n.Right)
			}
		}
		walk(tree.Root)
		simple := tree.Simplified()
		for _, row := range on.Rows {
			if tree.Predict(row) != simple.Predict(row) {
				t.Errorf("simplified, %v is %d, not %d", row, simple.Predict(row), tree.Predict(row))
			}
		}
		a, _ := tree.Size()
		if b, _ := simple.Size(); b > a {
			t.Errorf("simplified, %d leaves became %d", a, b)
		}
	}
}

func TestSimplified(t *testing.T) {
	leaf := func(class int) *global.Node { return &global.Node{Class: class} }
	tree := &global.Tree{Root: &global.Node{
		Left:  &global.Node{Left: leaf(1), Right: &global.Node{Class: 1, Left: leaf(1), Right: leaf(1)}, Class: 1, Threshold: 2},
		Right: &global.Node{Left: leaf(1), Right: leaf(0)},
	}}
	simple := tree.Simplified()
	if leaves, depth := simple.Size(); leaves != 3 || depth != 2 || !simple.Root.Left.Leaf() || simple.Root.Left.Class != 1 {
		t.Errorf("%d leaves, depth %d", leaves, depth)
	}
	if leaves, _ := tree.Size(); leaves != 5 {
		t.Errorf("the tree itself was changed: %d leaves", leaves)
	}
}

func TestTreeOfOneClass(t *testing.T) {
	on := table(1, []float64{1, 2}, []float64{2, 2}, []float64{3, 2})
	tree := grow(t, on, global.TreeOptions{})
	a, err := tree.Agree(on)
	if err != nil || !tree.Root.Leaf() || a.Share != 1 || a.Majority != 1 || tree.Importances[0] != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAgreementByHand(t *testing.T) {
	tree := grow(t, table(1, []float64{1, 0}, []float64{2, 0}, []float64{3, 0}, []float64{8, 1}, []float64{9, 1}), global.TreeOptions{MinLeaf: 1})
	a, err := tree.Agree(table(1, []float64{1, 0}, []float64{2, 1}, []float64{9, 1}, []float64{9, 2}, []float64{5, 0}))
	if err != nil {
		t.Fatal(err)
	}
	// Said: 0 0 1 1 0; the network: 0 1 1 2 0.
	if a.Images != 5 || a.Agree != 3 || a.Share != 0.6 || a.Majority != 0.4 {
		t.Errorf("%+v", a)
	}
	// Wilson, 3 of 5.
	if math.Abs(a.Interval[0]-0.23072) > 1e-4 || math.Abs(a.Interval[1]-0.88238) > 1e-4 {
		t.Errorf("interval %v", a.Interval)
	}
	if a.Confusion.Counts[1][0] != 1 || a.Confusion.Counts[2][1] != 1 {
		t.Errorf("confusion %v", a.Confusion.Counts)
	}
}

func TestTreeRefusals(t *testing.T) {
	good := table(1, []float64{1, 0}, []float64{2, 1})
	tree := grow(t, good, global.TreeOptions{MinLeaf: 1})
	nan, long, label := table(1, []float64{math.NaN(), 0}), table(1, []float64{1, 0}), table(1, []float64{1, 7})
	long.Rows[0] = []float64{1, 2}
	for name, bad := range map[string]global.Table{"NaN": nan, "two values": long, "class 7": label, "no rows": table(1)} {
		if _, err := global.Grow(bad, global.TreeOptions{}); err == nil {
			t.Errorf("%s: grown", name)
		}
		if _, err := tree.Agree(bad); err == nil {
			t.Errorf("%s: measured", name)
		}
	}
	if _, err := tree.Agree(table(2, []float64{1, 2, 0})); err == nil {
		t.Error("measured on other features")
	}
	if _, err := global.Grow(good, global.TreeOptions{Depth: -1}); err == nil {
		t.Error("grown to depth -1")
	}
}

// What an image has or has not is asked for by its name, and yes is that it has it.
func TestTreeAsksYesOrNo(t *testing.T) {
	on := table(2, []float64{0, 1, 0}, []float64{0, 2, 0}, []float64{1, 1, 1}, []float64{1, 5, 2}, []float64{1, 6, 2})
	on.Features[0] = global.Feature{Name: "like strategy 3 (100 % paper)", Unit: global.YesOrNo}
	const want = "like strategy 3 (100 % paper)?\n├─ yes: b <= 3 degrees?\n│  ├─ yes: metal, 1 of 1\n│  └─ no: paper, 2 of 2\n└─ no: glass, 2 of 2\n"
	if got := grow(t, on, global.TreeOptions{MinLeaf: 1}).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
