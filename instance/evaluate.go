package instance

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"oscar/instance/coco"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/checkpoint"
	"oscar/internal/machine"
	"oscar/result"
	"oscar/run"
)

// EvaluateOptions are the options of [Evaluate].
type EvaluateOptions struct {
	Run      string
	Data     string // a folder of scenes; "": the run's own
	Part     string // of Data; "": the test part
	Machine  run.Machine
	Listener run.Listener
}

// Evaluation has the metrics of a detector on a part of a data set.
type Evaluation = result.DetectorEvaluation

// Evaluate measures a detector on a part of a folder of scenes.
func Evaluate(ctx context.Context, o EvaluateOptions) (*Evaluation, error) {
	r, d, epoch, err := open(ctx, o.Run, o.Machine)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	root, err := r.scenes(o.Data)
	if err != nil {
		return nil, err
	}
	part := cmp.Or(o.Part, scene.Test)
	set, err := scene.Open(ctx, root, part)
	if err != nil {
		return nil, err
	}
	if err := checkClasses(&scene.Set{Part: "train of the run", Classes: r.Experiment.Data.Classes}, set); err != nil {
		return nil, err
	}
	o.Listener.Stage("detecting")
	begin := time.Now()
	results, err := detect(ctx, d, set, o.Machine, o.Listener)
	if err != nil {
		return nil, err
	}
	e := &Evaluation{
		Format: 1, Task: Task, Part: part, Epoch: epoch, Images: len(set.Scenes), Detections: len(results),
		ImagesPerSecond: float64(len(set.Scenes)) / time.Since(begin).Seconds(),
	}
	for _, s := range set.Scenes {
		for _, o := range s.Objects {
			if !o.Ignore {
				e.Objects++
			}
		}
	}
	if e.Boxes, err = coco.Evaluate(set.Truth, results, coco.Boxes); err != nil {
		return nil, err
	}
	if e.Masks, err = coco.Evaluate(set.Truth, results, coco.Masks); err != nil {
		return nil, err
	}
	if e.Ways, err = waysOf(set.Truth, results, e.Masks); err != nil {
		return nil, err
	}
	e.Strata = e.Ways[0].Strata
	if e.Single, err = single(set.Truth, results); err != nil {
		return nil, err
	}
	e.Outcomes, err = outcomes(set.Truth, results)
	return e, err
}

// open opens the detector of a run's best epoch, or of an exported model.
func open(ctx context.Context, dir string, m run.Machine) (*Run, *maskrcnn.Detector, int, error) {
	r, err := openModel(dir)
	if err != nil {
		return nil, nil, 0, err
	}
	var d *maskrcnn.Detector
	epoch, err := checkpoint.UseBest(r.best, func(weights string) error {
		d, err = maskrcnn.NewDetector(context.WithoutCancel(ctx), r.Experiment.Detector, weights, config(m))
		return err
	})
	return r, d, epoch, err
}

// detectBatch is the number of pictures in a run of the detector.
const detectBatch = 8

// detect returns the detections of all scenes of a set.
func detect(ctx context.Context, d *maskrcnn.Detector, set *scene.Set, m run.Machine, l run.Listener) (results []coco.Result, err error) {
	next := func(i int) decoded {
		p, err := read(set.Scenes[i], d.Architecture.Input, m.Limits)
		return decoded{p, err}
	}
	for first, batch := range ahead(len(set.Scenes), detectBatch, m.Workers, next) {
		if ctx.Err() != nil {
			return nil, run.ErrInterrupted
		}
		pictures := make([]picture, len(batch))
		for i, b := range batch {
			if b.err != nil {
				return nil, b.err
			}
			pictures[i] = b.picture
		}
		found, err := detectAll(ctx, d, pictures)
		if err != nil {
			return nil, err
		}
		for i, p := range pictures {
			for k, r := range resultsOf(found[i], p) {
				r.ImageID, r.CategoryID = set.Scenes[first+i].Image.ID, set.Category(found[i][k].Class)
				results = append(results, r)
			}
		}
		l.Count(first+len(batch), len(set.Scenes))
	}
	return results, nil
}

// detectAll returns the detections of each picture.
func detectAll(ctx context.Context, d *maskrcnn.Detector, pictures []picture) ([][]maskrcnn.Detection, error) {
	var pixels []float32
	for _, p := range pictures {
		pixels = append(pixels, p.floats()...)
	}
	return d.Detect(ctx, pixels)
}

// floats returns the pixels as the detector's input.
func (p picture) floats() []float32 {
	out := make([]float32, len(p.Pixels))
	for i, v := range p.Pixels {
		out[i] = float32(v)
	}
	return out
}

// resultsOf returns detections in pixels of their picture.
func resultsOf(found []maskrcnn.Detection, p picture) []coco.Result {
	size := p.Image.Rect.Size()
	out := make([]coco.Result, len(found))
	for i, m := range maskrcnn.PasteAll(found, size.Y, size.X, p.Place) {
		box := p.Place.Picture(found[i].Box)
		out[i] = coco.Result{
			Box: [4]float64{box[0], box[1], box[2] - box[0], box[3] - box[1]}, Score: found[i].Score,
			Segmentation: coco.Of(m),
		}
	}
	return out
}

// config returns the session's configuration, in float32.
func config(m run.Machine) run.Config { return m.Config(machine.Float32) }

// scenes returns the absolute folder of scenes: data, or the run's own if data is empty. It must
// exist.
func (r *Run) scenes(data string) (string, error) {
	root := r.Experiment.Data.Root
	switch {
	case data != "":
		return data, nil
	case root == "":
		return "", fmt.Errorf("%s is an exported detector, which does not know its scenes; name them: DATA", r.Dir)
	}
	return root, run.CheckFolder(root, r.Dir)
}
