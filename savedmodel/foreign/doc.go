// Package foreign converts a TensorFlow SavedModel of any program (Keras, tf.function,
// TensorFlow 1, TF Hub) to a model of oscar. Call [Adopt].
//
// A SavedModel calls functions, and reads variables by handles. TensorFlow's C gradients do
// not enter functions, so such a model cannot be explained. Adopt inlines all functions of
// one signature into one flat graph, removes unused parts (training branches with a constant
// predicate), rewrites operations without a correct gradient (package rewrite), reads the
// remaining variables from the checkpoint, finds the layers' names, and writes a SavedModel
// with oscar's metadata. See docs/design/0013-foreign-models.md.
//
// Models of others are not trusted. Sizes and counts are checked before use. Operations that can
// reach files, the network or other programs are refused.
package foreign
