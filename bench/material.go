package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
	"oscar/pipeline"
)

// The material of all contestants: drawn images of TrashNet's size, some of them
// in memory, and AlexNet02 after one epoch on them.
const (
	batch    = 32
	inMemory = 128
	width    = 512
	height   = 384
	epochs   = 1
)

// size is how much there is to do.
type size struct {
	perClass    int // images of a class, drawn
	samples     int // masks of RISE, samples of LIME
	scenes      int // drawn; eight tenths are for training
	sceneEpochs int
}

var (
	whole = size{160, 500, 80, 14}
	small = size{24, 64, 40, 14} // to see whether everything works
)

// prepare makes the material in the harness's folder, once:
//
//	images/CLASS/NNNN.jpg  all of them; files.txt names them, the classes mixed
//	run/                   the training run
//	weights/LAYER/ROLE.npy of the trained network
//	images.npy             [128,227,227,3], 0..255
//	labels.npy             [128]
func (h *harness) prepare(ctx context.Context) error {
	complete, made := h.path("complete"), fmt.Sprintln(h.size.perClass, inMemory, width, height, epochs)
	if b, err := os.ReadFile(complete); err == nil && string(b) == made {
		return nil
	}
	h.say("drawing %d images, training AlexNet02 on them, once", h.size.perClass*len(dataset.SyntheticClasses))
	if err := os.RemoveAll(h.dir); err != nil {
		return err
	}
	files, err := h.draw(ctx)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(h.path("files.txt"), []byte(strings.Join(files, "\n")+"\n")); err != nil {
		return err
	}
	settings := experiment.Default()
	settings.Training.Epochs = epochs
	if _, err := pipeline.Train(ctx, pipeline.TrainOptions{Data: h.path("images"), Out: h.path("run"), Experiment: settings}); err != nil {
		return err
	}
	if err := h.writeWeights(ctx); err != nil {
		return err
	}
	if err := h.writeImages(files[:inMemory]); err != nil {
		return err
	}
	return atomicfile.Write(complete, []byte(made))
}

// The names of what is prepared.
const classifierMaterial, detectorMaterial = "classifier", "detector"

// prepareAll makes material by its names.
func (h *harness) prepareAll(ctx context.Context, names []string) (err error) {
	for _, name := range names {
		switch name {
		case classifierMaterial:
			err = errors.Join(err, h.prepare(ctx))
		case detectorMaterial:
			err = errors.Join(err, h.prepareDetector(ctx))
		}
	}
	return err
}

// prepareApart calls prepareAll in a separate process: Linux counts the peak memory of a
// process from that of its parent on.
func (h *harness) prepareApart(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	size := "whole"
	if h.size == small {
		size = "short"
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"prepare", h.dir, size}, names...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the material cannot be made: %w", err)
	}
	return nil
}

// draw writes the images and lists them, with the classes in turn.
func (h *harness) draw(ctx context.Context) ([]string, error) {
	var files []string
	for index := range h.size.perClass {
		for class, name := range dataset.SyntheticClasses {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			img, _, err := dataset.SyntheticImage(class, index, dataset.SyntheticOptions{PerClass: h.size.perClass, Width: width, Height: height, Seed: 1})
			if err != nil {
				return nil, err
			}
			path := h.path("images", name, fmt.Sprintf("%s%04d.jpg", name, index))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return nil, err
			}
			if err := heatmap.WriteJPEG(path, img); err != nil {
				return nil, err
			}
			files = append(files, path)
		}
	}
	return files, nil
}

// writeWeights writes each variable of the trained network in Keras's layout.
func (h *harness) writeWeights(ctx context.Context) error {
	bundle, err := pipeline.Open(h.model(), pipeline.Config{})
	if err != nil {
		return err
	}
	defer bundle.Close()
	a := alexnet()
	shapes, err := a.Shapes()
	if err != nil {
		return err
	}
	for i, layer := range a.Layers {
		for _, p := range layer.Layer.Params(shapes[i]) {
			name := layer.Name + "/" + p.Role
			values, err := bundle.Read(ctx, name)
			if err != nil {
				return err
			}
			path := h.path("weights", name+".npy")
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return err
			}
			if err := npy.Write(path, p.Shape, values[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeImages writes the images in memory in the network's format.
func (h *harness) writeImages(files []string) error {
	in := alexnet().Input
	rgb := make([]uint8, in.Elements())
	var pixels, labels []float32
	for _, path := range files {
		img, err := dataset.DecodeFile(path, dataset.DefaultLimits)
		if err != nil {
			return err
		}
		dataset.CopyRGB(rgb, dataset.Resize(img, in[0], in[1], dataset.Bilinear))
		for _, v := range rgb {
			pixels = append(pixels, float32(v))
		}
		// Classes are folders in the order of their names.
		names := slices.Sorted(slices.Values(dataset.SyntheticClasses))
		labels = append(labels, float32(slices.Index(names, filepath.Base(filepath.Dir(path)))))
	}
	if err := npy.Write(h.path("images.npy"), append([]int{len(files)}, in...), pixels); err != nil {
		return err
	}
	return npy.Write(h.path("labels.npy"), []int{len(files)}, labels)
}

func (h *harness) path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

// model returns the trained run.
func (h *harness) model() string { return h.path("run") }

// coldImage returns the image of a cold start.
func (h *harness) coldImage() string {
	return h.path("images", dataset.SyntheticClasses[0], dataset.SyntheticClasses[0]+"0000.jpg")
}
