// Package gradcam holds the class activation maps (CAM): arithmetic on one
// layer's activations A and the gradients d score / d A of a class score. Both
// come from an [explain.Differentiator], such as an opened SavedModel. The
// package does not depend on TensorFlow.
//
// # First call
//
//	explainer := gradcam.Explainer{Model: bundle, Layer: "conv5"}
//	attributions, err := explainer.Explain(ctx, images, targets)
//
// returns one signed, unscaled map per image, at the layer's own resolution (13x13 for AlexNet's
// conv5). Package heatmap converts it to a picture. With several methods (Methods: gradcam.Methods
// for all) activations and gradients still come from one run; see [Explainer.Explain] for the order.
//
// # Methods
//
// [Methods] is their table, with the facts about each ([explain.Method]).
// Most need only A and its gradients ([CAM]). Score-CAM and Ablation-CAM run the
// model again for every channel ([MaskCAM], [HeadCAM]), which takes about a
// hundred times as long. [GuidedGradCAM] multiplies Grad-CAM by guided
// backpropagation, at the image's resolution.
//
// # Properties of every method
//
//   - The map of an image does not depend on its neighbors in the batch. The
//     same image gives the same bits.
//   - Inputs are never changed. Volumes whose shapes differ give a grid of no
//     size; [Explainer] checks them first and returns an error with both shapes.
//   - The ReLU at the end of the papers' equations is left out. Evidence against
//     the class stays in the map as negative values, which heatmap.Positive can
//     clip for display. A ReLU around gradients stays.
//   - Sums are in float64.
//   - If an activation is NaN, so is the map: its status is [explain.NonFinite].
//     The same holds for gradients that are used.
//
// # To add a method
//
// Write one file with the function, the paper's equation in its comment, and add
// a line to [Methods]. The contract test ranges over that table. It requires a
// map computed by hand and a slow twin. pytorch-grad-cam's maps are compared if
// oracles/cam/make.py has them; else docs/correctness.md lists the method as
// checked against its slow twin only.
package gradcam
