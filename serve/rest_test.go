package serve

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar"
	"oscar/explain"
	"oscar/internal/npy"
	"oscar/pipeline"
)

// oracle is what the opened model itself says of the test image.
func oracle(t *testing.T) (*oscar.Model, explain.Prediction) {
	t.Helper()
	path := filepath.Join(shared(t), "run")
	m, err := oscar.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	bundle, err := pipeline.Open(path, pipeline.Config{Threads: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	images, err := pipeline.Input(&bundle.Metadata, decoded(t, pictureFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := bundle.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Abs(float64(x-y)) <= 1e-5*max(1, math.Abs(float64(y)))
	})
}

// All ways to send an image give the answer of the model.
func TestPredict(t *testing.T) {
	s := start(t, nil)
	_, want := oracle(t)
	file := pictureFile(t)
	_, pixels := s.pixelsOf(file)
	type row struct {
		Class         int
		Logits        []float32
		Probabilities []float32
	}
	for name, body := range map[string]string{
		"file":             `{"instances": [` + b64(file) + `]}`,
		"named file":       `{"signature_name": "serving_default", "instances": [{"image": ` + b64(file) + `}]}`,
		"pixels":           `{"instances": [` + pixels + `]}`,
		"named pixels":     `{"instances": [{"image": ` + pixels + `}]}`,
		"unknown field":    `{"other": {"a": [1]}, "instances": [` + pixels + `], "more": null}`,
		"two":              `{"instances": [` + pixels + `,` + b64(file) + `]}`,
		"version":          `{"instances": [` + pixels + `]}`,
		"image_bytes":      `{"instances": [{"image_bytes": ` + b64(file) + `}]}`,
		"signature serve":  `{"signature_name": "serve", "instances": [` + pixels + `]}`,
		"signature, after": `{"instances": [` + pixels + `], "signature_name": ""}`,
	} {
		path := "/v1/models/run:predict"
		if name == "version" {
			path = "/v1/models/run/versions/1:predict"
		}
		status, text := s.post(path, body)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, text)
			continue
		}
		got := into[struct{ Predictions []row }](t, text).Predictions
		for _, p := range got {
			if !near(p.Logits, want.Logits[0]) || !near(p.Probabilities, want.Probabilities[0]) || p.Logits[p.Class] != slices.Max(p.Logits) {
				t.Errorf("%s: %+v, want %+v", name, p, want)
			}
		}
		if len(got) == 0 || name == "two" && len(got) != 2 {
			t.Errorf("%s: %d predictions", name, len(got))
		}
	}
	for name, body := range map[string]string{
		"batch":       `{"inputs": [` + pixels + `,` + pixels + `]}`,
		"named batch": `{"inputs": {"image": [` + pixels + `,` + pixels + `]}}`,
		"files":       `{"inputs": {"image": [` + b64(file) + `,` + b64(file) + `]}}`,
	} {
		status, text := s.post("/v1/models/run:predict", body)
		got := into[struct {
			Outputs struct {
				Class                 []int
				Logits, Probabilities [][]float32
			}
		}](t, text).Outputs
		if status != http.StatusOK || len(got.Class) != 2 || len(got.Logits) != 2 || !near(got.Logits[1], want.Logits[0]) || !near(got.Probabilities[0], want.Probabilities[0]) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	status, _, text := s.do("POST", "/v1/models/run:predict", "image/png", bytes.NewReader(file))
	if got := into[struct{ Predictions []row }](t, text).Predictions; status != 200 || len(got) != 1 || !near(got[0].Logits, want.Logits[0]) {
		t.Errorf("the file as the body: %d %s", status, text)
	}
}

func TestClassifyStatusMetadata(t *testing.T) {
	s := start(t, nil)
	m, want := oracle(t)
	status, text := s.post("/v1/models/run:classify", `{"examples": [{"image": `+b64(pictureFile(t))+`}]}`)
	got := into[struct{ Result [][][2]any }](t, text).Result
	if status != 200 || len(got) != 1 || len(got[0]) != len(m.Classes()) {
		t.Fatalf("%d %s", status, text)
	}
	for i, pair := range got[0] {
		if p, ok := pair[1].(float64); pair[0] != m.Classes()[i] || !ok || math.Abs(p-float64(want.Probabilities[0][i])) > 1e-5 {
			t.Errorf("class %d: %v, want %s %v", i, pair, m.Classes()[i], want.Probabilities[0][i])
		}
	}
	for _, path := range []string{"/v1/models/run", "/v1/models/run/versions/1"} {
		status, text = s.get(path)
		if status != 200 || !strings.Contains(text, `"state": "AVAILABLE"`) || !strings.Contains(text, `"version": "1"`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for _, path := range []string{"/v1/models/run/metadata", "/v1/models/run/versions/1/metadata"} {
		status, text = s.get(path)
		if status != 200 || !strings.Contains(text, `"DT_FLOAT"`) || !strings.Contains(text, `"serving_default"`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// The maps are those of the library.
func TestExplain(t *testing.T) {
	s := start(t, nil)
	m, _ := oracle(t)
	file := pictureFile(t)
	photo := decoded(t, file)
	for _, method := range []string{"gradcam", "gradcam@conv1", "saliency", "lrp", "smoothgrad"} {
		want, err := m.Explain(t.Context(), photo, method)
		if err != nil {
			t.Fatal(err)
		}
		name, layer, _ := strings.Cut(method, "@")
		status, text := s.post("/v1/models/run:explain", fmt.Sprintf(`{"instances": [%s], "method": %q, "layer": %q}`, b64(file), name, layer))
		got := into[struct {
			Explanations []struct {
				Method, Layer, Class, Status string
				Score                        float32
				Shape                        []int
				Map                          [][]float32
			}
		}](t, text).Explanations
		if status != 200 || len(got) != 1 {
			t.Errorf("%s: %d %.300s", method, status, text)
			continue
		}
		g := got[0]
		if flat := slices.Concat(g.Map...); g.Class != want.Class || g.Method != name || !near(flat, want.Map.Values) || g.Shape[0] != want.Map.Height || g.Status != string(want.Status) {
			t.Errorf("%s: %s %s %v, want %s and another map", method, g.Class, g.Method, g.Shape, want.Class)
		}
	}
	status, header, text := s.do("POST", "/v1/models/run:explain?format=npy&class=box", "image/png", bytes.NewReader(file))
	shape, values, err := npy.Decode([]byte(text))
	if err != nil || status != 200 || len(shape) != 3 || shape[0] != 1 || len(values) != shape[1]*shape[2] || !strings.Contains(header.Get("Content-Disposition"), ".npy") {
		t.Errorf("npy: %d %v %v", status, shape, err)
	}
	status, header, text = s.do("POST", "/v1/models/run:explain?format=overlay&alpha=0.9&colormap=viridis", "image/png", bytes.NewReader(file))
	picture, err := png.Decode(strings.NewReader(text))
	if err != nil || status != 200 || picture.Bounds() != photo.Rect || header.Get("Content-Type") != "image/png" {
		t.Errorf("overlay: %d %v", status, err)
	}
	// The class of an instance, of the request by name and by index.
	_, byIndex := s.post("/v1/models/run:explain", `{"instances": [`+b64(file)+`], "class": 1}`)
	_, byName := s.post("/v1/models/run:explain", fmt.Sprintf(`{"instances": [%s], "class": %q}`, b64(file), m.Classes()[1]))
	_, byInstance := s.post("/v1/models/run:explain", `{"instances": [{"image": `+b64(file)+`, "class": 1}]}`)
	_, byColumn := s.post("/v1/models/run:explain", `{"inputs": {"class": [1], "image": [`+b64(file)+`]}}`)
	if byIndex != byName || byIndex != byInstance || byIndex != byColumn || !strings.Contains(byIndex, `"class_index":1`) {
		t.Errorf("four ways to name a class:\n%.200s\n%.200s\n%.200s\n%.200s", byIndex, byName, byInstance, byColumn)
	}
}

// Bad requests have a status and one clear line.
func TestRefusals(t *testing.T) {
	s := start(t, func(o *Options) { o.Queue, o.MaxBody = 4, 100_000 })
	file := b64(pictureFile(t))
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"run:predict", ``, 400, "it is empty"},
		{"run:predict", `{`, 400, "ends in the middle"},
		{"run:predict", `[]`, 400, "the body has a list, want an object"},
		{"run:predict", `{}`, 400, "it has no images"},
		{"run:predict", `{"instances": []}`, 400, "is empty"},
		{"run:predict", `{"instances": 3}`, 400, "has a number, want a list"},
		{"run:predict", `{"instances": [{}]}`, 400, "instances[0] has no image"},
		{"run:predict", `{"instances": ["aGVsbG8="]}`, 400, `instances[0] has a string, want {\"b64\": \"...\"} or a list of rows`},
		{"run:predict", `{"instances": [[[[NaN,2,3]]]]}`, 400, "it is not JSON at byte 19: invalid character 'N'"},
		{"run:predict", `{"instances": [], "instances": []}`, 400, `it has the key \"instances\" twice`},
		{"run:explain", `{"image": "aGVsbG8="}`, 400, `no field \"image\"; have instances, inputs, method`},
		{"run:predict", `{"instances": [{"picture": 3}]}`, 400, `instances[0] has an input "picture"`},
		{"run:predict", `{"instances": [[[[1,2]]]]}`, 400, "has a list of 2, want 3 values"},
		{"run:predict", `{"instances": [[[[1,2,3,4]]]]}`, 400, "more than 3 values"},
		{"run:predict", `{"instances": [[[[1,2,3]]]]}`, 400, "has a list of 1, want 32 pixels"},
		{"run:predict", `{"instances": [[[["a",2,3]]]]}`, 400, "has a string, want a number"},
		{"run:predict", `{"instances": [[[[1e99,2,3]]]]}`, 400, "too large"},
		{"run:predict", `{"instances": [{"b64": "?"}]}`, 400, "not base64"},
		{"run:predict", `{"instances": [{"b64": ""}]}`, 400, "b64 is empty"},
		{"run:predict", `{"instances": [{"b64": 3}]}`, 400, "b64 is a number, want a string"},
		{"run:predict", `{"instances": [{"b64": "aGVsbG8="}]}`, 400, "image 0: not a JPEG"},
		{"run:predict", `{"instances": [` + file + `]} x`, 400, "more after"},
		{"run:predict", `{"instances": [` + file + `], "inputs": []}`, 400, `"instances" and "inputs"`},
		{"run:predict", `{"instances": [` + file + `], "signature_name": "other"}`, 400, `no signature "other"`},
		{"run:predict", `{"instances": [` + strings.Repeat(file+",", 4) + file + `]}`, 400, "more than 4 images"},
		{"run:predict", `{"other": "` + strings.Repeat("a", 200_000) + `"}`, 413, "too large: want at most 100000 bytes"},
		{"run:explain", `{"instances": [` + file + `], "method": "magic"}`, 400, `no method "magic"`},
		{"run:explain", `{"instances": [` + file + `], "method": "all"}`, 400, "one method"},
		{"run:explain", `{"instances": [` + file + `], "method": "gradcam,lime"}`, 400, "want one"},
		{"run:explain", `{"instances": [` + file + `], "layer": "conv99"}`, 400, `no layer "conv99"`},
		{"run:explain", `{"instances": [` + file + `], "class": "cat"}`, 400, `no class "cat"`},
		{"run:explain", `{"instances": [` + file + `], "class": 6}`, 400, "class 6; want 0 to 5"},
		{"run:explain", `{"instances": [{"image": ` + file + `, "class": 77}]}`, 400, "class 77; want 0 to 5"},
		{"run:explain", `{"instances": [{"image": ` + file + `, "class": 0.5}]}`, 400, "class is 0.5"},
		{"run:explain", `{"instances": [` + file + `], "format": "gif"}`, 400, `no format "gif"`},
		{"run:explain", `{"instances": [` + file + `,` + file + `], "format": "overlay"}`, 400, "an overlay is of one image"},
		{"run:explain", `{"instances": [` + file + `], "method": "rise", "samples": 100000}`, 400, "samples"},
		{"run:explain", `{"instances": [` + file + `], "alpha": "2"}`, 400, "alpha"},
		{"run:explain", `{"instances": [` + file + `], "colormap": "pink"}`, 400, `no color map "pink"`},
		{"run:dance", `{}`, 400, "POST has :predict"},
		{"other:predict", `{}`, 404, `no model "other"; have run`},
		{"run/versions/2:predict", `{}`, 404, "no version 2"},
		{"run/versions/x:predict", `{}`, 400, `version "x"`},
		{"run/a/b/c:predict", `{}`, 404, "want NAME"},
		{"%2e%2e%2f%2e%2e%2fetc%2fpasswd:predict", `{}`, 404, "error"},
		{"%3Cscript%3E:predict", `{}`, 404, `\u003cscript\u003e`},
	} {
		status, text := s.post("/v1/models/"+c.path, c.body)
		if status != c.status || !strings.Contains(text, c.want) && !strings.Contains(into[map[string]string](t, text)["error"], c.want) {
			t.Errorf("%s %.80s: %d %s, want %d %s", c.path, c.body, status, text, c.status, c.want)
		}
	}
	if status, text := s.get("/v1/models/run:predict"); status != 400 {
		t.Errorf("GET :predict: %d %s", status, text)
	}
}

// A page of another site can neither read nor send.
func TestOtherSites(t *testing.T) {
	s := start(t, func(o *Options) { o.Hosts = []string{"oscar.example"} })
	for host, want := range map[string]int{
		"evil.example": 421, "127.0.0.1.evil.example:80": 421, "": 200, "localhost:1": 200, "oscar.example": 200, "[::1]:80": 200, "10.0.0.1": 421,
	} {
		r, err := http.NewRequestWithContext(context.Background(), "GET", s.url+"/v1/models/run", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		if status, _, text := s.send(r); status != want {
			t.Errorf("Host %q: %d, want %d: %s", host, status, want, text)
		}
	}
	r, err := http.NewRequestWithContext(context.Background(), "POST", s.url+"/pictures", bytes.NewReader(pictureFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "http://evil.example")
	if status, _, text := s.send(r); status != 403 {
		t.Errorf("another origin: %d %s", status, text)
	}
	_, header, _ := s.do("GET", "/", "", nil)
	if header.Get("Content-Security-Policy") != pagePolicy || header.Get("Access-Control-Allow-Origin") != "" || header.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", header)
	}
}
