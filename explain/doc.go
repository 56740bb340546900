// Package explain has the interfaces of models ([Predictor], [Differentiator], [Head]) and
// results ([Attribution]) that all explanation methods share, the methods that explain the
// image itself, and LRP, which can also explain a layer. The class activation maps are in
// package gradcam. The package does not depend on TensorFlow.
//
// # First call
//
//	explainer := explain.IntegratedGradients{Model: bundle}
//	attributions, err := explainer.Explain(ctx, images, targets)
//
// returns one map an image, at the image's own resolution. The zero value of
// every other field of an explainer is a default, which its comment names.
//
// # Methods
//
// [Methods] is their table, with the facts about each ([Method]).
//
//   - Some need gradients at the image, a [Differentiator]: [Saliency],
//     [GradientTimesInput], [SmoothGrad], [IntegratedGradients].
//   - Some run a [Predictor] on variants of the image: [Occlusion], [RISE], [LIME].
//     [DRISE] does the same with a detector.
//   - [LRP] and [GuidedBackprop] replace the gradient by another signal. They need
//     a [Differentiator] whose Gradients are this signal, such as
//     tfmodel.Attached.With returns.
//
// # Properties of every method
//
//   - The map is raw: it is not scaled, clipped or smoothed for display.
//   - [Predicted] is the class of the image itself, not of a variant of it.
//   - A call with N images gives the same maps as N calls, in any order.
//   - Images are not changed. A model gets at most Batch of them at a time. Their
//     memory is reused, so the model must not keep it.
//   - Sums are in float64. Work stops between two batches when the context is
//     canceled.
//
// # Randomness
//
// Each random number depends on the explainer's Seed, the image's content and
// the number of the sample, and on nothing else. It does not depend on the
// image's place in the batch, nor on the target. One seed therefore gives the
// same bits again, and two targets of one image are compared on the same
// samples. The noise of different images is independent, so that an average over
// images reduces it ([Averager]).
//
// # To add a method
//
// Write one file with a struct whose zero values are the paper's defaults, the
// equation in its comment, and add a line to [Methods]. The contract test ranges
// over that table.
package explain
