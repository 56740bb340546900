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
	"oscar/run"
)

// TensorFlow in Python opens an exported detector and finds the objects that oscar finds.
func TestTensorFlowReadsTheExport(t *testing.T) {
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
	cmd := exec.CommandContext(t.Context(), python, "testdata/detect.py", model, images)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "CUDA_VISIBLE_DEVICES=-1", "TF_CPP_MIN_LOG_LEVEL=2", "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var theirs [][]struct {
		Box          [4]float64
		Class, Score float64
	}
	var ours struct{ Annotations []coco.Result }
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &ours) != nil || json.Unmarshal(out, &theirs) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := 0
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
				t.Errorf("picture %d: TensorFlow finds %+v, oscar class %d at %v with %g", i+1, d, o.CategoryID, box, o.Score)
			}
		}
	}
	if at == 0 || at != len(ours.Annotations) {
		t.Errorf("TensorFlow finds %d objects, oscar %d", at, len(ours.Annotations))
	}
}
