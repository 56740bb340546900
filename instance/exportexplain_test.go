package instance_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"oscar/instance"
	"oscar/instance/coco"
	"oscar/internal/npy"
	"oscar/result"
	"oscar/run"
)

// TensorFlow in Python finds the objects that oscar finds, and explains them as oscar explain does.
func TestTensorFlowExplains(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	data, tmp := scenes(t), t.TempDir()
	e, one := small(t), run.Machine{Threads: run.Threads{Intra: 1, Inter: 1}}
	e.Detector.Input = []int{64, 80, 3} // the size of the scenes
	dir, model, file := filepath.Join(tmp, "run"), filepath.Join(tmp, "model"), filepath.Join(tmp, "found.json")
	if _, err := instance.Train(t.Context(), instance.TrainOptions{Data: data, Out: dir, Experiment: e, Machine: one}); err != nil {
		t.Fatal(err)
	}
	if err := instance.Export(t.Context(), dir, model, one); err != nil {
		t.Fatal(err)
	}
	images := filepath.Join(data, "images", "train")
	if _, err := instance.Predict(t.Context(), instance.PredictOptions{Run: dir, Paths: []string{images}, Out: file, Machine: one}); err != nil {
		t.Fatal(err)
	}
	python := os.Getenv("OSCAR_PYTHON")
	if python == "" {
		python = "python3"
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/explain.py", model, images)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "CUDA_VISIBLE_DEVICES=-1", "TF_CPP_MIN_LOG_LEVEL=2", "PYTHONDONTWRITEBYTECODE=1")
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
	var ours struct{ Annotations []coco.Result }
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &ours) != nil || json.Unmarshal(out, &theirs) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	why := filepath.Join(tmp, "why")
	if _, err := instance.Explain(t.Context(), instance.ExplainOptions{Run: dir, Paths: []string{images}, Out: why, Machine: one}); err != nil {
		t.Fatal(err)
	}
	rows, err := result.ReadObjects(why)
	if err != nil || len(rows) != len(ours.Annotations) {
		t.Fatalf("%d explanations of %d objects, %v", len(rows), len(ours.Annotations), err)
	}
	at, largest := 0, 0.0
	for i, picture := range theirs {
		for _, d := range picture {
			if at == len(ours.Annotations) {
				t.Fatalf("TensorFlow finds more than the %d objects of oscar", at)
			}
			o := ours.Annotations[at]
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
	if at == 0 || at != len(ours.Annotations) {
		t.Errorf("TensorFlow finds %d objects, oscar %d", at, len(ours.Annotations))
	}
	if largest < 1e-2 {
		t.Errorf("the largest value of a map is %g: nothing was compared", largest)
	}
}
