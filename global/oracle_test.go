package global_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/global"
	"oscar/internal/agreement"
)

// The oracle is oracles/global/make.py: scikit-learn, SciPy, scikit-image and
// Captum.
var oracle struct {
	Made    map[string]string
	Spectra []struct {
		Side, Neighbors            int
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
	agreement.Main(m)
}

// made names packages of the oracle, with their versions.
func made(packages ...string) string {
	for i, name := range packages {
		packages[i] += " " + oracle.Made[name]
	}
	return strings.Join(packages, ", ")
}

// near wants every value within bound of the oracle's, as a share of its largest,
// and notes the line of docs/correctness.md.
func near(t *testing.T, subject, by, compared string, got, want []float64, bound float64) {
	t.Helper()
	agreement.Check(t, agreement.Line{
		Group: agreement.Global, Subject: subject, Model: "hand-made", Oracle: by, Compared: compared,
		Difference: agreement.Apart(got, want), Of: "the largest value", Bound: bound,
	})
}

// equal wants no case of a list to differ from the oracle's, and notes it.
func equal(t *testing.T, subject, by, compared string, differ, of int) {
	t.Helper()
	agreement.Check(t, agreement.Line{
		Group: agreement.Global, Subject: subject, Model: "hand-made", Oracle: by, Compared: compared,
		Difference: float64(differ) / float64(of), Of: "all", Bound: 0,
	})
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
		s, err := global.SpRAy{Side: o.Side, Neighbors: o.Neighbors}.Cluster(t.Context(), maps)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "spray", made("scipy"), "eigenvalues of the Laplacian, 3 sets of maps", s.Eigenvalues, o.Eigenvalues, 1e-12)
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
		if s.K != k {
			t.Errorf("%d groups %v, scikit-learn has %v", s.K, s.Groups, o.Groups)
		}
		differ, pairs := pairsApart(s.Groups, o.Groups)
		equal(t, "spray", made("scikit-learn"), "which pairs of maps are in one group, 2 sets", differ, pairs)
		_, embedded, plain, err := global.Embed(points, o.Neighbors, k, 1)
		if err != nil {
			t.Fatal(err)
		}
		// scikit-learn's distances are those of a matrix product, which loses digits.
		near(t, "spray", made("scikit-learn"), "silhouettes of 2 sets of maps", []float64{embedded, plain, s.Silhouette, s.SilhouetteMaps}, []float64{o.Silhouette, o.SilhouetteMaps, o.Silhouette, o.SilhouetteMaps}, 1e-7)
	}
}

// pairsApart counts the pairs that are in one group by one list and not by the
// other. The groups' numbers do not matter.
func pairsApart(a, b []int) (differ, pairs int) {
	for i := range b {
		for j := range i {
			pairs++
			if (a[i] == a[j]) != (b[i] == b[j]) {
				differ++
			}
		}
	}
	return differ, pairs
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
		near(t, "tree", made("scikit-learn"), "impurities and thresholds, 2 trees", got, want, 1e-12)
		near(t, "tree", made("scikit-learn"), "importances of the features, 2 trees", tree.Importances, o.Importances, 1e-12)
		simple, differ := tree.Simplified(), 0
		for i, row := range o.Rows {
			differ += 2 - same(tree.Predict(row), o.Predictions[i]) - same(simple.Predict(row), o.Predictions[i])
		}
		equal(t, "tree", made("scikit-learn"), "classes of 220 rows, 2 trees, as grown and simplified", differ, 2*len(o.Rows))
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
		near(t, "tcav", made("scikit-learn"), "weights and bias of 4 logistic regressions", append(weights, bias), append(o.Weights, o.Bias), 1e-4)
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
	near(t, "tcav", made("captum"), "scores of the classes", scores, o.Scores, 1e-6) // Captum's are in float32
}

func TestWelchOracle(t *testing.T) {
	for _, o := range oracle.Tests {
		near(t, "tcav", made("scipy"), "p of Welch's test, 3 pairs of lists", []float64{global.Welch(o.A, o.B)}, []float64{o.P}, 1e-10)
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
		near(t, "tree", made("scikit-image", "scipy"), "18 features of an image, each", got[i:i+1], []float64{o.Values[f.Name]}, 1e-9)
	}
}
