package serve

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"oscar/internal/seeded"
)

// The axes are those of gonum's principal component analysis, up to their signs.
func TestPrincipalAxes(t *testing.T) {
	random := seeded.New([]byte("rows"))
	const n, d = 60, 7
	rows := make([][]float32, n)
	flat := mat.NewDense(n, d, nil)
	for i := range rows {
		rows[i] = make([]float32, d)
		a, b := random.NormFloat64(), random.NormFloat64()
		for k := range rows[i] {
			rows[i][k] = float32(3 + a*float64(k) + 2*b*float64(k%3) + 0.3*random.NormFloat64())
			flat.Set(i, k, float64(rows[i][k]))
		}
	}
	_, axes := principalAxes(rows)
	var pc stat.PC
	if !pc.PrincipalComponents(flat, nil) {
		t.Fatal("gonum found no components")
	}
	var want mat.Dense
	pc.VectorsTo(&want)
	for a, axis := range axes {
		along := 0.0
		for k := range axis {
			along += axis[k] * want.At(k, a)
		}
		if math.Abs(math.Abs(along)-1) > 1e-8 {
			t.Errorf("axis %d is %v, at %v to gonum's", a, axis, along)
		}
	}
}

func TestProject(t *testing.T) {
	// Four corners of a rectangle of 4 x 2 in three dimensions.
	at := project([][]float32{{0, 5, 0}, nil, {4, 5, 0}, {0, 5, 2}, {4, 5, 2}})
	for i, want := range [][2]float64{{0, 25}, {math.NaN(), math.NaN()}, {100, 25}, {0, 75}, {100, 75}} {
		for a := range want {
			if math.IsNaN(want[a]) != math.IsNaN(at[i][a]) || math.Abs(at[i][a]-want[a]) > 1e-6 {
				t.Errorf("row %d is at %v, want %v", i, at[i], want)
			}
		}
	}
	for name, rows := range map[string][][]float32{"none": nil, "unknown": {nil}, "one": {{1, 2}}, "equal": {{1, 2}, {1, 2}, {1, 2}}, "a line": {{1, 1}, {2, 2}, {3, 3}}} {
		for i, p := range project(rows) {
			if rows[i] != nil && !(p[0] >= 0 && p[0] <= 100 && math.Abs(p[1]-50) < 1e-6) {
				t.Errorf("%s: row %d is at %v", name, i, p)
			}
		}
	}
}

func TestRegion(t *testing.T) {
	box, err := regionOf("10,10; 40,30")
	if err != nil || !box.holds(20, 20) || box.holds(20, 31) || box.holds(9, 20) {
		t.Errorf("rectangle %v, %v", box, err)
	}
	// An L, whose hole is outside.
	l, err := regionOf("0,0;100,0;100,20;20,20;20,100;0,100")
	if err != nil || !l.holds(90, 10) || !l.holds(10, 90) || l.holds(50, 50) {
		t.Errorf("polygon %v, %v", l, err)
	}
	for _, text := range []string{"10,10", "a,b;1,2", "1,2;3", "1,NaN;2,3", "1,1e9;2,3", ";"} {
		if r, err := regionOf(text); err == nil {
			t.Errorf("%q is a region %v", text, r)
		}
	}
	if r, err := regionOf(""); err != nil || r != nil {
		t.Errorf("no region: %v, %v", r, err)
	}
}
