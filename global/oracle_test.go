package global_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"oscar/explain"
	"oscar/global"
)

// The oracle is oracles/global/make.py: scikit-learn, SciPy, scikit-image and
// Captum.
var oracle struct {
	Spectra []struct {
		Side, Neighbours           int
		Maps                       [][]float32
		Eigenvalues                []float64
		Groups                     []int
		Silhouette, SilhouetteMaps float64
	}
	Trees []struct {
		Depth, MinLeaf, Grown                              int
		Ties                                               bool
		Rows                                               [][]float64
		Labels, Left, Right, Feature, Samples, Predictions []int
		Threshold, Impurity, Importances                   []float64
	}
	Fits []struct {
		C       float64
		X       [][]float32
		Y       []bool
		Weights []float64
		Bias    float64
	}
	TCAV struct {
		Concept, Random [][]float32
		Gradients       [][][]float32
		Scores          []float64
	}
	Tests []struct {
		A, B []float64
		P    float64
	}
	Picture struct {
		Height, Width int
		Pixels        []int
		Values        map[string]float64
	}
}

func TestMain(m *testing.M) {
	data, err := os.ReadFile("../oracles/global/testdata/global.json")
	if err == nil {
		err = json.Unmarshal(data, &oracle)
	}
	if err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// near wants every value within bound of the oracle's, as a share of its largest,
// and logs the largest difference.
func near(t *testing.T, what string, got, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d values, the oracle has %d", what, len(got), len(want))
	}
	apart, largest := 0.0, 0.0
	for i, w := range want {
		apart, largest = max(apart, math.Abs(got[i]-w)), max(largest, math.Abs(w))
	}
	if !(apart <= bound*largest) {
		t.Errorf("%s: apart by %.2g of %.2g, more than %.0e", what, apart, largest, bound)
	}
	t.Logf("%s: apart by %.1e of the largest", what, apart/largest)
}

func TestSpectrumOracle(t *testing.T) {
	for _, o := range oracle.Spectra {
		maps := make([]explain.Grid, len(o.Maps))
		points := make([][]float64, len(o.Maps))
		for i, values := range o.Maps {
			maps[i] = explain.Grid{Height: o.Side, Width: o.Side, Values: values}
			mass := 0.0
			for _, v := range values {
				mass += math.Abs(float64(v))
			}
			for _, v := range values {
				points[i] = append(points[i], float64(v)/mass)
			}
		}
		s, err := global.SpRAy{Side: o.Side, Neighbours: o.Neighbours}.Cluster(t.Context(), maps)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "eigenvalues", s.Eigenvalues, o.Eigenvalues, 1e-12)
		if o.Groups == nil {
			if s.K != 1 {
				t.Errorf("one group: %+v", s)
			}
			continue
		}
		k := 0
		for _, g := range o.Groups {
			k = max(k, g+1)
		}
		if s.K != k || !samePartition(s.Groups, o.Groups) {
			t.Errorf("%d groups %v, scikit-learn has %v", s.K, s.Groups, o.Groups)
		}
		_, embedded, plain, err := global.Embed(points, o.Neighbours, k, 1)
		if err != nil {
			t.Fatal(err)
		}
		// scikit-learn's distances are those of a matrix product, which loses digits.
		near(t, "silhouettes", []float64{embedded, plain, s.Silhouette, s.SilhouetteMaps}, []float64{o.Silhouette, o.SilhouetteMaps, o.Silhouette, o.SilhouetteMaps}, 1e-7)
	}
}

// samePartition says whether two lists of groups differ in their numbers only.
func samePartition(a, b []int) bool {
	ab, ba := map[int]int{}, map[int]int{}
	for i := range a {
		if to, ok := ab[a[i]]; ok && to != b[i] {
			return false
		}
		if to, ok := ba[b[i]]; ok && to != a[i] {
			return false
		}
		ab[a[i]], ba[b[i]] = b[i], a[i]
	}
	return len(a) == len(b)
}

func TestTreeOracle(t *testing.T) {
	for _, o := range oracle.Trees {
		for _, row := range o.Rows { // written in as few digits as tell a float32
			for j, v := range row {
				row[j] = float64(float32(v))
			}
		}
		table := global.Table{Classes: []string{"a", "b", "c", "d"}, Rows: o.Rows[:o.Grown], Labels: o.Labels[:o.Grown]}
		for range o.Rows[0] {
			table.Features = append(table.Features, global.Feature{Name: "x"})
		}
		tree, err := global.Grow(table, global.TreeOptions{Depth: o.Depth, MinLeaf: o.MinLeaf})
		if err != nil {
			t.Fatal(err)
		}
		if o.Ties {
			// Of equal splits scikit-learn takes one by its seed: the purity of the
			// first must be the same, and they do about as well.
			if samples := o.Samples[o.Left[0]]; tree.Root.Left.Samples != samples || tree.Root.Feature != o.Feature[0] {
				t.Errorf("the first split leaves %d rows by %d, scikit-learn's %d by %d", tree.Root.Left.Samples, tree.Root.Feature, samples, o.Feature[0])
			}
			ours, theirs := 0, 0
			for i, row := range o.Rows[:o.Grown] {
				ours, theirs = ours+same(tree.Predict(row), o.Labels[i]), theirs+same(o.Predictions[i], o.Labels[i])
			}
			t.Logf("with ties: %d and %d of %d right", ours, theirs, o.Grown)
			if ours < theirs-3 {
				t.Errorf("%d right, scikit-learn has %d", ours, theirs)
			}
			continue
		}
		var got, want []float64
		var walk func(n *global.Node, at int)
		walk = func(n *global.Node, at int) {
			got, want = append(got, n.Impurity), append(want, o.Impurity[at])
			if n.Samples != o.Samples[at] || n.Leaf() != (o.Left[at] < 0) {
				t.Fatalf("node %d has %d rows, leaf %v; scikit-learn's %d, %v", at, n.Samples, n.Leaf(), o.Samples[at], o.Left[at] < 0)
			}
			if n.Leaf() {
				return
			}
			if n.Feature != o.Feature[at] {
				t.Errorf("node %d asks for %d, scikit-learn's for %d", at, n.Feature, o.Feature[at])
			}
			got, want = append(got, n.Threshold), append(want, o.Threshold[at])
			walk(n.Left, o.Left[at])
			walk(n.Right, o.Right[at])
		}
		walk(tree.Root, 0)
		near(t, "impurities and thresholds", got, want, 1e-12)
		near(t, "importances", tree.Importances, o.Importances, 1e-12)
		simple := tree.Simplified()
		for i, row := range o.Rows {
			if tree.Predict(row) != o.Predictions[i] || simple.Predict(row) != o.Predictions[i] {
				t.Errorf("row %d is %d, simplified %d; scikit-learn says %d", i, tree.Predict(row), simple.Predict(row), o.Predictions[i])
			}
		}
	}
}

func same(a, b int) int {
	if a == b {
		return 1
	}
	return 0
}

func TestLogisticOracle(t *testing.T) {
	for _, o := range oracle.Fits {
		weights, bias, err := global.Logistic(o.X, o.Y, o.C)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "weights and bias", append(weights, bias), append(o.Weights, o.Bias), 1e-4)
	}
}

// The same activations and gradients, another classifier: the scores are
// Captum's.
func TestTCAVOracle(t *testing.T) {
	o := oracle.TCAV
	labels := make([]bool, len(o.Concept)+len(o.Random))
	for i := range o.Concept {
		labels[i] = true
	}
	weights, _, err := global.Logistic(append(append([][]float32{}, o.Concept...), o.Random...), labels, 1)
	if err != nil {
		t.Fatal(err)
	}
	cav := global.CAV{Direction: make([]float32, len(weights))}
	for i, w := range weights {
		cav.Direction[i] = float32(w)
	}
	var scores []float64
	for _, class := range o.Gradients {
		moved := 0
		for _, gradient := range class {
			if cav.Moves(gradient) {
				moved++
			}
		}
		scores = append(scores, float64(moved)/float64(len(class)))
	}
	near(t, "scores", scores, o.Scores, 1e-6) // Captum's are in float32
}

func TestWelchOracle(t *testing.T) {
	for _, o := range oracle.Tests {
		near(t, "p", []float64{global.Welch(o.A, o.B)}, []float64{o.P}, 1e-10)
	}
}

func TestImageFeaturesOracle(t *testing.T) {
	o := oracle.Picture
	p := global.Picture{Height: o.Height, Width: o.Width}
	for _, v := range o.Pixels {
		p.Pixels = append(p.Pixels, uint8(v))
	}
	got := global.MeasureImage(p)
	if len(got) != len(global.ImageFeatures) || len(o.Values) != len(got) {
		t.Fatalf("%d values of %d features, the oracle has %d", len(got), len(global.ImageFeatures), len(o.Values))
	}
	for i, f := range global.ImageFeatures {
		if want, ok := o.Values[f.Name]; !ok || want == 0 {
			t.Errorf("the oracle has %v for %s", want, f.Name)
		}
		near(t, f.Name, got[i:i+1], []float64{o.Values[f.Name]}, 1e-9)
	}
}
