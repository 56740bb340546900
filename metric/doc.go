// Package metric judges a classifier: accuracy, the confusion matrix with
// precision, recall and F1 of each class, log loss, the interval that an
// accuracy stands for, and McNemar's test of two classifiers on the same
// images. It knows nothing of TensorFlow.
//
// # First call
//
//	confusion := metric.NewConfusion([]string{"glass", "metal"})
//	err := confusion.Add(truth, predicted) // class numbers, one image at a time
//	accuracy := confusion.Accuracy()
//	low, high := metric.Wilson95(confusion.Correct(), confusion.Total())
//
// # What holds
//
//   - Rows of a confusion matrix are true classes, columns predicted ones, as
//     in scikit-learn.
//   - Every value is finite: 0/0 counts as 0 (scikit-learn's zero_division=0),
//     and log loss is clipped as in Keras.
//   - Counts of batches or shards are put together with [Confusion.Merge], and
//     give what one pass over all would.
package metric
