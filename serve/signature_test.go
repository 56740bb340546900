package serve

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
)

// A signature of the exported model that explains is called by :predict and by gRPC, as in
// TensorFlow Serving. Its maps are those of :explain.
func TestSignaturesThatExplain(t *testing.T) {
	s := start(t, nil)
	m, _ := oracle(t)
	file := pictureFile(t)
	type row struct {
		Class         int
		Heatmap, Raw  [][]float32
		Probabilities []float32
	}
	maps := into[struct {
		Explanations []struct{ Map [][]float32 }
	}](t, second(s.post("/v1/models/run:explain", `{"class": 2, "instances": [`+b64(file)+`]}`))).Explanations
	status, text := s.post("/v1/models/run:predict", `{"signature_name": "gradcam", "instances": [{"image": `+b64(file)+`, "class": 2}, `+b64(file)+`]}`)
	got := into[struct{ Predictions []row }](t, text).Predictions
	if status != 200 || len(got) != 2 {
		t.Fatalf("%d %.300s", status, text)
	}
	raw, want := slices.Concat(got[0].Raw...), slices.Concat(maps[0].Map...)
	if got[0].Class != 2 || !near(raw, want) {
		t.Errorf("class %d, raw map %v, want 2, %v", got[0].Class, raw, want)
	}
	if got[1].Class != slices.Index(got[1].Probabilities, slices.Max(got[1].Probabilities)) {
		t.Errorf("without a class, class %d of %v", got[1].Class, got[1].Probabilities)
	}
	side := s.models.models[0].current.Metadata.Image.Height
	for i, p := range got {
		if heat := slices.Concat(p.Heatmap...); len(p.Heatmap) != side || len(heat) != side*side || slices.Min(heat) < 0 || slices.Max(heat) > 1.0001 || len(p.Probabilities) != len(m.Classes()) {
			t.Errorf("image %d: heatmap of %d rows, %v to %v", i, len(p.Heatmap), slices.Min(heat), slices.Max(heat))
		}
	}
	status, text = s.post("/v1/models/run:predict", `{"signature_name": "gradcam", "inputs": {"image": [`+b64(file)+`], "class": [2]}}`)
	columns := into[struct {
		Outputs struct {
			Class []int
			Raw   [][][]float32
		}
	}](t, text).Outputs
	if status != 200 || !slices.Equal(columns.Class, []int{2}) || !near(slices.Concat(columns.Raw[0]...), want) {
		t.Errorf("columns: %d %.300s", status, text)
	}
	for path, body := range map[string]string{
		"run:classify": `{"signature_name": "gradcam", "examples": [{"image": ` + b64(file) + `}]}`,
		"run:predict":  `{"signature_name": "gradcam", "instances": [{"image": ` + b64(file) + `, "class": 6}]}`,
	} {
		if status, text := s.post("/v1/models/"+path, body); status != 400 {
			t.Errorf("%s: %d %.200s", path, status, text)
		}
	}
	status, text = s.get("/v1/models/run/metadata")
	signatures := into[struct {
		Metadata struct {
			Definition struct {
				Signatures map[string]struct{ Inputs, Outputs map[string]any } `json:"signature_def"`
			} `json:"signature_def"`
		}
	}](t, text).Metadata.Definition.Signatures
	if g := signatures["gradcam"]; status != 200 || len(g.Inputs) != 2 || len(g.Outputs) != 4 || len(signatures["serving_default"].Outputs) != 3 {
		t.Errorf("metadata: %d %s", status, text)
	}
	predict, _ := call(t, nil)
	request := requestWith(fileTensor(file, file))
	request.ModelSpec.SignatureName = "gradcam"
	request.Inputs["class"] = &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_INT64, TensorShape: protoShape(2), Int64Val: []int64{2}} // the last is repeated
	answer, err := predict(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	values, err := floatsOf(answer.Outputs["raw"], 2*len(want))
	shape, _ := shapeOf(answer.Outputs["heatmap"])
	if err != nil || !near(values, slices.Concat(want, want)) || fmt.Sprint(shape) != fmt.Sprintf("[2 %d %d]", side, side) || !slices.Equal(answer.Outputs["class"].Int64Val, []int64{2, 2}) {
		t.Errorf("gRPC: heatmap of %v, class %v, raw %v (%v), want %v", shape, answer.Outputs["class"], values, err, want)
	}
}

// second returns the second of two values.
func second[A, B any](_ A, b B) B { return b }
