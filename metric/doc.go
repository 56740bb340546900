// Package metric measures a classifier: accuracy, the confusion matrix with
// precision, recall and F1 of each class, log loss, the confidence interval of an
// accuracy, and McNemar's test of two classifiers on the same images. It does not
// depend on TensorFlow.
//
// # First call
//
//	confusion := metric.NewConfusion([]string{"glass", "metal"})
//	err := confusion.Add(truth, predicted) // class numbers, one image at a time
//	accuracy := confusion.Accuracy()
//	low, high := metric.Wilson95(confusion.Correct(), confusion.Total())
//
// # Properties
//
//   - Rows of a confusion matrix are true classes, columns predicted ones, as
//     in scikit-learn.
//   - Every value is finite: 0/0 counts as 0 (scikit-learn's zero_division=0),
//     and log loss is clipped as in Keras.
//   - Counts of batches or shards are added with [Confusion.Merge]. The result is the same as
//     in one pass over all images.
package metric
