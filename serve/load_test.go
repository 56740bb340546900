package serve

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"oscar/client"
	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/machine"
	"oscar/internal/paths"
	"oscar/methods"
	"oscar/pipeline"
)

// loadModel is the model of the measurements: OSCAR_LOAD_MODEL, or the tests' own.
func loadModel(b *testing.B) string {
	if path := os.Getenv("OSCAR_LOAD_MODEL"); path != "" {
		return path
	}
	return filepath.Join(shared(b), "run")
}

// photograph is a JPEG of 512x384.
func photograph(b *testing.B) []byte {
	b.Helper()
	dir := b.TempDir()
	if err := dataset.Synthesize(b.Context(), filepath.Join(dir, "set"), dataset.SyntheticOptions{PerClass: 1, Width: 512, Height: 384, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	photo, err := dataset.DecodeFile(filepath.Join(dir, "set", "images", "can", "0000.png"), dataset.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, photo, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// inMemory is how many images a second Grad-CAM takes in batches of 32 that lie in
// memory.
func inMemory(b *testing.B, path string, photo []byte) float64 {
	b.Helper()
	bundle, err := pipeline.Open(path, pipeline.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer bundle.Close()
	img, err := dataset.Decode(photo, dataset.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	const n = 32
	images, err := pipeline.Input(&bundle.Metadata, slices.Repeat([]*imageRGBA{img}, n)...)
	if err != nil {
		b.Fatal(err)
	}
	v := &version{Bundle: bundle}
	q := query{version: v, at: methods.At{Method: "gradcam", Layer: bundle.Metadata.Explain}, options: defaultSettings()}
	targets := slices.Repeat([]int{explain.Predicted}, n)
	run := func() {
		if _, err := q.run(b.Context(), images, targets); err != nil {
			b.Fatal(err)
		}
	}
	run() // sets TensorFlow up
	rounds, began := 0, time.Now()
	for ; time.Since(began) < 3*time.Second; rounds++ {
		run()
	}
	return float64(rounds*n) / time.Since(began).Seconds()
}

// load is what a number of clients saw of a server.
type load struct {
	times []time.Duration // of the requests, sorted
	rate  float64         // requests a second
}

func (l load) percentile(share float64) float64 {
	return float64(l.times[min(int(share*float64(len(l.times))), len(l.times)-1)].Microseconds()) / 1000
}

// report adds a load to a benchmark's figures.
func (l load) report(b *testing.B) {
	b.ReportMetric(l.rate, "requests/s")
	b.ReportMetric(l.percentile(.5), "p50-ms")
	b.ReportMetric(l.percentile(.99), "p99-ms")
}

// closedLoop is the load of clients that each wait for their answer.
func closedLoop(b *testing.B, clients int, ask func() error) load {
	work := make(chan bool)
	var mu sync.Mutex
	var l load
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range work {
				began := time.Now()
				err := ask()
				took := time.Since(began)
				mu.Lock()
				l.times = append(l.times, took)
				mu.Unlock()
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	began := time.Now()
	for b.Loop() {
		work <- true
	}
	close(work)
	all.Wait()
	l.rate = float64(len(l.times)) / time.Since(began).Seconds()
	slices.Sort(l.times)
	return l
}

// openLoop is the load of requests that come at a rate, whether others have their answer
// or not.
func openLoop(b *testing.B, rate float64, ask func() error) load {
	var mu sync.Mutex
	var l load
	var all sync.WaitGroup
	began := time.Now()
	for n := 0; b.Loop(); n++ {
		due := began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		all.Go(func() {
			err := ask()
			mu.Lock()
			defer mu.Unlock()
			l.times = append(l.times, time.Since(due))
			if err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	l.rate = float64(len(l.times)) / time.Since(began).Seconds()
	slices.Sort(l.times)
	return l
}

// endpoint starts the FastAPI endpoint with a model's weights, if OSCAR_PYTHON_FASTAPI
// names its packages, and returns what asks it.
func endpoint(b *testing.B, model string, photo []byte) func() error {
	b.Helper()
	python := os.Getenv("OSCAR_PYTHON_FASTAPI")
	if python == "" {
		b.Skip("OSCAR_PYTHON_FASTAPI names no Python packages")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(addr)
	if saved := filepath.Join(model, "saved_model"); paths.Exists(saved) {
		model = saved
	}
	cmd := exec.CommandContext(b.Context(), "python3", "testdata/fastapi_endpoint.py", model, port)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+python, "TF_CPP_MIN_LOG_LEVEL=2", "CUDA_VISIBLE_DEVICES=-1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	http := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	ask := func() error {
		r, err := http.Post("http://"+addr+"/explain", "image/jpeg", bytes.NewReader(photo))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err == nil && (r.StatusCode != 200 || !bytes.Contains(body, []byte(`"map"`))) {
			err = fmt.Errorf("%s: %.200s", r.Status, body)
		}
		return err
	}
	for deadline := time.Now().Add(2 * time.Minute); ask() != nil; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("the endpoint does not answer")
		}
	}
	return ask
}

// BenchmarkLoad measures explain requests with photographs on loopback. It compares them
// with Grad-CAM in memory in the same process, and with a FastAPI endpoint that uses Keras.
// Clients wait for each answer, or send requests at half the rate of 8 such clients.
//
//	OSCAR_PYTHON_FASTAPI=$(scripts/setup-python fastapi) OSCAR_LOAD_MODEL=runs/alexnet \
//	  go test ./serve -run - -bench Load -benchtime 300x
func BenchmarkLoad(b *testing.B) {
	path, photo := loadModel(b), photograph(b)
	memory := inMemory(b, path, photo)
	half := 0.0
	for _, c := range []struct{ clients, batch int }{{1, 32}, {8, 32}, {32, 32}, {32, 1}, {0, 32}} {
		name := fmt.Sprintf("oscar,clients=%d,max-batch=%d", c.clients, c.batch)
		if c.clients == 0 {
			name = "oscar,half-load"
		}
		b.Run(name, func(b *testing.B) {
			s := start(b, func(o *Options) {
				o.Models, o.Threads, o.MaxBatch = []string{path}, pipeline.Threads{}, c.batch
			})
			to := client.Client{URL: s.url, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
			ask := func() error {
				_, err := to.Explain(b.Context(), s.models.models[0].name, photo, client.Options{})
				return err
			}
			var l load
			if c.clients == 0 {
				l = openLoop(b, half, ask)
			} else if l = closedLoop(b, c.clients, ask); c.clients == 8 {
				half = l.rate / 2
			}
			l.report(b)
			b.ReportMetric(l.rate/memory, "of-memory")
			b.ReportMetric(float64(machine.PeakMemory()>>20), "peak-MiB")
		})
	}
	half = 0
	for _, clients := range []int{1, 8, 32, 0} {
		name := fmt.Sprintf("fastapi,clients=%d", clients)
		if clients == 0 {
			name = "fastapi,half-load"
		}
		b.Run(name, func(b *testing.B) {
			ask := endpoint(b, path, photo)
			b.ResetTimer()
			var l load
			if clients == 0 {
				l = openLoop(b, half, ask)
			} else if l = closedLoop(b, clients, ask); clients == 8 {
				half = l.rate / 2
			}
			l.report(b)
		})
	}
}

// Memory stays flat over many requests: OSCAR_LOAD_REQUESTS=100000, which takes minutes.
func TestMemoryOverManyRequests(t *testing.T) {
	requests, err := strconv.Atoi(os.Getenv("OSCAR_LOAD_REQUESTS"))
	if err != nil {
		t.Skip("OSCAR_LOAD_REQUESTS gives no number of requests")
	}
	s := start(t, nil)
	photo := pictureFile(t)
	to := client.Client{URL: s.url, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	var resident []uint64
	const rounds = 10
	for round := range rounds {
		var all errgroup.Group
		all.SetLimit(8)
		for range requests / rounds {
			all.Go(func() error {
				_, err := to.Explain(t.Context(), s.models.models[0].name, photo, client.Options{})
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		resident = append(resident, residentMemory(t))
		t.Logf("%d requests: %d MiB", (round+1)*requests/rounds, resident[round]>>20)
	}
	if first, last := resident[1], resident[rounds-1]; last > first+first/20 {
		t.Errorf("memory grew from %d to %d MiB after the first fifth", first>>20, last>>20)
	}
}

// residentMemory is the memory of this process, in bytes.
func residentMemory(t *testing.T) uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}

// BenchmarkPage measures what a person waits for: a picture is sent, its page comes,
// and the map on it.
func BenchmarkPage(b *testing.B) {
	path, photo := loadModel(b), photograph(b)
	s := start(b, func(o *Options) { o.Models, o.Threads = []string{path}, pipeline.Threads{} })
	n := 0
	for b.Loop() {
		n++
		// A comment after the JPEG's end makes it another picture.
		_, header, _ := s.do("POST", "/pictures", "image/jpeg", io.MultiReader(bytes.NewReader(photo), strings.NewReader(fmt.Sprint(n))))
		status, page := s.get(header.Get("Location"))
		_, rest, _ := strings.Cut(page, `id="overlay" src="`)
		overlay, _, ok := strings.Cut(rest, `"`)
		if status != 200 || !ok {
			b.Fatalf("%d %.200s", status, page)
		}
		if status, _ := s.get(strings.ReplaceAll(overlay, "&amp;", "&")); status != 200 {
			b.Fatal(status)
		}
	}
}
