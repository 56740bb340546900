// Package score says by numbers which explanation to trust. It knows nothing of
// TensorFlow: a model is an [explain.Predictor], a method an
// [explain.Explainer].
//
// # First call
//
//	evaluation := score.Evaluation{
//		Model:   bundle,
//		Methods: []score.Method{{Name: "gradcam", Explainer: explainer}},
//	}
//	table, err := evaluation.Run(ctx, score.Parts(score.Cases{Images: images, Targets: targets}))
//
// gives methods by metrics, two controls among the methods. [Table.Doubts] are
// the cells that do not beat the controls: there the method says no more than a
// map of noise ([RandomMap]) or an edge detector ([EdgeMap]) would.
//
// # The metrics
//
// [Metrics] is the table of them; [Settings] has their knobs, and the zero value
// of a knob is its default.
//
//   - Faithfulness, does the model use what the map points at: [Deletion],
//     [Insertion], [ROAD], [Masking] (average drop, increase, gain),
//     [Infidelity].
//   - Localisation, does the map point at the object: [Pointing] and [Energy],
//     which need masks, and [Focus], which makes do with mosaics
//     ([PlanMosaics], [DrawMosaics]).
//   - Robustness: [Sensitivity]. Complexity: [Gini], [Entropy].
//   - Randomisation, does the map change when the model does: [Cascades].
//
// # What holds of every metric
//
//   - One value an image, with a status. What could not be judged (a map that is
//     empty, constant or not finite, a class without probability, a mask without
//     pixels) is counted, and no mean is taken over it: see [Summary]. A method
//     that could be judged less often was judged by other images.
//   - Maps may have any resolution; but for max-sensitivity they are brought to
//     the image's size by explain.Grid.Resize.
//   - Rank metrics and pixel sums take the signed map; those that speak of
//     positive evidence (masking, pointing, energy, Focus) its positive part;
//     Gini and entropy its magnitude.
//   - Draws are a function of the seed, the metric and the image's content, never
//     of the method: every method meets the same squares and the same noise. How
//     images are ordered or batched does not change a bit.
//   - Inputs are never changed. Models get batches of one size, filled across
//     images and steps, in a buffer that is used again: they must not keep it.
//
// # To add a metric
//
// One file with its paper and definition, and one line in [Metrics]. The
// contract test ranges over that table.
package score
