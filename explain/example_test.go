package explain_test

import (
	"context"
	"fmt"

	"oscar/explain"
)

func ExampleIntegratedGradients() {
	// A model that likes the red of the left pixel, and of the right one half
	// as much its absence.
	model := &fake{function: linear{weights: [][]float64{{1, 0, 0, -0.5, 0, 0}, {0, 0, 0, 0, 0, 0}}}}
	image := explain.Images{N: 1, Height: 1, Width: 2, Channels: 3, Pixels: []float32{200, 10, 10, 100, 10, 10}}

	explainer := explain.IntegratedGradients{Model: model, Baseline: explain.Black}
	attributions, err := explainer.Explain(context.Background(), image, []int{explain.Predicted})
	if err != nil {
		fmt.Println(err)
		return
	}
	a := attributions[0]
	fmt.Printf("class %d, score %g, of a black image %g\n", a.Target, a.Score, a.Facts["baseline_score"])
	fmt.Printf("left %.0f, right %.0f\n", a.Map.At(0, 0), a.Map.At(0, 1))
	// Output:
	// class 0, score 150, of a black image 0
	// left 200, right -50
}

func ExampleAverager() {
	maps := []explain.Grid{
		{Height: 1, Width: 2, Values: []float32{3, 1}},
		{Height: 1, Width: 2, Values: []float32{100, 300}},
	}
	var average explain.Averager
	for _, g := range maps {
		if err := average.Add(g); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(average.Mean().Values, "of", average.N)
	// Output: [0.5 0.5] of 2
}

// Two positions become four: half-pixel centers, the edges clamped.
func ExampleGrid_Resize() {
	wide := explain.Grid{Height: 1, Width: 2, Values: []float32{0, 1}}.Resize(1, 4)
	fmt.Println(wide.Values)
	// Output: [0 0.25 0.75 1]
}
