package main

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/instance"
	"oscar/instance/scene"
	"oscar/internal/atomicfile"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/savedmodel"
)

// The material of detection: drawn scenes, some of them in memory, and a Mask R-CNN that was
// trained on them.
const (
	sceneBatch     = 8   // as in the default settings of oscar train
	sceneSide      = 512 // of a picture in a file
	detectorSide   = 256 // of the network's input, and of a picture in memory
	scenesInMemory = 2 * sceneBatch
)

// prepareDetector makes the material of detection, once:
//
//	detector/scenes/               a folder of scenes
//	detector/run/                  the training run
//	detector/model/                its SavedModel
//	detector/weights/NAME.npy      of the trained detector
//	detector/pictures/NNNN.jpg     the scenes of the training part; files.txt names them
//	detector/images.npy            [16,256,256,3], 0..255
//	detector/objects.npy           [M,6]: number of the picture, class, x1, y1, x2, y2
//	detector/masks.npy             [M,256,256], 0 or 1
func (h *harness) prepareDetector(ctx context.Context) error {
	dir := h.path("detector")
	complete, made := filepath.Join(dir, "complete"), fmt.Sprintln(h.size.scenes, h.size.sceneEpochs, sceneSide, detectorSide, scenesInMemory)
	if b, err := os.ReadFile(complete); err == nil && string(b) == made {
		return nil
	}
	h.say("drawing %d scenes, training a Mask R-CNN on them, once", h.size.scenes)
	if err := clear(dir); err != nil {
		return err
	}
	scenes, trained := filepath.Join(dir, "scenes"), filepath.Join(dir, "run")
	if err := scene.Synthesize(ctx, scenes, scene.Options{Scenes: h.size.scenes, Width: sceneSide, Height: sceneSide, Seed: 1}); err != nil {
		return err
	}
	o := instance.TrainOptions{Data: scenes, Out: trained, Experiment: instance.Default()}
	o.Experiment.Training.Epochs, o.Experiment.Training.WarmupSteps = h.size.sceneEpochs, 10
	if _, err := instance.Train(ctx, o); err != nil {
		return err
	}
	if err := instance.Export(ctx, trained, filepath.Join(dir, "model"), o.Machine); err != nil {
		return err
	}
	if err := h.writeDetectorWeights(ctx); err != nil {
		return err
	}
	if err := h.writeScenes(ctx, scenes); err != nil {
		return err
	}
	return atomicfile.Write(complete, []byte(made))
}

// detectorWeights is the tensor bundle of the trained detector.
func (h *harness) detectorWeights() string {
	return h.path("detector", "model", "variables", "variables")
}

// writeDetectorWeights writes each variable in TensorFlow's layout.
func (h *harness) writeDetectorWeights(ctx context.Context) error {
	g, session, err := graph.Load(h.path("detector", "model"), "serve", graph.Config{})
	if err != nil {
		return err
	}
	defer session.Close()
	tensors, err := savedmodel.ReadIndex(h.detectorWeights())
	if err != nil {
		return err
	}
	for _, t := range tensors {
		if !t.Float {
			continue
		}
		read, err := g.Tensor(t.Name + "/Read/ReadVariableOp")
		if err != nil {
			return err
		}
		out, err := session.Run(ctx, nil, []graph.Tensor{read})
		if err != nil {
			return err
		}
		path := h.path("detector", "weights", t.Name+".npy")
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := npy.Write(path, t.Shape, out[0].Float32s()); err != nil {
			return err
		}
	}
	return nil
}

// writeScenes writes the pictures of the training part as JPEGs, and the first scenes without
// a crowd in the size of the network's input.
func (h *harness) writeScenes(ctx context.Context, dir string) error {
	set, err := scene.Open(ctx, dir, scene.Train)
	if err != nil {
		return err
	}
	if err := os.Mkdir(h.path("detector", "pictures"), 0o777); err != nil {
		return err
	}
	var files []string
	var pixels, objects, masks []float32
	n := 0
	for i, s := range set.Scenes {
		img, err := dataset.DecodeFile(s.Path, dataset.DefaultLimits)
		if err != nil {
			return err
		}
		files = append(files, h.path("detector", "pictures", fmt.Sprintf("%04d.jpg", i)))
		if err := heatmap.WriteJPEG(files[i], img); err != nil {
			return err
		}
		if n == scenesInMemory || slices.ContainsFunc(s.Objects, func(o scene.Truth) bool { return o.Ignore }) {
			continue
		}
		pixels = append(pixels, smallPixels(img)...)
		for _, o := range s.Objects {
			const scale = float32(detectorSide) / sceneSide
			x, y, width, height := float32(o.Box[0]), float32(o.Box[1]), float32(o.Box[2]), float32(o.Box[3])
			objects = append(objects, float32(n), float32(o.Class), x*scale, y*scale, (x+width)*scale, (y+height)*scale)
			masks = append(masks, smallMask(o.Mask.Pixels())...)
		}
		n++
	}
	if n < scenesInMemory {
		return fmt.Errorf("%d scenes without a crowd, want %d", n, scenesInMemory)
	}
	if err := atomicfile.Write(h.path("detector", "files.txt"), []byte(strings.Join(files, "\n")+"\n")); err != nil {
		return err
	}
	for _, a := range []struct {
		name   string
		shape  []int
		values []float32
	}{
		{"images", []int{n, detectorSide, detectorSide, 3}, pixels},
		{"objects", []int{len(objects) / 6, 6}, objects},
		{"masks", []int{len(objects) / 6, detectorSide, detectorSide}, masks},
	} {
		if err := npy.Write(h.path("detector", a.name+".npy"), a.shape, a.values); err != nil {
			return err
		}
	}
	return nil
}

// smallPixels returns a picture as the network's input.
func smallPixels(img *image.RGBA) []float32 {
	rgb := make([]uint8, detectorSide*detectorSide*3)
	dataset.CopyRGB(rgb, dataset.Resize(img, detectorSide, detectorSide, dataset.Bilinear))
	out := make([]float32, len(rgb))
	for i, v := range rgb {
		out[i] = float32(v)
	}
	return out
}

// smallMask returns the nearest pixels of a mask in the size of the network's input.
func smallMask(whole []uint8) []float32 {
	const step = sceneSide / detectorSide
	out := make([]float32, 0, detectorSide*detectorSide)
	for y := range detectorSide {
		for x := range detectorSide {
			out = append(out, float32(whole[(y*step+step/2)*sceneSide+x*step+step/2]))
		}
	}
	return out
}
