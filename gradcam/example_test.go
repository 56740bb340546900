package gradcam_test

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/gradcam"
)

// A model that is its own description: one image, a layer of 2x2 positions
// and one channel, a class whose score grows with it.
func ExampleExplainer() {
	model := &fake{
		activations: []explain.Volume{{Height: 2, Width: 2, Channels: 1, Values: []float32{0, 1, 0, 3}}},
		gradients:   []explain.Volume{{Height: 2, Width: 2, Channels: 1, Values: []float32{1, 2, 3, 2}}},
	}
	photo := explain.Images{N: 1, Height: 227, Width: 227, Channels: 3}

	explainer := gradcam.Explainer{Model: model, Layer: "conv5"}
	attributions, err := explainer.Explain(context.Background(), photo, []int{explain.Predicted})
	if err != nil {
		fmt.Println(err)
		return
	}
	a := attributions[0]
	fmt.Println(a.Method, a.Layer, "class", a.Target, a.Status, a.Map.Values)
	// Output: gradcam conv5 class 4 ok [0 2 0 6]
}

// Of a method by its name, on volumes at hand.
func ExampleLookup() {
	entry, err := gradcam.Lookup("gradcam")
	if err != nil {
		fmt.Println(err)
		return
	}
	activations := explain.Volume{Height: 1, Width: 2, Channels: 1, Values: []float32{1, 2}}
	gradients := explain.Volume{Height: 1, Width: 2, Channels: 1, Values: []float32{3, 5}}
	fmt.Println(entry.CAM(activations, gradients).Values)
	// Output: [4 8]
}

// Several methods of one layer: the model runs once.
func ExampleExplainer_several() {
	model := &fake{
		activations: []explain.Volume{{Height: 2, Width: 2, Channels: 1, Values: []float32{0, 1, 0, 3}}},
		gradients:   []explain.Volume{{Height: 2, Width: 2, Channels: 1, Values: []float32{1, 2, 3, -2}}},
	}
	photo := explain.Images{N: 1, Height: 227, Width: 227, Channels: 3}

	explainer := gradcam.Explainer{Model: model, Layer: "conv5", Methods: gradcam.Methods[:4]}
	attributions, err := explainer.Explain(context.Background(), photo, []int{0})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range attributions {
		fmt.Printf("%s %.2f\n", a.Method, a.Map.Values)
	}
	fmt.Println(model.runs, "run")
	// Output:
	// gradcam [0.00 1.00 0.00 3.00]
	// gradcam++ [0.00 0.58 0.00 1.74]
	// hirescam [0.00 2.00 0.00 -6.00]
	// layercam [0.00 2.00 0.00 0.00]
	// 1 run
}
