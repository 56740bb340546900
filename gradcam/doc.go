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
// With several methods, Methods: gradcam.Methods for all, activations and
// gradients still come from one run; see [Explainer.Explain] for the order.
//
// # The family
//
// [Methods] lists it. Most methods need A and its gradients alone ([Method]);
// Eigen-CAM not even these, its map is the same for every class. Score-CAM and
// Ablation-CAM ask the model once more for every channel ([MaskMethod],
// [HeadMethod]), a hundredfold of the others' time.
//
// # What holds of every method
//
//   - The map of an image does not depend on its neighbours in the batch, and
//     the same image gives the same bits.
//   - Its inputs are never changed, and it does not panic: volumes that do not
//     fit each other give a grid of no size. [Explainer] looks first, and
//     returns an error that says both shapes.
//   - It leaves out the ReLU that the papers end with. What speaks against the
//     class stays in the map as negative values; cutting it off is a question
//     of display (heatmap.Positive). A ReLU within a method, around gradients,
//     stays: each method's comment says what is signed.
//   - It adds up in float64.
//   - A NaN among the activations gives a map with one: its status is
//     [explain.NonFinite]. So do gradients, where they are used.
//
// # To add a method
//
// One file with the function, the paper's equation in its comment, and one
// line in [Methods]. The contract test ranges over that table, and asks for a
// map worked out by hand, a slow twin, and a map of pytorch-grad-cam's
// (oracles/cam/make.py).
package gradcam
