package instance_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"oscar/instance"
	"oscar/internal/npy"
	"oscar/internal/testkit"
	"oscar/result"
)

// TensorFlow in Python finds the objects that oscar finds, and explains them as oscar explain does.
func TestTensorFlowExplains(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	x := exported(t)
	cmd := testkit.Python(t.Context(), packages, "testdata/explain.py", x.model, x.images)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var theirs [][]struct {
		Box                [4]float64
		Class, Score       float64
		Map                []float64
		Logit, Probability float64
	}
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	why := filepath.Join(x.tmp, "why")
	if _, err := instance.Explain(t.Context(), instance.ExplainOptions{Run: x.dir, Paths: []string{x.images}, Out: why, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	rows, err := result.ReadObjects(why)
	if err != nil || len(rows) != len(x.objects) {
		t.Fatalf("%d explanations of %d objects, %v", len(rows), len(x.objects), err)
	}
	at, largest := 0, 0.0
	for i, picture := range theirs {
		for _, d := range picture {
			if at == len(x.objects) {
				t.Fatalf("TensorFlow finds more than the %d objects of oscar", at)
			}
			o := x.objects[at]
			at++
			box := [4]float64{o.Box[0], o.Box[1], o.Box[0] + o.Box[2], o.Box[1] + o.Box[3]}
			apart := math.Abs(o.Score - d.Score)
			for k := range box {
				apart = max(apart, math.Abs(box[k]-d.Box[k]))
			}
			if o.ImageID != int64(i+1) || float64(o.CategoryID) != d.Class || apart > 1e-3 {
				t.Errorf("picture %d: TensorFlow finds %v of %g with %g, oscar class %d at %v with %g", i+1, d.Box, d.Class, d.Score, o.CategoryID, box, o.Score)
			}
			row := rows[at-1]
			_, values, err := npy.Read(filepath.Join(why, row.Map))
			if err != nil || len(values) != len(d.Map) {
				t.Fatalf("a map of %d values, TensorFlow's has %d, %v", len(values), len(d.Map), err)
			}
			differs := max(math.Abs(float64(row.Score)-d.Logit), math.Abs(float64(row.Probability)-d.Probability))
			for k, v := range values {
				differs = max(differs, math.Abs(float64(v)-d.Map[k]))
				largest = max(largest, math.Abs(d.Map[k]))
			}
			if differs > 1e-4 {
				t.Errorf("picture %d, object %d: the map, the logit or the probability differs by %g", i+1, row.Object, differs)
			}
		}
	}
	if at == 0 || at != len(x.objects) {
		t.Errorf("TensorFlow finds %d objects, oscar %d", at, len(x.objects))
	}
	if largest < 1e-2 {
		t.Errorf("the largest value of a map is %g: nothing was compared", largest)
	}
}
