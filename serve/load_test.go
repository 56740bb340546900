package serve

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oscar/client"
	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/machine"
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

// BenchmarkLoad measures explain requests of photographs on loopback, from clients
// that each wait for their answer, beside Grad-CAM in memory in the same process.
//
//	OSCAR_LOAD_MODEL=runs/alexnet go test ./serve -run - -bench Load -benchtime 300x
func BenchmarkLoad(b *testing.B) {
	path, photo := loadModel(b), photograph(b)
	memory := inMemory(b, path, photo)
	for _, c := range []struct{ clients, batch int }{{1, 32}, {8, 32}, {32, 32}, {32, 1}} {
		b.Run(fmt.Sprintf("clients=%d,max-batch=%d", c.clients, c.batch), func(b *testing.B) {
			s := start(b, func(o *Options) {
				o.Models, o.Threads, o.MaxBatch = []string{path}, pipeline.Threads{}, c.batch
			})
			ask := client.Client{URL: s.url, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: c.clients}}}
			name := s.models.models[0].name
			work := make(chan bool)
			var mu sync.Mutex
			var times []time.Duration
			var clients sync.WaitGroup
			for range c.clients {
				clients.Go(func() {
					for range work {
						began := time.Now()
						_, err := ask.Explain(b.Context(), name, photo, client.Options{})
						took := time.Since(began)
						mu.Lock()
						times = append(times, took)
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
			clients.Wait()
			rate := float64(len(times)) / time.Since(began).Seconds()
			slices.Sort(times)
			at := func(share float64) float64 {
				return float64(times[min(int(share*float64(len(times))), len(times)-1)].Microseconds()) / 1000
			}
			b.ReportMetric(rate, "requests/s")
			b.ReportMetric(rate/memory, "of-memory")
			b.ReportMetric(at(.5), "p50-ms")
			b.ReportMetric(at(.99), "p99-ms")
			b.ReportMetric(float64(machine.PeakMemory()>>20), "peak-MiB")
		})
	}
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
