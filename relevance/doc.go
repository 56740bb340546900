// Package relevance holds the explainers that carry something else than the
// gradient back through a model: layer-wise relevance propagation ([LRP]),
// guided backpropagation ([GuidedBackprop]) and guided Grad-CAM
// ([GuidedGradCAM]). It knows nothing of TensorFlow: an
// [explain.Differentiator] whose Gradients are that signal, as
// tfmodel.Attached gives one for each composite of rules, does the work.
//
// # First call
//
//	model, err := tfmodel.Attach(bundle)
//	composite, err := tfmodel.LookupLRP("epsilon_plus_flat")
//	signal, err := model.With(composite)
//	explainer := relevance.LRP{Model: signal}
//	attributions, err := explainer.Explain(ctx, images, targets)
//
// What package explain says of its methods holds of these, too: maps are raw
// and signed, the map of an image depends on no other image, sums are in
// float64, and a model sees at most Batch images at a time.
package relevance
