// Package score measures how far explanations can be trusted. It does not depend on TensorFlow: a
// model is an [explain.Predictor], and a method is an [explain.Explainer].
//
// # First call
//
//	evaluation := score.Evaluation{
//		Model:   bundle,
//		Methods: []score.Method{{Name: "gradcam", Explainer: explainer}},
//	}
//	table, err := evaluation.Run(ctx, score.Parts(score.Cases{Images: images, Targets: targets}))
//
// returns a table of methods and metrics, with two controls after the methods. [Table.Doubts] lists
// the cells that do not beat the controls: there the method is no better than noise ([RandomMap]) or
// an edge detector ([EdgeMap]).
//
// # Metrics
//
// [Metrics] is the table of metrics. [Settings] has their settings; zero values are defaults.
//
//   - Faithfulness, does the model use what the map marks: [Deletion],
//     [Insertion], [ROAD], [Masking] (average drop, increase, gain),
//     [Infidelity].
//   - Localization, does the map mark the object: [Pointing] and [Energy], which
//     need masks, and [Focus], which needs mosaics ([PlanMosaics],
//     [DrawMosaics]).
//   - Robustness: [Sensitivity]. Complexity: [Gini], [Entropy].
//   - Randomization, does the map change when the model does: [Cascades].
//
// # Properties of every metric
//
//   - There is one value per image, with a status. A map that could not be judged (it
//     is empty, constant or not finite, the class has no probability, the mask
//     no pixels) is counted and left out of the mean: see [Summary]. The means of two
//     methods may be over different images.
//   - Maps may have any resolution. All metrics but max-sensitivity resize them to
//     the image ([explain.Grid.Resize]).
//   - A metric reads the map's ranks, its positive values, or its magnitudes:
//     see [Reads].
//   - Draws depend on the seed, the metric and the image's content, not on the
//     method: every method gets the same squares and the same noise. The order and
//     the batches of images do not change a bit.
//   - Inputs are never changed. Models get batches of one size, filled across
//     images and steps, in a buffer that is reused. They must not keep it.
//
// # To add a metric
//
// Write one file with its paper and definition, and add a line to [Metrics]. The
// contract test ranges over that table.
package score
