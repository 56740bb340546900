package events

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/png"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wamuir/graft/tensorflow/core/framework/summary_go_proto"
	"github.com/wamuir/graft/tensorflow/core/util/event_go_proto"
	"google.golang.org/protobuf/proto"
)

// writeValues writes one value of each kind.
func writeValues(t *testing.T) (dir string, file []byte) {
	t.Helper()
	dir = t.TempDir()
	w := create(t, dir)
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 5, 3))); err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	for _, err := range []error{
		w.Image("maps/a", 7, b.Bytes(), start),
		w.Text("experiment", 0, "# <ü>", start),
		w.Histogram("weights/k", 7, []float32{0, 1, 2, 3, 30, nan}, start),
		w.Histogram("weights/same", 7, []float32{2, 2}, start),
		w.Histogram("weights/none", 7, []float32{nan}, start),
		w.Settings([]Setting{{"rate", 0.5}, {"name", "tiny"}, {"on", true}}, []string{"accuracy/test"}, start, start.Add(time.Minute)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Image("no image", 0, []byte("x"), start); err == nil {
		t.Error("something else is an image")
	}
	if err := w.Settings([]Setting{{"rate", 3}}, nil, start, start); err == nil {
		t.Error("an int is a setting")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	return dir, content
}

// The generated code of TensorFlow's protocol buffers reads the values.
func TestValues(t *testing.T) {
	_, data := writeValues(t)
	values := map[string]*summary_go_proto.Summary_Value{}
	for len(data) > 0 {
		n := binary.LittleEndian.Uint64(data)
		e := &event_go_proto.Event{}
		if err := proto.Unmarshal(data[12:12+n], e); err != nil {
			t.Fatal(err)
		}
		for _, v := range e.GetSummary().GetValue() {
			values[v.Tag] = v
		}
		data = data[16+n:]
	}
	if len(values) != 7 {
		t.Errorf("%d values: %v", len(values), values)
	}
	if img := values["maps/a"].GetImage(); img.GetHeight() != 3 || img.GetWidth() != 5 || img.GetColorspace() != 3 || !bytes.HasPrefix(img.GetEncodedImageString(), []byte("\x89PNG")) {
		t.Errorf("image %v", img)
	}
	h := values["weights/k"].GetHisto()
	counts := make([]float64, 30)
	counts[0], counts[1], counts[2], counts[3], counts[29] = 1, 1, 1, 1, 1
	if h.GetMin() != 0 || h.GetMax() != 30 || h.GetNum() != 5 || h.GetSum() != 36 || h.GetSumSquares() != 914 || !cmp.Equal(h.GetBucket(), counts) || h.GetBucketLimit()[0] != 1 || h.GetBucketLimit()[29] != 30 {
		t.Errorf("histogram %v", h)
	}
	if h := values["weights/same"].GetHisto(); !cmp.Equal(h.GetBucket(), []float64{2}) || !cmp.Equal(h.GetBucketLimit(), []float64{2}) {
		t.Errorf("histogram of equal values %v", h)
	}
	if text := values["experiment"]; string(text.GetTensor().GetStringVal()[0]) != "# <ü>" || text.GetMetadata().GetPluginData().GetPluginName() != "text" {
		t.Errorf("text %v", text)
	}
	if v := values["_hparams_/session_start_info"]; v.GetMetadata().GetPluginData().GetPluginName() != "hparams" {
		t.Errorf("settings %v", v)
	}
}

// TensorBoard reads them too, the hyperparameters with their kinds.
func TestTensorBoardReadsValues(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORBOARD")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORBOARD names no folder with tensorboard; `make test` sets it")
	}
	dir, _ := writeValues(t)
	command := exec.CommandContext(t.Context(), "python3", "testdata/read_values.py", dir)
	command.Env = append(os.Environ(), "PYTHONPATH="+packages)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("read_values.py: %v", err)
	}
	var got, want any
	began := float64(start.UnixMicro()) / 1e6
	text, err := json.Marshal(map[string]any{
		"images":     map[string]any{"maps/a": []any{7, 5, 3, "89504e47"}},
		"histograms": map[string]any{"weights/k": []any{0, 30, 5, 36, 914, 5, 30}, "weights/same": []any{2, 2, 2, 4, 8, 2, 1}},
		"texts":      map[string]any{"experiment": "# <ü>"},
		"settings":   map[string]any{"rate": 0.5, "name": "tiny", "on": true},
		"kinds":      map[string]any{"rate": 3, "name": 1, "on": 2},
		"metrics":    []any{"accuracy/test"}, "began": began, "ended": began + 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatalf("read_values.py wrote %q: %v", output, err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}
