// Package gradcam holds the class activation map (CAM) family: arithmetic on
// one layer's activations A and the gradients d score / d A of a class score.
// It knows nothing of TensorFlow: an [explain.Differentiator], such as an
// opened SavedModel, hands it both.
//
// # First call
//
//	explainer := gradcam.Explainer{Model: bundle, Layer: "conv5"}
//	attributions, err := explainer.Explain(ctx, images, targets)
//
// gives one signed, unscaled map an image, at the layer's own resolution
// (13x13 for AlexNet's conv5). Package heatmap turns it into a picture.
//
// # What holds of every method
//
//   - A [Method] is a function of one image's volumes: the map of an image
//     does not depend on its neighbours in the batch.
//   - Its inputs are never changed, and it does not panic: volumes that do not
//     fit each other give a grid of no size. [Explainer] looks first, and
//     returns an error that says both shapes.
//   - It leaves out the ReLU that the papers end with. What speaks against the
//     class stays in the map as negative values; cutting it off is a question
//     of display (heatmap.Positive).
//   - It adds up in float64.
//
// # To add a method
//
// One file with the function, the paper's equation in its comment, and one
// line in [Methods]. The contract test ranges over that table.
package gradcam
