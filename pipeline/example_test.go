package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"oscar/experiment"
	"oscar/pipeline"
	"oscar/result"
	"oscar/tfmodel"
)

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

// AlexNet02 without its batch normalization, in place of the default network.
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
		log.Fatal("continue with pipeline.Resume: ", err)
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(run.Model())
}
