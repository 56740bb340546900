package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/pipeline"
	"oscar/tfmodel"
)

func TestMain(m *testing.M) {
	os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2")
	code := m.Run()
	if dir, err := fixtures(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

var oneThread = pipeline.Threads{Intra: 1, Inter: 1}

// fixtures makes, once, a folder with shapes/images, 6 classes of 6 images of 64x48,
// and run, a finished run on them. No test may change them.
var fixtures = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "oscar-serve-")
	if err != nil {
		return "", err
	}
	ctx := context.Background()
	if err := dataset.Synthesize(ctx, filepath.Join(dir, "shapes"), dataset.SyntheticOptions{PerClass: 6, Width: 64, Height: 48, Seed: 7}); err != nil {
		return dir, err
	}
	e := experiment.Default()
	e.Architecture = tfmodel.Architecture{Name: "tiny"}
	e.Training.Epochs, e.Training.Batch, e.Training.LearningRate = 3, 4, 1e-3
	_, err = pipeline.Train(ctx, pipeline.TrainOptions{
		Data: filepath.Join(dir, "shapes", "images"), Out: filepath.Join(dir, "run"), Experiment: e, Machine: pipeline.Machine{Threads: oneThread, Workers: 2},
	})
	return dir, err
})

func shared(t testing.TB) string {
	t.Helper()
	dir, err := fixtures()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// testServer is a server on loopback with the shared run as its model.
type testServer struct {
	*Server
	t   testing.TB
	url string
}

// start starts a server with options that change may change.
func start(t testing.TB, change func(*Options)) *testServer {
	t.Helper()
	o := DefaultOptions()
	o.Models, o.Threads, o.Version = []string{filepath.Join(shared(t), "run")}, oneThread, "test"
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(s.Close)
	t.Cleanup(h.Close)
	return &testServer{s, t, h.URL}
}

// do sends a request and returns the status, the header and the body.
func (s *testServer) do(method, path, kind string, body io.Reader) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return s.send(r)
}

func (s *testServer) send(r *http.Request) (int, http.Header, string) {
	s.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return w.StatusCode, w.Header, string(b)
}

func (s *testServer) get(path string) (int, string) {
	s.t.Helper()
	status, _, body := s.do("GET", path, "", nil)
	return status, body
}

// post sends JSON.
func (s *testServer) post(path, body string) (int, string) {
	s.t.Helper()
	status, _, text := s.do("POST", path, "application/json", strings.NewReader(body))
	return status, text
}

// into decodes JSON.
func into[T any](t testing.TB, text string) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return out
}

// pictureFile returns a test image.
func pictureFile(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(shared(t), "shapes", "images", "can", "0000.png"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decoded(t testing.TB, file []byte) *image.RGBA {
	t.Helper()
	photo, err := dataset.Decode(file, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return photo
}

// b64 is a file as TensorFlow Serving takes it.
func b64(file []byte) string {
	return fmt.Sprintf(`{"b64": %q}`, base64.StdEncoding.EncodeToString(file))
}

// pixelsOf are the pixels that the model gets of a file, as nested lists.
func (s *testServer) pixelsOf(file []byte) ([]float32, string) {
	s.t.Helper()
	images, err := pipeline.Input(&s.models.models[0].current.Metadata, decoded(s.t, file))
	if err != nil {
		s.t.Fatal(err)
	}
	var b bytes.Buffer
	for y := range images.Height {
		b.WriteString(",["[min(1, 1-min(y, 1)):])
		for x := range images.Width {
			p := images.Pixels[(y*images.Width+x)*3:]
			if x > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, "[%g,%g,%g]", p[0], p[1], p[2])
		}
		b.WriteString("]")
	}
	return images.Pixels, "[" + b.String() + "]"
}

// run starts a server that listens by itself, and returns its address and what
// stops it and waits.
func run(t *testing.T, change func(*Options)) (s *Server, addr string, stop func() error) {
	s, addr, _, stop = listen(t, change)
	return s, addr, stop
}

// listen is run with the address of gRPC, "" if change does not ask for it.
func listen(t *testing.T, change func(*Options)) (s *Server, addr, rpc string, stop func() error) {
	t.Helper()
	o := DefaultOptions()
	o.Models, o.Threads, o.Addr = []string{filepath.Join(shared(t), "run")}, oneThread, "127.0.0.1:0"
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan [2]string, 1), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(addr, rpc string) { ready <- [2]string{addr, rpc} }) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() { cancel(); result = <-ended })
		return result
	}
	t.Cleanup(func() { stop() })
	select {
	case at := <-ready:
		addr, rpc = at[0], at[1]
	case err := <-ended:
		t.Fatal(err)
	}
	return s, addr, rpc, stop
}
