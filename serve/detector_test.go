package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oscar/explain"
	"oscar/instance"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/instance/scene"
	"oscar/internal/npy"
	"oscar/pipeline"
	"oscar/report/reporttest"
	"oscar/tfmodel"
)

// detectorFixtures makes, once, scenes and a run of a small detector on them. No test may
// change them.
var detectorFixtures = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "oscar-serve-detector-")
	if err != nil {
		return "", err
	}
	ctx, data := context.Background(), filepath.Join(dir, "scenes")
	if err := scene.Synthesize(ctx, data, scene.Options{Scenes: 40, Width: 96, Height: 80, Seed: 2}); err != nil {
		return dir, err
	}
	e := instance.Default()
	conv := func(name string) []tfmodel.Named {
		return []tfmodel.Named{
			{Name: name, Layer: &tfmodel.Conv2D{Filters: 12, Kernel: 3, Stride: 2, Padding: tfmodel.Same, UseBias: new(false)}},
			{Name: "bn_" + name, Layer: &tfmodel.BatchNormalization{Momentum: 0.9}},
			{Name: "relu_" + name, Layer: &tfmodel.ReLU{}},
		}
	}
	d := &e.Detector
	d.Name, d.Input = "small", tfmodel.Shape{64, 64, 3}
	d.Backbone = []tfmodel.Named{{Name: "rescaling", Layer: &tfmodel.Rescaling{Scale: 1 / 127.5, Offset: -1}}}
	for _, name := range []string{"conv1", "conv2", "conv3"} {
		d.Backbone = append(d.Backbone, conv(name)...)
	}
	d.Taps, d.Anchors.Sizes = []string{"relu_conv2", "relu_conv3"}, []float64{12, 24}
	d.Pyramid.Canonical, d.Pyramid.Filters = 32, 12
	r := &d.Regions
	r.TrainCandidates, r.TrainProposals, r.TestCandidates, r.TestProposals, r.Positives, r.Negatives = 60, 40, 60, 30, 6, 12
	e.Explain = "relu_conv2"
	e.Training.Epochs, e.Training.Batch, e.Training.WarmupSteps, e.Training.LearningRate = 30, 4, 10, 5e-3
	_, err = instance.Train(ctx, instance.TrainOptions{Data: data, Out: filepath.Join(dir, "run"), Experiment: e, Machine: pipeline.Machine{Threads: oneThread}})
	return dir, err
})

// startDetector starts a server with a detector, and returns a picture with at least two objects.
func startDetector(t *testing.T, change func(*Options)) (s *testServer, run string, file []byte) {
	t.Helper()
	dir, err := detectorFixtures()
	if err != nil {
		t.Fatal(err)
	}
	run = filepath.Join(dir, "run")
	s = start(t, func(o *Options) {
		o.Models = []string{"heaps=" + run}
		if change != nil {
			change(o)
		}
	})
	files, err := filepath.Glob(filepath.Join(dir, "scenes", "images", "train", "*"))
	if err != nil {
		t.Fatal(err)
	}
	d := s.models.detectors[0]
	for _, path := range files {
		if file, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		f, err := d.Detect(t.Context(), decoded(t, file), minShown)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Objects) >= 2 {
			return s, run, file
		}
	}
	t.Fatal("the detector finds two objects in no picture")
	return nil, "", nil
}

// served is an answer of :predict.
type served struct {
	Predictions []struct {
		Width, Height int
		Objects       []struct {
			Object       int
			Category     int `json:"category_id"`
			Class        string
			Score        float64
			BBox         mask.Box
			Area         int
			Segmentation coco.Segmentation
		}
	}
}

// The objects of :predict are those of oscar predict, and the map of :explain is that of oscar
// explain.
func TestDetectorAnswersAsTheVerbs(t *testing.T) {
	s, run, file := startDetector(t, nil)
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	one := pipeline.Machine{Threads: oneThread}
	out := filepath.Join(t.TempDir(), "objects.json")
	if _, err := instance.Predict(t.Context(), instance.PredictOptions{Run: run, Paths: []string{path}, Out: out, Machine: one}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := into[struct{ Annotations []coco.Result }](t, string(b)).Annotations
	status, body := s.post("/v1/models/heaps:predict", `{"instances": [`+b64(file)+`, {"image": `+b64(file)+`}]}`)
	got := into[served](t, body)
	if status != 200 || len(got.Predictions) != 2 || len(got.Predictions[0].Objects) < 2 || got.Predictions[0].Width != 96 || got.Predictions[0].Height != 80 {
		t.Fatalf("%d %.500s", status, body)
	}
	for _, p := range got.Predictions {
		for k, o := range p.Objects {
			w := want[k]
			a, err := json.Marshal(o.Segmentation)
			b, err2 := json.Marshal(w.Segmentation)
			if err != nil || err2 != nil || o.Object != k+1 || int64(o.Category) != w.CategoryID || o.Score != w.Score || o.BBox != w.Box || !bytes.Equal(a, b) || o.Area != w.Segmentation.Runs.Area() {
				t.Errorf("object %+v, predicted %+v", o, w)
			}
		}
	}
	why := filepath.Join(t.TempDir(), "why")
	if _, err := instance.Explain(t.Context(), instance.ExplainOptions{Run: run, Paths: []string{path}, Out: why, Least: minShown, Seed: 1, Machine: one}); err != nil {
		t.Fatal(err)
	}
	_, values, err := npy.Read(filepath.Join(why, "maps", "000001-02.npy"))
	if err != nil {
		t.Fatal(err)
	}
	status, body = s.post("/v1/models/heaps:explain", `{"instances": [`+b64(file)+`], "object": 2}`)
	type answered struct {
		Explanations []struct {
			Object                                 int
			Class, Detected, Method, Layer, Status string
			Probability                            float64
			Shape                                  []int
			Map                                    [][]float32
			Heat, Control                          map[string]float64
		}
	}
	e := into[answered](t, body).Explanations
	if status != 200 || len(e) != 1 || e[0].Object != 2 || e[0].Method != "hirescam" || e[0].Layer != "relu_conv2" || e[0].Class != e[0].Detected || e[0].Control["box"] < 0.99 {
		t.Fatalf("%d %.500s", status, body)
	}
	for y, row := range e[0].Map {
		for x, v := range row {
			if v != values[y*e[0].Shape[1]+x] {
				t.Fatalf("the map differs at %d, %d: %g, of oscar explain %g", y, x, v, values[y*e[0].Shape[1]+x])
			}
		}
	}
	// The other formats, other methods, and another class.
	for _, query := range []string{"method=saliency&format=npy", "method=d-rise&samples=3&format=npy", "class=can&format=npy&method=gradcam&layer=relu_conv3"} {
		status, _, body := s.do("POST", "/v1/models/heaps:explain?"+query, "image/png", bytes.NewReader(file))
		if shape, values, err := npy.Decode([]byte(body)); status != 200 || err != nil || shape[0] != 1 || explain.StatusOf(explain.Grid{Height: shape[1], Width: shape[2], Values: values}) == explain.NonFinite {
			t.Errorf("%s: %d %v %v", query, status, shape, err)
		}
	}
	status, header, body := s.do("POST", "/v1/models/heaps:explain?format=overlay&object=2&colormap=viridis", "image/png", bytes.NewReader(file))
	if img := decoded(t, []byte(body)); status != 200 || header.Get("Content-Type") != "image/png" || img.Rect.Size() != image.Pt(96, 80) {
		t.Errorf("%d %v", status, header)
	}
	if status, body = s.get("/v1/models/heaps"); status != 200 || !strings.Contains(body, "AVAILABLE") {
		t.Errorf("%d %s", status, body)
	}
	if status, body = s.get("/v1/models/heaps/metadata"); status != 200 || !strings.Contains(body, `"d-rise"`) || !strings.Contains(body, `"relu_conv3"`) {
		t.Errorf("%d %s", status, body)
	}
}

// What does not go gets one line and its status.
func TestDetectorRefusals(t *testing.T) {
	s, _, file := startDetector(t, nil)
	image := `"instances": [` + b64(file) + `]`
	for _, test := range []struct {
		verb, body string
		status     int
		want       string
	}{
		{"classify", `{` + image + `}`, 400, "POST does not go with :classify of a detector"},
		{"predict", `{"instances": [{"b64": "AAAA"}]}`, 400, "image 0: "},
		{"predict", `{` + image + `, "signature_name": "explain"}`, 400, "no signature"},
		{"predict", `{}`, 400, "it has no images"},
		{"explain", `{` + image + `, "object": 99}`, 400, "object 99; the picture has "},
		{"explain", `{` + image + `, "object": 0}`, 400, `object is \"0\", want the number of an object, from 1`},
		{"explain", `{` + image + `, "object": "x"}`, 400, `object is \"x\"`},
		{"explain", `{` + image + `, "method": "lrp"}`, 400, "method lrp needs rules for each layer"},
		{"explain", `{` + image + `, "method": "all"}`, 400, "one method is explained at a time"},
		{"explain", `{` + image + `, "method": "drise"}`, 400, "and d-rise for detectors"},
		{"explain", `{` + image + `, "layer": "conv9"}`, 400, `no layer \"conv9\" in the backbone`},
		{"explain", `{` + image + `, "class": "cow"}`, 400, `no class \"cow\"; have `},
		{"explain", `{` + image + `, "class": 77}`, 400, "class 77; want 0 to"},
		{"explain", `{` + image + `, "class": "can", "method": "d-rise"}`, 400, "with its own class"},
		{"explain", `{` + image + `, "format": "gif"}`, 400, `no format \"gif\"`},
		{"explain", `{` + image + `, "alpha": 2}`, 400, "alpha is"},
		{"explain", `{` + image + `, "samples": -1}`, 400, "samples is"},
		{"explain", `{"instances": [` + b64(file) + `,` + b64(file) + `]}`, 400, "the request has 2"},
	} {
		if status, body := s.post("/v1/models/heaps:"+test.verb, test.body); status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s %.60s: %d %s, want %q", test.verb, test.body[max(0, len(test.body)-60):], status, body, test.want)
		}
	}
	for path, want := range map[string]int{"/v1/models/none:predict": 404, "/v1/models/heaps/versions/2:predict": 404, "/v1/models/heaps/versions/1:predict": 200} {
		if status, body := s.post(path, `{`+image+`}`); status != want {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	for path, want := range map[string]int{
		"/": 200, "/?model=none": 200, "/?method=none&layer=none&class=none&alpha=x": 200, "/?picture=gone": 404, "/objects?picture=gone": 404, "/object?picture=gone": 404,
		"/object?object=x": 400, "/object?class=cow": 400, "/overlay": 404, "/map.npy": 404, "/browse": 200, "/results": 200,
	} {
		if status, body := s.get(path); status != want {
			t.Errorf("%s: %d, want %d: %.200s", path, status, want, body)
		}
	}
	o := DefaultOptions()
	o.Models, o.Threads = []string{"a=" + s.models.detectors[0].path, "a=" + s.models.detectors[0].path}, oneThread
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "are both called a") {
		t.Error(err)
	}
}

// When as many requests wait as the queue is long, others are refused.
func TestDetectorIsBounded(t *testing.T) {
	s, _, file := startDetector(t, func(o *Options) { o.Queue = 1 })
	d := s.models.detectors[0]
	d.detect <- struct{}{}
	first := make(chan int, 1)
	go func() {
		status, _ := s.post("/v1/models/heaps:predict", `{"instances": [`+b64(file)+`]}`)
		first <- status
	}()
	for d.waiting.Load() == 0 {
		select {
		case status := <-first:
			t.Fatal(status)
		default:
			time.Sleep(time.Millisecond)
		}
	}
	if status, body := s.post("/v1/models/heaps:predict", `{"instances": [`+b64(file)+`]}`); status != http.StatusTooManyRequests {
		t.Errorf("%d %s", status, body)
	}
	<-d.detect
	if status := <-first; status != 200 {
		t.Error(status)
	}
}

// The area of an object in the page covers the pixels of its mask.
func TestPathOf(t *testing.T) {
	pixels := []uint8{
		0, 1, 1, 0,
		0, 1, 1, 0,
		1, 0, 0, 1,
	}
	if got := pathOf(pixels, image.Pt(4, 3), image.Pt(4, 3)); got != "M1 0h2v2h-2zM0 2h1v1h-1zM3 2h1v1h-1z" {
		t.Error(got)
	}
	if got := pathOf(pixels, image.Pt(4, 3), image.Pt(2, 1)); got != "M0 0h1v1h-1z" { // of the pixels 1 and 3 of the middle row
		t.Error(got)
	}
	if got := scaledMask(pixels, image.Pt(4, 3), image.Pt(8, 3)); !bytes.Equal(got[:8], []uint8{0, 0, 1, 1, 1, 1, 0, 0}) {
		t.Error(got)
	}
}

// The page of a detector, by a person with a mouse: a picture is chosen, an object clicked, and a
// classifier asked about the same picture.
func TestObjectsInABrowser(t *testing.T) {
	_, run, file := startDetector(t, nil)
	s := start(t, func(o *Options) { o.Models = []string{filepath.Join(shared(t), "run"), "heaps=" + run} })
	status, header, _ := s.do("POST", "/pictures?model=heaps", "image/png", bytes.NewReader(file))
	link := header.Get("Location")
	if status != 303 || !strings.Contains(link, "model=heaps") {
		t.Fatal(status, link)
	}
	site := reporttest.Visit(t, "objects-empty", s.url+"/?model=heaps")
	site.Look("objects-empty")
	site.Go(s.url + link)
	site.Await(`document.querySelector("#overlay")?.complete && document.querySelector("#overlay").naturalWidth > 0 && document.getElementById("photo").naturalWidth > 0`)
	site.Look("objects")
	caption := `document.querySelectorAll("#result figcaption")[1].textContent`
	if text := site.Run(caption); !strings.Contains(text, "in the box of object 1") {
		t.Error(text)
	}
	// The area of the second object lies where its mask is, and a click on it explains it.
	hit := site.Run(`(() => {
		const path = [...document.querySelectorAll(".stage a")].find((a) => a.getAttribute("href").includes("object=2")).querySelector("path");
		path.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
		return path.getBoundingClientRect().width > 5 ? "ok" : "too small";
	})()`)
	if hit != "ok" {
		t.Error(hit)
	}
	site.Await(`location.search.includes("object=2") && ` + caption + `.includes("in the box of object 2")`)
	site.Await(`document.querySelector("#overlay").complete && document.querySelector("#overlay").src.includes("object=2")`)
	if n := site.Run(`String(document.querySelectorAll(".bars .chosen").length)`); n != "1" {
		t.Errorf("%s rows are chosen", n)
	}
	site.Run(`(() => { const e = document.getElementById("method"); e.value = "d-rise"; e.dispatchEvent(new Event("change", { bubbles: true })); return ""; })()`)
	site.Await(caption + `.includes("takes a while") && document.getElementById("layer").textContent.includes("the image")`)
	site.Run(`(() => { const e = document.getElementById("model"); e.value = "run"; e.dispatchEvent(new Event("change", { bubbles: true })); return ""; })()`)
	site.Await(`document.getElementById("content")?.dataset.kind === "classes" && document.querySelector("#overlay")`)
}
