package serve

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/client"
)

// The client package gets what the model says.
func TestClient(t *testing.T) {
	s := start(t, nil)
	m, want := oracle(t)
	c := client.Client{URL: s.url + "/"}
	file := pictureFile(t)
	p, err := c.Predict(t.Context(), "run", file)
	if err != nil || !near(p.Probabilities, want.Probabilities[0]) || !near(p.Logits, want.Logits[0]) {
		t.Fatalf("%+v, %v", p, err)
	}
	classes, err := c.Classes(t.Context(), "run")
	if err != nil || !slices.Equal(classes, m.Classes()) {
		t.Errorf("classes %v, %v", classes, err)
	}
	e, err := c.Explain(t.Context(), "run", file, client.Options{Method: "layercam", Layer: "conv1", Class: "box"})
	if err != nil || e.Method != "layercam" || e.Layer != "conv1" || e.Class != "box" || len(e.Map) == 0 {
		t.Errorf("%+v, %v", e, err)
	}
	overlay, err := c.Overlay(t.Context(), "run", file, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if picture, err := png.Decode(bytes.NewReader(overlay)); err != nil || picture.Bounds() != decoded(t, file).Rect {
		t.Errorf("the overlay: %v", err)
	}
	_, err = c.Explain(t.Context(), "run", file, client.Options{Method: "magic"})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(refused.Message, `no method "magic"`) {
		t.Errorf("error %v", err)
	}
}

// The client of TensorFlow Serving's own examples works unchanged.
const servingClient = `
import base64, json, sys
import requests  # as tensorflow_serving/example/resnet_client.py uses it

server, picture = sys.argv[1] + "/v1/models/run:predict", sys.argv[2]
predict_request = '{"instances" : [{"b64": "%s"}]}' % base64.b64encode(open(picture, "rb").read()).decode("utf-8")
for _ in range(3):
    response = requests.post(server, data=predict_request)
    response.raise_for_status()
    prediction = response.json()["predictions"][0]

print(json.dumps(prediction))
`

func TestPythonClient(t *testing.T) {
	python := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if python == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages")
	}
	s := start(t, nil)
	_, want := oracle(t)
	cmd := exec.CommandContext(t.Context(), "python3", "-c", servingClient, s.url, filepath.Join(shared(t), "shapes", "images", "can", "0000.png"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+python)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if got := into[client.Prediction](t, string(out)); !near(got.Probabilities, want.Probabilities[0]) {
		t.Errorf("%s, want %v", out, want.Probabilities[0])
	}
}
