package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/instance"
	"oscar/instance/maskrcnn"
	"oscar/internal/npy"
)

// detector is the architecture of the material.
func detector() maskrcnn.Architecture { return maskrcnn.ResNet10(len(dataset.SyntheticClasses)) }

// scenes returns the pictures in memory, [N,H,W,3], and the same as examples with their
// objects.
func (d *desk) scenes() (pixels []float32, examples []maskrcnn.Example, err error) {
	read := func(name string) (values []float32) {
		_, values, e := npy.Read(d.h.path("detector", name+".npy"))
		err = errors.Join(err, e)
		return values
	}
	var objects, masks []float32
	if pixels, objects, masks = read("images"), read("objects"), read("masks"); err != nil {
		return nil, nil, err
	}
	bytes := func(values []float32) []uint8 {
		out := make([]uint8, len(values))
		for i, v := range values {
			out[i] = uint8(v)
		}
		return out
	}
	const area = detectorSide * detectorSide
	for at := 0; at < len(pixels); at += 3 * area {
		examples = append(examples, maskrcnn.Example{Pixels: bytes(pixels[at : at+3*area])})
	}
	for i := range len(objects) / 6 {
		o := objects[6*i : 6*i+6]
		e := &examples[int(o[0])]
		e.Objects = append(e.Objects, maskrcnn.Object{Class: int(o[1]), Box: maskrcnn.Box(o[2:]), Mask: bytes(masks[i*area : (i+1)*area])})
	}
	return pixels, examples, nil
}

// draws is the number of random draws of anchors and regions whose mean losses are proved:
// programs draw others.
const draws = 16

// detectTrain trains as oscar train does: the next batches are prepared during a step.
func (d *desk) detectTrain() (func(int) error, error) {
	_, examples, err := d.scenes()
	if err != nil {
		return nil, err
	}
	most := 0
	for _, e := range examples {
		most = max(most, len(e.Objects))
	}
	settings := instance.Default().Training.Adam
	trainer, err := maskrcnn.NewTrainer(detector(), most, settings, 1, d.config)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(trainer.Init(d.ctx), trainer.RestoreWeights(d.ctx, d.h.detectorWeights())); err != nil {
		return nil, err
	}
	step := 0
	learn := func(steps int, first func(k int) int, rate float64) (sum maskrcnn.Losses, err error) {
		type prepared struct {
			batch maskrcnn.Batch
			err   error
		}
		queue := make(chan prepared, 2)
		go func() {
			defer close(queue)
			for k := range steps {
				at := first(k)
				keys := make([]uint64, sceneBatch)
				for i := range keys {
					keys[i] = uint64(k*sceneBatch + i)
				}
				b, err := trainer.NewBatch(examples[at:at+sceneBatch], keys)
				queue <- prepared{b, err}
			}
		}()
		for p := range queue {
			if p.err != nil {
				return sum, p.err
			}
			l, err := trainer.Step(d.ctx, p.batch, step, rate)
			if err != nil {
				return sum, err
			}
			step++
			sum = sum.Plus(l, 1)
		}
		return sum, nil
	}
	l, err := learn(draws, func(int) int { return 0 }, 0) // of the same batch and weights
	if err != nil {
		return nil, err
	}
	var losses []float32
	for _, v := range []float64{l.Object, l.Shift, l.Class, l.Correction, l.Mask} {
		losses = append(losses, float32(v/draws))
	}
	return func(pieces int) error {
		_, err := learn(pieces/sceneBatch, func(k int) int { return k * sceneBatch % len(examples) }, 5e-6)
		return err
	}, d.prove("losses", losses)
}

// detect finds the objects of pictures, with the mask of each in its picture.
func (d *desk) detect() (func(int) error, error) {
	pixels, _, err := d.scenes()
	if err != nil {
		return nil, err
	}
	net, err := maskrcnn.NewDetector(d.ctx, detector(), d.h.detectorWeights(), d.config)
	if err != nil {
		return nil, err
	}
	const size = sceneBatch * detectorSide * detectorSide * 3
	first, err := net.Detect(d.ctx, pixels[:size])
	if err != nil {
		return nil, err
	}
	return func(pieces int) error {
		for k := range pieces / sceneBatch {
			at := k % (len(pixels) / size) * size
			found, err := net.Detect(d.ctx, pixels[at:at+size])
			if err != nil {
				return err
			}
			maskrcnn.PasteAll(slices.Concat(found...), detectorSide, detectorSide, maskrcnn.Place{Wide: 1, High: 1})
		}
		return nil
	}, d.proveDetections(first)
}

// clearly is the score from which on detections are compared in bfloat16.
const clearly = 0.3

// proveDetections saves the number of pictures, and the detections of each: their number, and
// one after the other box, class, score and mask in the box. The files of clear ones have those
// alone that do not hang on the least score.
func (d *desk) proveDetections(found [][]maskrcnn.Detection) (err error) {
	var counts, classes []float32
	var all, clear struct{ boxes, scores, masks []float32 }
	for _, list := range found {
		counts = append(counts, float32(len(list)))
		for _, f := range list {
			classes = append(classes, float32(f.Class))
			all.boxes, all.scores, all.masks = append(all.boxes, f.Box[:]...), append(all.scores, float32(f.Score)), append(all.masks, f.Mask...)
			if f.Score >= clearly {
				clear.boxes, clear.scores, clear.masks = append(clear.boxes, f.Box[:]...), append(clear.scores, float32(f.Score)), append(clear.masks, f.Mask...)
			}
		}
	}
	if len(clear.scores) == 0 {
		return fmt.Errorf("no detection on %d scenes has a score of %g or more", len(found), clearly)
	}
	for name, values := range map[string][]float32{
		"alike": {float32(len(found))}, "counts": counts, "classes": classes, "boxes": all.boxes, "scores": all.scores, "masks": all.masks,
		"clear-boxes": clear.boxes, "clear-scores": clear.scores, "clear-masks": clear.masks,
	} {
		err = errors.Join(err, d.prove(name, values))
	}
	return err
}

// detectFolder is "oscar predict" for a list of files. Every round opens the model again.
func (d *desk) detectFolder() (func(int) error, error) {
	text, err := os.ReadFile(d.h.path("detector", "files.txt"))
	if err != nil {
		return nil, err
	}
	files := strings.Split(strings.TrimSpace(string(text)), "\n")
	round := 0
	run := func(pieces int) error {
		round++
		_, err := instance.Predict(d.ctx, instance.PredictOptions{
			Run: d.h.path("detector", "run"), Paths: files[:pieces], Out: filepath.Join(d.out, fmt.Sprintf("found-%d.json", round)),
		})
		return err
	}
	return run, run(sceneBatch)
}
