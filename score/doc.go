// Package score measures how far explanations can be trusted. It does not depend
// on TensorFlow: a model is an [explain.Predictor], a method an
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
// returns methods by metrics, with two controls among the methods. [Table.Doubts]
// are the cells that do not beat the controls: there the method is no better than
// noise ([RandomMap]) or an edge detector ([EdgeMap]).
//
// # The metrics
//
// [Metrics] is the table of them. [Settings] has their settings; each zero value
// is a default.
//
//   - Faithfulness, does the model use what the map marks: [Deletion],
//     [Insertion], [ROAD], [Masking] (average drop, increase, gain),
//     [Infidelity].
//   - Localisation, does the map mark the object: [Pointing] and [Energy], which
//     need masks, and [Focus], which needs mosaics ([PlanMosaics],
//     [DrawMosaics]).
//   - Robustness: [Sensitivity]. Complexity: [Gini], [Entropy].
//   - Randomisation, does the map change when the model does: [Cascades].
//
// # What holds for every metric
//
//   - There is one value an image, with a status. What could not be judged (a map
//     that is empty, constant or not finite, a class without probability, a mask
//     without pixels) is counted and left out of the mean: see [Summary]. Methods
//     that could be judged on different images have means over different images.
//   - Maps may have any resolution. All metrics but max-sensitivity resize them to
//     the image ([explain.Grid.Resize]).
//   - A metric reads the map's ranks, its positive values, or its magnitudes:
//     see [Reads].
//   - Draws depend on the seed, the metric and the image's content, never on the
//     method: every method meets the same squares and the same noise. The order and
//     the batches of images do not change a bit.
//   - Inputs are never changed. Models get batches of one size, filled across
//     images and steps, in a buffer that is used again. They must not keep it.
//
// # To add a metric
//
// Write one file with its paper and definition, and add a line to [Metrics]. The
// contract test ranges over that table.
package score
