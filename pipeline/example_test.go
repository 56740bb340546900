package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/explain"
	"oscar/gradcam"
	"oscar/heatmap"
	"oscar/pipeline"
	"oscar/result"
	"oscar/tfmodel"
)

// One photograph: what does the model see, and where does it look?
func ExampleOpen() {
	bundle, err := pipeline.Open("runs/first", pipeline.Threads{})
	if err != nil {
		log.Fatal(err)
	}
	defer bundle.Close()
	photo, err := dataset.DecodeFile("bottle.jpg", dataset.DefaultLimits)
	if err != nil {
		log.Fatal(err)
	}

	// The model says how it takes its images.
	in := bundle.Metadata.Image
	rgb := make([]uint8, in.Height*in.Width*3)
	dataset.CopyRGB(rgb, dataset.Resize(photo, in.Height, in.Width, dataset.Interpolation(in.Interpolation)))
	images := explain.Images{N: 1, Height: in.Height, Width: in.Width, Channels: 3}
	for _, v := range rgb {
		images.Pixels = append(images.Pixels, float32(v))
	}

	explainer := gradcam.Explainer{Model: bundle, Layer: bundle.Metadata.Explain}
	attributions, err := explainer.Explain(context.Background(), images, []int{explain.Predicted})
	if err != nil {
		log.Fatal(err)
	}
	a := attributions[0]
	picture := heatmap.Overlay(photo, heatmap.Options{
		Heat:  a.Map,
		Title: fmt.Sprintf("%s %.2f", bundle.Metadata.Classes[a.Target], a.Probabilities[a.Target]),
	})
	if err := heatmap.WriteJPEG("bottle.overlay.jpg", picture); err != nil {
		log.Fatal(err)
	}
}

// A folder: overlays, raw maps and a manifest, as "oscar explain" writes them.
func ExampleExplain() {
	settings := pipeline.DefaultSettings()
	settings.Class = pipeline.TargetAll
	summary, err := pipeline.Explain(context.Background(), pipeline.ExplainOptions{
		Model:    "runs/first",
		Paths:    []string{"photos"},
		Out:      "explained",
		Settings: settings,
	})
	if err != nil {
		log.Fatal(err)
	}
	rows, err := pipeline.ReadManifest("explained")
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range rows {
		fmt.Println(r.Image, r.Status, r.Target, r.Probabilities[r.Target])
	}
	fmt.Println(summary)
}

// AlexNet02 without its batch normalisation, in place of the default network.
func ExampleTrain() {
	classes := 6 // sub-folders of photos
	network, err := tfmodel.AlexNet02(classes).Without("batch_normalization")
	if err != nil {
		log.Fatal(err)
	}
	network.Name = "alexnet02-no-bn"
	experiment := experiment.Default()
	experiment.Architecture = network

	run, err := pipeline.Train(context.Background(), pipeline.TrainOptions{
		Data:       "photos",
		Out:        "runs/no-bn",
		Experiment: experiment,
		Listener: pipeline.Listener{
			OnNote:  func(text string) { log.Print(text) },
			OnEpoch: func(m result.EpochMetrics, best bool) { log.Print(m.Epoch, m.ValidationAccuracy, best) },
		},
	})
	switch {
	case errors.Is(err, pipeline.ErrInterrupted):
		log.Fatal("go on with pipeline.Resume: ", err)
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(run.Model())
}

// README.md shows the body of ExampleOpen.
func TestReadmeShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func ExampleOpen() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	body = strings.ReplaceAll("\n"+body, "\n\t", "\n")
	if body == "\n" || !strings.Contains(string(readme), "\n```go"+body+"\n```\n") {
		t.Errorf("README.md does not show the body of ExampleOpen as it is:\n%s", body)
	}
}
