// Package explain holds what every explanation method shares: what it needs
// of a model ([Predictor], [Differentiator]) and what it gives back
// ([Attribution]); and the methods that look at the image itself. Those that
// look at a layer are in package gradcam. It knows nothing of TensorFlow.
//
// # First call
//
//	explainer := explain.IntegratedGradients{Model: bundle}
//	attributions, err := explainer.Explain(ctx, images, targets)
//
// gives one map an image, at the image's own resolution. The zero value of
// every other field of an explainer is a default, which its comment names.
//
// # The methods
//
// White boxes ask a [Differentiator] for gradients at the layer [Image]:
// [Saliency], [GradientTimesInput], [SmoothGrad], [IntegratedGradients]. Black
// boxes show a [Predictor] variants of the image and see what it says:
// [Occlusion], [RISE], [LIME]. [Methods] is the table of them.
//
// # What holds of every method
//
//   - The map is raw: nothing is scaled, clipped or smoothed for the eye.
//   - [Predicted] is settled on the image itself, never on a variant of it.
//   - N images in one call give what N calls give, in whatever order: the map
//     of an image depends on no other image.
//   - Images are not changed. A model sees at most Batch of them at a time, in
//     memory that is used again: it must not keep them.
//   - It adds up in float64, and stops between two batches when its context is
//     cancelled.
//
// # Randomness
//
// Each draw is a function of the explainer's Seed, the image's content and the
// number of the sample, and of nothing else: not of the image's place in the
// batch, nor of the target. So one seed gives the same bits again, two targets
// of one image are compared on the same draws, and the noise of different
// images is independent, so that it fades in an average over them ([Averager]).
//
// # To add a method
//
// One file with a struct whose zero values are the paper's defaults, the
// equation in its comment, and one line in [Methods]. The contract test ranges
// over that table.
package explain
