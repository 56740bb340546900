package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"oscar/dataset"
	"oscar/explain"
	"oscar/gradcam"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/internal/numeric"
	"oscar/pipeline"
)

// partsJob is the name for -jobs of the table of where the processor time of an image goes in
// a folder run. It is not a job: only oscar has it.
const partsJob = "parts"

// Part is a part of a folder run.
type Part struct {
	Name      string  `json:"name"`
	Benchmark string  `json:"benchmark,omitempty"` // Go benchmark of the same work
	Each      float64 `json:"each"`                // milliseconds of processor time per image
	Budget    float64 `json:"budget"`              // milliseconds
}

// Within reports whether a part keeps to its budget.
func (p Part) Within() bool { return p.Each <= p.Budget }

// parts measures the parts in a process of its own.
func (h *harness) parts(ctx context.Context) ([]Part, error) {
	h.say("Processor time of an image in a folder run")
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "parts", h.dir)
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var list []Part
	return list, json.Unmarshal(b, &list)
}

// processor returns the processor time of this process in milliseconds.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}

// measureParts does to 192 photographs what a folder run does, one part after the other, and
// then makes the folder run. It prints the [Part]s.
func measureParts(ctx context.Context, dir string) error {
	h := harness{dir: dir}
	text, err := os.ReadFile(h.path("files.txt"))
	if err != nil {
		return err
	}
	files := strings.Split(strings.TrimSpace(string(text)), "\n")
	files = files[:min(len(files), 3*64)]
	bundle, err := pipeline.Open(h.model(), graph.Config{})
	if err != nil {
		return err
	}
	defer bundle.Close()
	encoder, err := graph.NewJPEG(heatmap.JPEGQuality)
	if err != nil {
		return err
	}
	defer encoder.Close()
	out := h.path("out", "parts")
	if err := clear(out); err != nil {
		return err
	}

	in := alexnet().Input
	var (
		n        = len(files)
		data     = make([][]byte, n)
		photos   = make([]*image.RGBA, n)
		maps     = make([]explain.Attribution, 0, n)
		drawings = make([]*image.RGBA, n)
		encoded  = make([][]byte, n)
		rgb      = make([]uint8, in.Elements())
		images   = explain.Images{N: n, Height: in[0], Width: in[1], Channels: in[2], Pixels: make([]float32, n*in.Elements())}
		list     []Part
		sum      float64
	)
	explainer := gradcam.Explainer{Model: bundle, Layer: bundle.Metadata.Explain}
	model := func(first int) error {
		end := min(first+64, n)
		some, err := explainer.Explain(ctx, images.Slice(first, end), predicted(end-first))
		maps = append(maps, some...)
		return err
	}
	part := func(name, benchmark string, budget float64, each func(i int) error) error {
		before := processor()
		for i := range n {
			if err := each(i); err != nil {
				return err
			}
		}
		p := Part{name, benchmark, (processor() - before) / float64(n), budget}
		sum += p.Each
		list = append(list, p)
		return ctx.Err()
	}
	steps := []struct {
		name, benchmark string
		budget          float64
		each            func(i int) error
	}{
		{"read the file, hash it", "dataset.Read", 0.4, func(i int) (err error) {
			if data[i], err = dataset.ReadFile(files[i], dataset.DefaultLimits); err == nil {
				sha256.Sum256(data[i])
			}
			return err
		}},
		{"decode", "dataset.Decode", 2.5, func(i int) (err error) {
			photos[i], _, err = dataset.DecodeContext(ctx, data[i], dataset.DefaultLimits)
			return err
		}},
		{"resize", "dataset.Resize", 1, func(i int) error {
			dataset.CopyRGB(rgb, dataset.Resize(photos[i], in[0], in[1], dataset.Bilinear))
			numeric.Float32s(images.Pixels[i*len(rgb):], rgb)
			return nil
		}},
		{"model and map", "gradcam.Explain", 7.5, func(i int) error {
			if i%64 > 0 {
				return nil
			}
			return model(i)
		}},
		{"draw: enlarge, color, blend, strip", "heatmap.Overlay", 0.9, func(i int) error {
			drawings[i] = heatmap.Overlay(photos[i], heatmap.Options{Heat: maps[i].Map, Title: "a title", Note: "a note"})
			return nil
		}},
		{"encode", "internal/graph.JPEG", 0.8, func(i int) (err error) {
			encoded[i], err = encoder.Encode(ctx, drawings[i])
			return err
		}},
		{"write overlay and map", "pipeline.Files", 0.8, func(i int) error {
			g := maps[i].Map
			if err := npy.Write(filepath.Join(out, fmt.Sprint(i, ".npy")), []int{g.Height, g.Width}, g.Values); err != nil {
				return err
			}
			return atomicfile.Draft(filepath.Join(out, fmt.Sprint(i, ".jpg")), func(f *os.File) error {
				_, err := f.Write(encoded[i])
				return err
			})
		}},
	}
	if err := model(0); err != nil { // the first run plans
		return err
	}
	maps = maps[:0]
	for _, s := range steps {
		if err := part(s.name, s.benchmark, s.budget, s.each); err != nil {
			return err
		}
	}
	folder := func(name string, files []string) error {
		_, err := pipeline.Explain(ctx, pipeline.ExplainOptions{Model: h.model(), Paths: files, Out: filepath.Join(out, name), Settings: pipeline.DefaultSettings()})
		return err
	}
	// What a run of one image needs is not counted, such as opening the model.
	before := processor()
	if err := folder("one", files[:1]); err != nil {
		return err
	}
	fixed := processor() - before
	before = processor()
	if err := folder("all", files); err != nil {
		return err
	}
	whole := Part{"the folder run", "", 0, 0}
	whole.Each = (processor() - before - fixed) / float64(n-1)
	rest := Part{"the rest: manifest, montage, goroutines, garbage", "", whole.Each - sum, 1}
	list = append(list, rest)
	for _, p := range list {
		whole.Budget += p.Budget
	}
	return json.NewEncoder(os.Stdout).Encode(append(list, whole))
}
