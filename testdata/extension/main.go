// Command extension is a program outside oscar's module. It trains a network with a layer of
// its own, writes it as a SavedModel, opens it, and explains it with its own explainer and
// its own rule of layer-wise relevance propagation. To run it:
//
//	cp ../../go.sum . && GOFLAGS=-mod=mod go run .
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"oscar/explain"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

const side, images = 16, 32

var classes = []string{"left", "right"}

func main() {
	log.SetFlags(0)
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	// JSON, as in a model's metadata, can now name the layer.
	if err := tfmodel.RegisterLayer(func() tfmodel.Layer { return &LeakyReLU{Slope: 0.2} }); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "extension")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := train(ctx, dir); err != nil {
		return err
	}

	bundle, err := savedmodel.Open(filepath.Join(dir, "model"), tfmodel.Config{})
	if err != nil {
		return err
	}
	defer bundle.Close()
	model, err := tfmodel.Attach(bundle)
	if err != nil {
		return err
	}
	fmt.Println("second layer:", model.Architecture().Layers[1].Layer.Kind())

	rules, err := tfmodel.LookupLRP("epsilon")
	if err != nil {
		return err
	}
	lrp, err := model.With(rules)
	if err != nil {
		return err
	}
	batch := shapes()
	pixels := make([]float32, len(batch.Images))
	for i, v := range batch.Images {
		pixels[i] = float32(v)
	}
	var explainer explain.Explainer = ChannelShare{Model: lrp}
	attributions, err := explainer.Explain(ctx, explain.Images{N: images, Height: side, Width: side, Channels: 3, Pixels: pixels}, batch.Labels)
	if err != nil {
		return err
	}
	for class, a := range attributions[:len(classes)] {
		var left, right float32
		for k, v := range a.Map.Values {
			if k%side < side/2 {
				left += v
			} else {
				right += v
			}
		}
		fmt.Printf("%s: predicted %v, more relevance on its own side %v\n",
			classes[class], a.Probabilities[class] > 0.5, (left > right) == (class == 0))
	}
	return nil
}

// train trains a small network and writes it to dir/model.
func train(ctx context.Context, dir string) error {
	architecture := tfmodel.Architecture{Name: "leaky", Input: tfmodel.Shape{side, side, 3}, Layers: []tfmodel.Named{
		{Name: "conv1", Layer: &tfmodel.Conv2D{Filters: 4, Kernel: 3, Stride: 2, Padding: tfmodel.Same}},
		{Name: "leaky1", Layer: &LeakyReLU{Slope: 0.2}},
		{Name: "flatten", Layer: &tfmodel.Flatten{}},
		{Name: "fc", Layer: &tfmodel.Dense{Units: len(classes)}},
	}}
	trainer, err := tfmodel.NewTrainer(architecture, tfmodel.Training{}, 1, tfmodel.Config{})
	if err != nil {
		return err
	}
	defer trainer.Close()
	if err := trainer.Init(ctx); err != nil {
		return err
	}
	for step := range 60 {
		if _, _, err := trainer.Step(ctx, shapes(), step, 1e-3); err != nil {
			return err
		}
	}
	checkpoint := filepath.Join(dir, "weights")
	if err := trainer.SaveWeights(ctx, checkpoint); err != nil {
		return err
	}

	network, err := tfmodel.Compile(architecture)
	if err != nil {
		return err
	}
	session, err := network.Restore(ctx, checkpoint, tfmodel.Config{})
	if err != nil {
		return err
	}
	defer session.Close()
	layers, err := network.Layers()
	if err != nil {
		return err
	}
	experiment, err := json.Marshal(map[string]any{"architecture": architecture})
	if err != nil {
		return err
	}
	signatures := map[string]savedmodel.Signature{"serving_default": network.Serving()}
	return savedmodel.Write(ctx, filepath.Join(dir, "model"), network.SavedModel(session, signatures, savedmodel.Metadata{
		Format: 1, Model: architecture.Name, Classes: classes, Layers: layers, Explain: architecture.Focus(), Experiment: experiment,
		Image: savedmodel.Image{Height: side, Width: side, Channels: "RGB", Range: "0..255"},
	}))
}

// shapes returns images with a bright square on the left or on the right.
func shapes() tfmodel.Batch {
	b := tfmodel.Batch{N: images, Images: make([]uint8, images*side*side*3), Labels: make([]int, images)}
	for i := range images {
		b.Labels[i] = i % len(classes)
		top, left := 1+i%8, 1+i/2%2+b.Labels[i]*side/2
		for y := top; y < top+4; y++ {
			for x := left; x < left+4; x++ {
				for c := range 3 {
					b.Images[((i*side+y)*side+x)*3+c] = uint8(200 + i)
				}
			}
		}
	}
	return b
}
