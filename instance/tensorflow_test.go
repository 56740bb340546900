package instance_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"oscar/dataset"
	"oscar/instance"
	"oscar/instance/coco"
	"oscar/internal/npy"
	"oscar/internal/testkit"
	"oscar/run"
)

// consumers are the programs that run an exported detector.
var consumers = []struct{ name, environment string }{
	{"tensorflow", "OSCAR_PYTHON_TENSORFLOW"},
	{"tflite", "OSCAR_PYTHON_TENSORFLOW"}, // its built-in operations alone
	{"onnx", "OSCAR_PYTHON_ONNX"},         // tf2onnx and ONNX Runtime
	{"openvino", "OSCAR_PYTHON_OPENVINO"},
}

var oneThread = run.Machine{Threads: run.Threads{Intra: 1, Inter: 1}}

// export is a small detector, trained on scenes of the size of its input and exported, with
// the objects that it finds on pictures.
type export struct {
	tmp, dir, model, images string
	objects                 []coco.Result
}

func exported(t *testing.T) export {
	t.Helper()
	data, tmp := scenes(t), t.TempDir()
	e := small(t)
	e.Detector.Input = []int{64, 80, 3} // the size of the scenes
	dir, model, file := filepath.Join(tmp, "run"), filepath.Join(tmp, "model"), filepath.Join(tmp, "found.json")
	if _, err := instance.Train(t.Context(), instance.TrainOptions{Data: data, Out: dir, Experiment: e, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	if err := instance.Export(t.Context(), dir, model, oneThread); err != nil {
		t.Fatal(err)
	}
	images := filepath.Join(data, "images", "train")
	if _, err := instance.Predict(t.Context(), instance.PredictOptions{Run: dir, Paths: []string{images}, Out: file, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	var ours struct{ Annotations []coco.Result }
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &ours) != nil || len(ours.Annotations) == 0 {
		t.Fatalf("%v\n%s", err, b)
	}
	return export{tmp, dir, model, images, ours.Annotations}
}

// Each program finds the objects that oscar finds, one picture alone and batches of three:
// boxes as shares of the picture and scores within 1e-4, masks within 1e-3 of TensorFlow's.
func TestOthersReadTheExport(t *testing.T) {
	for _, c := range consumers {
		if os.Getenv(c.environment) == "" {
			t.Skip(c.environment + " names no Python packages; `make test` sets it")
		}
	}
	x := exported(t)
	writePixels(t, x.images, filepath.Join(x.tmp, "images.npy"))
	masks := map[string][]float32{}
	for _, c := range consumers {
		found := detectWith(t, c.name, os.Getenv(c.environment), x.model, x.tmp)
		boxes, scores, at := 0.0, 0.0, 0
		for i, picture := range found {
			for _, d := range picture {
				if at == len(x.objects) {
					t.Fatalf("%s finds more than the %d objects of oscar", c.name, at)
				}
				o := x.objects[at]
				at++
				for k, v := range [4]float64{o.Box[0] / 80, o.Box[1] / 64, (o.Box[0] + o.Box[2]) / 80, (o.Box[1] + o.Box[3]) / 64} {
					boxes = max(boxes, math.Abs(v-d.Box[k]))
				}
				scores = max(scores, math.Abs(o.Score-d.Score))
				if o.ImageID != int64(i+1) || float64(o.CategoryID) != d.Class {
					t.Errorf("%s, picture %d: class %g, oscar's object is of picture %d and class %d", c.name, i+1, d.Class, o.ImageID, o.CategoryID)
				}
			}
		}
		if at != len(x.objects) {
			t.Errorf("%s finds %d objects, oscar %d", c.name, at, len(x.objects))
		}
		_, drawn, err := npy.Read(filepath.Join(x.tmp, c.name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		masks[c.name] = drawn
		apart := 0.0
		for i, v := range drawn {
			apart = max(apart, math.Abs(float64(v-masks["tensorflow"][i])))
		}
		t.Logf("%s: %d objects, boxes within %.1e, scores %.1e, masks %.1e", c.name, at, boxes, scores, apart)
		if !(boxes <= 1e-4 && scores <= 1e-4 && apart <= 1e-3) || len(drawn) != at*28*28 {
			t.Errorf("%s: boxes differ by %g, scores by %g, masks by %g of %d numbers", c.name, boxes, scores, apart, len(drawn))
		}
	}
}

// writePixels writes the pictures of a folder as [N,H,W,3], 0 to 255.
func writePixels(t *testing.T, dir, path string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	var values []float32
	for _, file := range files {
		img, err := dataset.DecodeFile(file, dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range img.Pix {
			if i%4 != 3 {
				values = append(values, float32(v))
			}
		}
	}
	if err := npy.Write(path, []int{len(files), 64, 80, 3}, values); err != nil {
		t.Fatal(err)
	}
}

// found is an object as testdata/detect.py prints it.
type found struct {
	Box          [4]float64 // x1, y1, x2, y2 as shares of the picture
	Class, Score float64
}

// detectWith runs a model with another program.
func detectWith(t *testing.T, program, packages, model, work string) (out [][]found) {
	t.Helper()
	cmd := testkit.Python(t.Context(), packages, "testdata/detect.py", program, model, work)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, &stderr)
	}
	return out
}
