package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/gradcam"
	"oscar/heatmap"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/pipeline"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// desk is oscar's worker: its input and output.
type desk struct {
	ctx    context.Context
	h      harness // for its paths
	out    string
	config graph.Config
	number int // masks of RISE, samples of LIME
	pixels []float32
	labels []int
}

func alexnet() tfmodel.Architecture { return tfmodel.AlexNet02(len(dataset.SyntheticClasses)) }

// work is oscar as a contestant: it does the pieces of a job that standard input asks for.
func work(ctx context.Context, job, dir, out string) error {
	d := &desk{ctx: ctx, h: harness{dir: dir}, out: out}
	if name := os.Getenv("OSCAR_BENCH_PRECISION"); name != "" {
		if err := d.config.Precision.Set(name); err != nil {
			return err
		}
	}
	d.number, _ = strconv.Atoi(os.Getenv("OSCAR_BENCH_SAMPLES"))
	begin, ok := map[string]func() (func(int) error, error){
		matmul: d.matmul, copying: d.copying, train: d.train, classify: d.classify, gradcamJob: d.gradcam,
		folder: d.folder, integrated: d.integrated, scorecam: d.scorecam, rise: d.rise, lime: d.lime,
		detectTrain: d.detectTrain, detect: d.detect, detectFolder: d.detectFolder,
	}[job]
	if !ok {
		return fmt.Errorf("no job %q", job)
	}
	if job != matmul && job != copying && !jobOf(job).Scenes {
		if err := d.read(); err != nil {
			return err
		}
	}
	run, err := begin()
	if err != nil {
		return err
	}
	return serve(ready{Ready: true, Version: "TensorFlow's C library " + graph.Version()}, run)
}

func (d *desk) read() error {
	_, pixels, err := npy.Read(d.h.path("images.npy"))
	if err != nil {
		return err
	}
	_, labels, err := npy.Read(d.h.path("labels.npy"))
	d.pixels = pixels
	for _, v := range labels {
		d.labels = append(d.labels, int(v))
	}
	return err
}

// prove saves the numbers that the others are compared with.
func (d *desk) prove(name string, values []float32) error {
	return npy.Write(filepath.Join(d.out, name+".npy"), []int{len(values)}, values)
}

// images returns n images from the k-th on, cyclically.
func (d *desk) images(k, n int) explain.Images {
	in := alexnet().Input
	k = k * n % (len(d.labels) / n * n)
	return explain.Images{
		N: n, Height: in[0], Width: in[1], Channels: in[2],
		Pixels: d.pixels[k*in.Elements() : (k+n)*in.Elements()],
	}
}

// batches calls do for each batch of pieces.
func batches(pieces int, do func(k int) error) error {
	for k := range pieces / batch {
		if err := do(k); err != nil {
			return err
		}
	}
	return nil
}

// open opens the model, and saves its predictions for a batch.
func (d *desk) open() (*savedmodel.Bundle, error) {
	bundle, err := pipeline.Open(d.h.model(), d.config)
	if err != nil {
		return nil, err
	}
	p, err := bundle.Predict(d.ctx, d.images(0, batch))
	if err != nil {
		return nil, err
	}
	return bundle, errors.Join(d.prove("logits", slices.Concat(p.Logits...)), d.prove("probabilities", slices.Concat(p.Probabilities...)))
}

// predicted returns n times the target explain.Predicted.
func predicted(n int) []int {
	return slices.Repeat([]int{explain.Predicted}, n)
}

func (d *desk) train() (func(int) error, error) {
	trainer, err := tfmodel.NewTrainer(alexnet(), tfmodel.Training{}, 1, d.config)
	if err != nil {
		return nil, err
	}
	if err := trainer.Init(d.ctx); err != nil { // the optimizer's variables
		return nil, err
	}
	if err := trainer.RestoreWeights(d.ctx, filepath.Join(d.h.model(), "saved_model", "variables", "variables")); err != nil {
		return nil, err
	}
	bytes := make([]uint8, len(d.pixels)) // as a trainer takes them
	for i, v := range d.pixels {
		bytes[i] = uint8(v)
	}
	size, step := alexnet().Input.Elements()*batch, 0
	learn := func(k int) error {
		k %= inMemory / batch
		loss, _, err := trainer.Step(d.ctx, tfmodel.Batch{N: batch, Images: bytes[k*size : (k+1)*size], Labels: d.labels[k*batch : (k+1)*batch]}, step, 5e-6)
		if err == nil && step == 0 {
			err = d.prove("loss", []float32{float32(loss)})
		}
		step++
		return err
	}
	run := func(pieces int) error { return batches(pieces, learn) }
	return run, run(2 * batch)
}

func (d *desk) classify() (func(int) error, error) {
	bundle, err := d.open()
	if err != nil {
		return nil, err
	}
	return func(pieces int) error {
		return batches(pieces, func(k int) error {
			_, err := bundle.Predict(d.ctx, d.images(k, batch))
			return err
		})
	}, nil
}

// gradcam enlarges its maps to the images' size, 0..1, like the others.
func (d *desk) gradcam() (func(int) error, error) {
	bundle, err := d.open()
	if err != nil {
		return nil, err
	}
	explainer := gradcam.Explainer{Model: bundle, Layer: bundle.Metadata.Explain}
	in := alexnet().Input
	var heat []explain.Grid
	look := func(k int) error {
		attributions, err := explainer.Explain(d.ctx, d.images(k, batch), predicted(batch))
		heat = heatmap.Enlarge(attributions, in[0], in[1])
		return err
	}
	if err := look(0); err != nil {
		return nil, err
	}
	var values []float32
	for _, g := range heat {
		values = append(values, g.Values...)
	}
	return func(pieces int) error { return batches(pieces, look) }, d.prove("heat", values)
}

// folder is "oscar explain" for a list of files, including everything that it writes. Every
// round opens the model again, and has its own folder.
func (d *desk) folder() (func(int) error, error) {
	text, err := os.ReadFile(d.h.path("files.txt"))
	if err != nil {
		return nil, err
	}
	files := strings.Split(strings.TrimSpace(string(text)), "\n")
	round := 0
	run := func(pieces int) error {
		out := filepath.Join(d.out, fmt.Sprintf("explained-%d", round))
		round++
		settings := pipeline.DefaultSettings()
		settings.Precision = d.config.Precision
		_, err := pipeline.Explain(d.ctx, pipeline.ExplainOptions{Model: d.h.model(), Paths: files[:pieces], Out: out, Settings: settings})
		return err
	}
	return run, run(batch)
}

func (d *desk) integrated() (func(int) error, error) {
	bundle, err := d.open()
	if err != nil {
		return nil, err
	}
	return d.each(integrated, explain.IntegratedGradients{Model: bundle, Steps: 50})
}

func (d *desk) lime() (func(int) error, error) {
	bundle, err := d.open()
	if err != nil {
		return nil, err
	}
	return d.each(lime, explain.LIME{Model: bundle, Samples: d.number})
}

func (d *desk) scorecam() (func(int) error, error) {
	bundle, err := d.open()
	if err != nil {
		return nil, err
	}
	method, err := gradcam.Lookup(scorecam)
	if err != nil {
		return nil, err
	}
	return d.each(scorecam, gradcam.Explainer{Model: bundle, Layer: bundle.Metadata.Explain, Methods: []gradcam.Entry{method}})
}

// rise proves a map of a few masks, and saves them, so that the others can take the same.
func (d *desk) rise() (func(int) error, error) {
	bundle, err := d.open()
	if err != nil {
		return nil, err
	}
	const few = 64
	seen := &recorder{Predictor: bundle}
	below := func(dst []float32, image explain.Images) { // a masked pixel is then itself - 1 + the mask
		for i, v := range image.Pixels {
			dst[i] = v - 1
		}
	}
	image := d.images(0, 1)
	if _, err := (explain.RISE{Model: seen, Samples: few, Baseline: below}).Explain(d.ctx, image, predicted(1)); err != nil {
		return nil, err
	}
	var masks []float32
	for i, v := range seen.pixels[len(image.Pixels):] { // the first image is the unmasked one
		if i%image.Channels == 0 {
			masks = append(masks, v-(image.Pixels[i%len(image.Pixels)]-1))
		}
	}
	if err := npy.Write(filepath.Join(d.out, "masks.npy"), []int{few, image.Height, image.Width}, masks); err != nil {
		return nil, err
	}
	if _, err := d.each(rise, explain.RISE{Model: bundle, Samples: few}); err != nil {
		return nil, err
	}
	return d.run(explain.RISE{Model: bundle, Samples: d.number}), nil
}

// recorder keeps the images that a model is shown.
type recorder struct {
	explain.Predictor
	pixels []float32
}

func (r *recorder) Predict(ctx context.Context, images explain.Images) (explain.Prediction, error) {
	r.pixels = append(r.pixels, images.Pixels[:images.N*images.Size()]...)
	return r.Predictor.Predict(ctx, images)
}

// each proves the first image's map, and explains the images one after the other.
func (d *desk) each(name string, e explain.Explainer) (func(int) error, error) {
	first, err := e.Explain(d.ctx, d.images(0, 1), predicted(1))
	if err != nil {
		return nil, err
	}
	return d.run(e), d.prove(name, first[0].Map.Values)
}

func (d *desk) run(e explain.Explainer) func(int) error {
	return func(pieces int) error {
		for k := range pieces {
			if _, err := e.Explain(d.ctx, d.images(k%batch, 1), predicted(1)); err != nil {
				return err
			}
		}
		return nil
	}
}

func (d *desk) matmul() (func(int) error, error) {
	g := graph.New()
	matrix := func(name string, seed int64) *graph.Variable {
		return g.Variable(name, graph.Shape{side, side}, false, func(g *graph.Graph) graph.Tensor {
			return g.Uniform(g.Ints(side, side), g.Const(graph.FromInt64s(graph.Shape{2}, []int64{1, seed})))
		})
	}
	a, b := matrix("a", 1), matrix("b", 2)
	product := g.MatMul(a.Value, b.Value)
	session, err := g.NewSession(graph.Config{})
	if err != nil {
		return nil, err
	}
	if _, err := session.Run(d.ctx, nil, nil, a.Init, b.Init); err != nil {
		return nil, err
	}
	run := func(pieces int) error {
		for range pieces {
			if _, err := session.Run(d.ctx, nil, nil, product.Op()); err != nil {
				return err
			}
		}
		return nil
	}
	return run, run(1)
}

func (d *desk) copying() (func(int) error, error) {
	here, there := make([]byte, copied), make([]byte, copied)
	run := func(pieces int) error {
		for range pieces {
			copy(there, here)
		}
		return nil
	}
	for i := range here {
		here[i] = byte(i)
	}
	return run, run(1)
}
