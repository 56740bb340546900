package savedmodel_test

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// What conv5 holds of a photo, and how the score of its predicted class changes
// with it: what every method of the CAM family is made of.
func Example() {
	model, err := savedmodel.Open("runs/mine/model", graph.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer model.Close()
	size := model.Metadata.Image
	photo := explain.Images{
		N: 1, Height: size.Height, Width: size.Width, Channels: 3,
		Pixels: make([]float32, size.Height*size.Width*3), // RGB, 0..255
	}
	d, err := model.Differentiate(context.Background(), photo, []int{explain.Predicted}, "conv5", explain.Logit)
	if err != nil {
		fmt.Println(err)
		return
	}
	class := d.Targets[0]
	fmt.Println(model.Metadata.Classes[class], d.Probabilities[0][class])
	fmt.Println(d.Activations[0].Height, d.Activations[0].Width, len(d.Gradients[0].Values))
}
